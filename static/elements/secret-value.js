/** <secret-value> around a read-only password input: reveals it on demand and hides it again when the page is left. */

import { icon, iconButton } from "./sprite.js";

class SecretValue extends HTMLElement {
  connectedCallback() {
    this.input = this.querySelector("input");
    if (!this.input || this.toggle) return;
    this.toggle = iconButton("Show", "eye", () => this.reveal(this.input.type === "password"));
    this.input.after(this.toggle);
    this.input.addEventListener("focus", () => this.input.select());
    this.reveal(false);
    this.hide = () => document.hidden && this.reveal(false);
    document.addEventListener("visibilitychange", this.hide);
  }

  disconnectedCallback() {
    document.removeEventListener("visibilitychange", this.hide);
  }

  reveal(shown) {
    this.input.type = shown ? "text" : "password";
    const label = `${shown ? "Hide" : "Show"} ${this.getAttribute("label") || "the secret"}`;
    this.toggle.title = label;
    this.toggle.setAttribute("aria-label", label);
    this.toggle.setAttribute("aria-pressed", String(shown));
    this.toggle.replaceChildren(icon(shown ? "eye-off" : "eye"));
  }
}

customElements.define("secret-value", SecretValue);

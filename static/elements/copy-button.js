/** <copy-button value="…">: copies its value, with `here` the page's address, or the text of the pre, code or input beside it. */

import { icon } from "./sprite.js";

const SHOWN_MILLISECONDS = 1600;

async function copy(text) {
  // navigator.clipboard exists on https and localhost only; a studio on a LAN is often neither.
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (!done) throw new Error("The browser refused to copy.");
}

class CopyButton extends HTMLElement {
  connectedCallback() {
    if (this.button) return;
    this.button = document.createElement("button");
    this.button.type = "button";
    this.button.className = "button button-quiet button-icon button-small";
    this.button.addEventListener("click", () => this.run());
    this.state = document.createElement("span");
    this.state.className = "visually-hidden";
    this.state.setAttribute("role", "status");
    this.append(this.button, this.state);
    this.show("copy", this.getAttribute("label") || "Copy");
  }

  get text() {
    if (this.hasAttribute("value")) return this.getAttribute("value");
    if (this.hasAttribute("here")) return location.href;
    const source = this.parentElement.querySelector("pre, code, input, textarea");
    return source?.value ?? source?.textContent ?? "";
  }

  show(symbol, label, announced = "") {
    this.button.title = label;
    this.button.setAttribute("aria-label", label);
    this.button.replaceChildren(icon(symbol));
    this.state.textContent = announced;
  }

  async run() {
    const label = this.getAttribute("label") || "Copy";
    try {
      await copy(this.text);
      this.show("check", label, "Copied");
    } catch {
      this.show("error", "The browser refused to copy", "Not copied");
    }
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.show("copy", label), SHOWN_MILLISECONDS);
  }
}

customElements.define("copy-button", CopyButton);

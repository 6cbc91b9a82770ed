/** <theme-switch>: system, light or dark, kept in local storage and in a cookie that the server reads before it renders. */

import { icon } from "./sprite.js";

const YEAR_SECONDS = 31536000;
const THEMES = [
  ["system", "system", "as the system"],
  ["light", "sun", "light"],
  ["dark", "moon", "dark"],
];

class ThemeSwitch extends HTMLElement {
  connectedCallback() {
    if (this.button) return;
    this.button = document.createElement("button");
    this.button.type = "button";
    this.button.className = "button button-quiet button-icon";
    this.button.addEventListener("click", () => this.next());
    this.append(this.button);
    this.show();
  }

  get position() {
    return Math.max(0, THEMES.findIndex(([name]) => name === document.documentElement.dataset.theme));
  }

  next() {
    const [theme] = THEMES[(this.position + 1) % THEMES.length];
    document.documentElement.dataset.theme = theme;
    document.cookie = `atelier_theme=${theme}; path=/; max-age=${YEAR_SECONDS}; samesite=lax`;
    try {
      localStorage.setItem("atelier_theme", theme);
    } catch {
      // The cookie alone carries the choice.
    }
    this.show();
  }

  show() {
    const [, symbol, words] = THEMES[this.position];
    this.button.title = `Theme: ${words}`;
    this.button.setAttribute("aria-label", `Theme: ${words}. Switch.`);
    this.button.replaceChildren(icon(symbol));
  }
}

customElements.define("theme-switch", ThemeSwitch);

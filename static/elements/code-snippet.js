/** <code-snippet>: turns its .code[data-title] children into tabs; the chosen language holds for all snippets and pages. */

const STORED = "atelier_snippet";
const CHOSEN = "code-snippet:chosen";
let count = 0;

function remembered() {
  try {
    return localStorage.getItem(STORED);
  } catch {
    return null;
  }
}

class CodeSnippet extends HTMLElement {
  connectedCallback() {
    this.follow = (event) => this.select(event.detail, false);
    document.addEventListener(CHOSEN, this.follow);
    if (!this.list) this.build();
  }

  disconnectedCallback() {
    document.removeEventListener(CHOSEN, this.follow);
  }

  build() {
    this.panels = [...this.querySelectorAll(":scope > .code[data-title]")];
    if (this.panels.length === 0) return;
    const prefix = `snippet-${++count}`;
    this.list = document.createElement("div");
    this.list.className = "snippet-tabs";
    this.list.setAttribute("role", "tablist");
    this.list.setAttribute("aria-label", this.getAttribute("aria-label") || "Code");
    this.tabs = this.panels.map((panel, position) => this.tab(panel, `${prefix}-${position}`));
    this.list.append(...this.tabs);
    this.prepend(this.list);
    this.select(remembered(), false) || this.select(this.panels[0].dataset.title, false);
  }

  tab(panel, id) {
    const tab = document.createElement("button");
    tab.type = "button";
    tab.id = `${id}-tab`;
    tab.textContent = panel.dataset.title;
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-controls", id);
    tab.addEventListener("click", () => this.select(panel.dataset.title, true));
    tab.addEventListener("keydown", (event) => this.onKey(event));
    panel.id = id;
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-labelledby", tab.id);
    return tab;
  }

  onKey(event) {
    const at = this.tabs.indexOf(event.target);
    const last = this.tabs.length - 1;
    const next = { ArrowRight: at === last ? 0 : at + 1, ArrowLeft: at === 0 ? last : at - 1, Home: 0, End: last }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    this.select(this.panels[next].dataset.title, true);
    this.tabs[next].focus();
  }

  /** Returns whether there is a panel of that title. */
  select(title, tellOthers) {
    const chosen = this.panels.findIndex((panel) => panel.dataset.title === title);
    if (chosen < 0) return false;
    this.panels.forEach((panel, position) => {
      panel.hidden = position !== chosen;
      this.tabs[position].setAttribute("aria-selected", String(position === chosen));
      this.tabs[position].tabIndex = position === chosen ? 0 : -1;
    });
    if (tellOthers) this.remember(title);
    return true;
  }

  remember(title) {
    try {
      localStorage.setItem(STORED, title);
    } catch {
      // The choice then lasts as long as the page.
    }
    document.dispatchEvent(new CustomEvent(CHOSEN, { detail: title }));
  }
}

customElements.define("code-snippet", CodeSnippet);

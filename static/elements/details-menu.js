/** <details-menu> around a <details class="menu">: closes outside and on Escape, arrow keys, and a panel that no scroll box cuts off. */

const GAP = 4;

class DetailsMenu extends HTMLElement {
  connectedCallback() {
    this.stop = new AbortController();
    const { signal } = this.stop;
    this.details = this.querySelector("details");
    this.panel = this.querySelector(".menu-panel");
    if (!this.details || !this.panel) return;
    this.details.addEventListener("toggle", () => this.place(), { signal });
    this.addEventListener("keydown", (event) => this.onKey(event), { signal });
    this.panel.addEventListener("click", (event) => event.target.closest("a, button") && this.close(), { signal });
    document.addEventListener("click", (event) => !this.contains(event.target) && this.close(), { signal });
    addEventListener("scroll", (event) => event.target.contains(this) && this.place(), { signal, capture: true, passive: true });
    addEventListener("resize", () => this.close(), { signal });
  }

  disconnectedCallback() {
    this.stop?.abort();
  }

  close() {
    this.details.open = false;
  }

  place() {
    if (!this.details.open) return;
    const anchor = this.details.querySelector("summary").getBoundingClientRect();
    if (anchor.bottom < 0 || anchor.top > innerHeight) return this.close();
    const { style } = this.panel;
    style.position = "fixed";
    style.right = "auto";
    const { offsetWidth: width, offsetHeight: height } = this.panel;
    const left = this.details.classList.contains("menu-start") ? anchor.left : anchor.right - width;
    const below = anchor.bottom + GAP + height <= innerHeight;
    style.left = `${Math.max(GAP, Math.min(left, innerWidth - width - GAP))}px`;
    style.top = `${below ? anchor.bottom + GAP : Math.max(GAP, anchor.top - GAP - height)}px`;
  }

  onKey(event) {
    if (event.key === "Escape" && this.details.open) {
      event.stopPropagation();
      this.close();
      this.details.querySelector("summary").focus();
      return;
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    this.details.open = true;
    const entries = [...this.panel.querySelectorAll("a[href], button:not(:disabled)")];
    const at = entries.indexOf(document.activeElement);
    const next = at < 0 ? (step > 0 ? 0 : entries.length - 1) : (at + step + entries.length) % entries.length;
    entries[next]?.focus();
  }
}

customElements.define("details-menu", DetailsMenu);

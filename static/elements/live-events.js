/** <live-events src>: hands the server's hints to the page as `atelier:KIND` and `atelier:changed` on document. */

import { EventStream } from "./event-stream.js";

const PATIENCE_MILLISECONDS = 1500;
const QUIET_MILLISECONDS = 400;

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function dispatch(kind, data) {
  const detail = { kind, data };
  document.dispatchEvent(new CustomEvent(`atelier:${kind}`, { detail }));
  document.dispatchEvent(new CustomEvent("atelier:changed", { detail }));
}

class LiveEvents extends HTMLElement {
  connectedCallback() {
    this.kinds = new Set();
    this.lately = new Set();
    this.timer = null;
    this.opened = false;
    this.setAttribute("role", "status");
    this.stream = new EventStream(this.getAttribute("src"), {
      onEvent: (event) => this.onEvent(event),
      onState: (state) => this.onState(state),
    });
  }

  disconnectedCallback() {
    this.stream.close();
    clearTimeout(this.timer);
    clearTimeout(this.quiet);
  }

  onEvent({ kind, data }) {
    this.kinds.add(kind);
    dispatch(kind, parsed(data));
    // A hint that comes while htmx replaces the element that listens finds nobody, so the last ones are given again.
    if (kind !== "end") this.lately.add(kind);
    clearTimeout(this.quiet);
    this.quiet = setTimeout(() => this.repeat(), QUIET_MILLISECONDS);
    if (kind === "end") this.stream.close();
  }

  repeat() {
    this.lately.forEach((kind) => dispatch(kind, null));
    this.lately.clear();
  }

  onState(state) {
    if (state === "waiting") {
      this.timer ??= setTimeout(() => (this.textContent = "Reconnecting…"), PATIENCE_MILLISECONDS);
      return;
    }
    clearTimeout(this.timer);
    this.timer = null;
    this.textContent = "";
    // Hints that were sent while nobody listened are lost, so everything that follows them looks once more.
    if (state === "open" && this.opened) this.kinds.forEach((kind) => kind !== "end" && dispatch(kind, null));
    this.opened = true;
  }
}

customElements.define("live-events", LiveEvents);

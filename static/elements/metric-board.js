/** <metric-board runs groups names history table live curved>: a chart for each metric, by group; only those in view exist. */

import { follow } from "./metric-feed.js";
import { icon } from "./sprite.js";

const FEW_NAMES = 12;
const NAMES_AT_ONCE = 100;
const WAIT_MILLISECONDS = 250;
const ROOM_PIXELS = 400;

function made(tag, className, ...children) {
  const node = document.createElement(tag);
  node.className = className;
  node.append(...children);
  return node;
}

/** The charts of one group of names: a grid as high as all of them, with those in view within it. */
class Group {
  constructor(board, { group, count }) {
    this.board = board;
    this.group = group;
    this.names = new Map();
    this.charts = new Map();
    this.grid = made("div", "board-grid");
    this.number = made("span", "count");
    this.node = made("details", "board-group", made("summary", "", made("span", "", group || (group === null ? "All metrics" : "Metrics")), this.number), this.grid);
    this.node.open = true;
    this.node.addEventListener("toggle", () => this.board.later());
    this.setCount(count);
  }

  setCount(count) {
    // Names that came may stand anywhere among those that are known, which are shown until they were asked for again.
    if (count !== this.count) this.pages = new Set();
    this.count = count;
    this.number.textContent = count.toLocaleString();
  }

  /** Draw what lies between two distances from the top of the window, and drop the rest. */
  show(top, bottom) {
    const { columns, height, gap } = this.board.measures;
    const rows = Math.ceil(this.count / columns);
    this.grid.style.height = `${rows * (height + gap) - gap}px`;
    const start = this.node.open ? this.grid.getBoundingClientRect().top : Infinity;
    const first = Math.max(0, Math.floor((top - start) / (height + gap))) * columns;
    const last = Math.min(this.count, (Math.floor((bottom - start) / (height + gap)) + 1) * columns);
    const wanted = new Map();
    for (let index = first; index < last; index += 1) {
      const page = Math.floor(index / NAMES_AT_ONCE) + 1;
      if (!this.pages.has(page)) this.fetch(page);
      const name = this.names.get(index);
      if (name !== undefined) wanted.set(name, index);
    }
    for (const [name, node] of this.charts) {
      if (wanted.has(name) || node.contains(document.activeElement) || document.fullscreenElement?.parentNode === node) continue;
      node.remove();
      this.charts.delete(name);
    }
    for (const [name, index] of wanted) this.place(name, index);
  }

  place(name, index) {
    const { columns, width, height, gap } = this.board.measures;
    let node = this.charts.get(name);
    if (!node) {
      node = made("section", "card board-chart", this.board.chart(name));
      this.charts.set(name, node);
      this.grid.append(node);
    }
    node.style.width = `${width}px`;
    node.style.height = `${height}px`;
    node.style.transform = `translate(${(index % columns) * (width + gap)}px, ${Math.floor(index / columns) * (height + gap)}px)`;
  }

  async fetch(page) {
    const { pages } = this;
    pages.add(page);
    try {
      const fields = { page, size: NAMES_AT_ONCE, ...(this.group === null ? {} : { group: this.group }) };
      const { value } = await this.board.ask("names", fields);
      value.forEach((name, offset) => this.names.set((page - 1) * NAMES_AT_ONCE + offset, name));
      this.board.later();
    } catch {
      pages.delete(page);
    }
  }
}

class MetricBoard extends HTMLElement {
  connectedCallback() {
    this.stop = new AbortController();
    const { signal } = this.stop;
    if (!this.body) this.build();
    addEventListener("scroll", () => this.later(), { signal, passive: true, capture: true });
    this.sizes = new ResizeObserver(() => this.later());
    this.sizes.observe(this);
    if (this.hasAttribute("live")) follow(() => this.look(), signal);
    this.look();
  }

  disconnectedCallback() {
    this.stop.abort();
    this.sizes.disconnect();
    clearTimeout(this.timer);
  }

  build() {
    this.groups = new Map();
    this.search = Object.assign(document.createElement("input"), { type: "search", className: "input", placeholder: "Search metrics", autocomplete: "off", spellcheck: false });
    this.search.setAttribute("aria-label", "Search metrics");
    this.search.value = new URLSearchParams(location.search).get("text") ?? "";
    this.search.addEventListener("input", () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.find(), WAIT_MILLISECONDS);
    });
    this.said = made("p", "muted board-said");
    this.said.setAttribute("role", "status");
    this.body = made("div", "board-groups");
    this.tools = made("div", "board-tools", made("label", "search", icon("search"), this.search), document.createElement("metric-settings"));
    this.append(this.tools, this.said, this.body);
  }

  get text() {
    return this.search.value.trim();
  }

  get several() {
    return this.getAttribute("runs").includes(",");
  }

  /** Columns, and the width and height of a chart with the gap between them, in pixels. */
  get measures() {
    const gap = 12;
    const all = this.body.clientWidth;
    const columns = Math.max(1, Math.floor((all + gap) / (420 + gap)));
    return { columns, gap, width: Math.floor((all - gap * (columns - 1)) / columns), height: this.several ? 400 : 290 };
  }

  find() {
    const address = new URL(location.href);
    if (this.text) address.searchParams.set("text", this.text);
    else address.searchParams.delete("text");
    history.replaceState(history.state, "", address);
    this.look();
  }

  async ask(what, fields = {}) {
    const address = new URL(this.getAttribute(what), location.href);
    const given = { names: this.getAttribute("runs"), search: this.text, curved: this.hasAttribute("curved"), ...fields };
    for (const [name, value] of Object.entries(given)) address.searchParams.set(name, value);
    const answer = await fetch(address, { headers: { Accept: "application/json" }, signal: this.stop.signal });
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    return answer.json();
  }

  /** See which groups there are, and how large they are now. */
  async look() {
    if (this.looking) return void (this.again = true);
    this.looking = true;
    const { text } = this;
    try {
      const { value } = await this.ask("groups");
      if (text === this.text) this.take(value, text);
    } catch (error) {
      if (error.name !== "AbortError" && this.groups.size === 0) this.said.textContent = `Could not be loaded: ${error.message}.`;
    } finally {
      this.looking = false;
      if (this.again && this.isConnected) {
        this.again = false;
        this.look();
      }
    }
  }

  take(found, text) {
    if (text !== this.found) this.body.replaceChildren(), this.groups.clear();
    this.found = text;
    const count = found.reduce((sum, one) => sum + one.count, 0);
    // Groups of one or two charts each would only leave gaps.
    if (count > 0 && count <= FEW_NAMES && !this.getAttribute("groups").includes("group=")) found = [{ group: null, count }];
    const keys = new Set(found.map(({ group }) => group));
    for (const [key, group] of this.groups) if (!keys.has(key)) group.node.remove(), this.groups.delete(key);
    for (const one of found) {
      const known = this.groups.get(one.group);
      if (known) known.setCount(one.count);
      else this.groups.set(one.group, new Group(this, one));
    }
    const nodes = found.map(({ group }) => this.groups.get(group).node);
    if (nodes.some((node, index) => node !== this.body.children[index])) this.body.replaceChildren(...nodes);
    this.said.textContent = text ? `${count.toLocaleString()} of the metrics have “${text}” in their name.` : "";
    this.later();
  }

  chart(name) {
    const chart = document.createElement("metric-chart");
    const address = (what) => {
      const url = new URL(this.getAttribute(what), location.href);
      url.searchParams.set("names", this.getAttribute("runs"));
      url.searchParams.set("key", name);
      return url.href;
    };
    chart.setAttribute("label", name);
    chart.setAttribute("src", address("history"));
    chart.setAttribute("table", address("table"));
    if (this.hasAttribute("live")) chart.setAttribute("live", "");
    return chart;
  }

  /** Once before the next frame. */
  later() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      if (!this.isConnected) return;
      for (const group of this.groups.values()) group.show(-ROOM_PIXELS, innerHeight + ROOM_PIXELS);
    });
  }
}

customElements.define("metric-board", MetricBoard);

/** The lines of a metric's chart with their values, the highest first; a click hides or shows a run in all charts. */

import { colourName } from "./metric-plot.js";
import { short } from "./metric-series.js";
import { change, settings } from "./metric-settings.js";

function made(tag, className, ...children) {
  const node = document.createElement(tag);
  node.className = className;
  node.append(...children);
  return node;
}

export class Legend {
  constructor() {
    this.node = made("div", "chart-legend");
    this.rows = new Map();
  }

  /** `runs` in the order of their colours; one run has no name and cannot be hidden. */
  setRuns(runs) {
    const names = runs.join("\n");
    if (names === this.names) return;
    this.names = names;
    this.rows = new Map(runs.map((run, index) => [index, this.row(run, index, runs.length > 1)]));
    this.node.replaceChildren(...[...this.rows.values()].map(({ node }) => node));
  }

  row(run, index, named) {
    const value = made("strong", "");
    const spread = made("span", "chart-spread");
    const dot = made("span", `chart-dot ${colourName(index)}`);
    const name = made("span", "truncate", run);
    if (!named) return { node: made("div", "chart-key", dot, value, spread), value, spread };
    const node = made("button", "chart-key", dot, name, spread, value);
    node.type = "button";
    node.title = run;
    node.addEventListener("click", () => {
      settings.off.has(run) ? settings.off.delete(run) : settings.off.add(run);
      change({});
    });
    return { node, value, spread, run };
  }

  /** `values` are `{index, value, low, high}`: those that are not among them have none at that place. */
  show(values) {
    const known = new Map(values.map((one) => [one.index, one]));
    for (const [index, { node, value, spread, run }] of this.rows) {
      const one = known.get(index);
      value.textContent = short(one?.value);
      spread.textContent = one && one.low !== one.high ? `${short(one.low)} … ${short(one.high)}` : "";
      if (run !== undefined) node.setAttribute("aria-pressed", String(!settings.off.has(run)));
    }
    this.sort(known);
  }

  sort(known) {
    if (this.rows.size < 2) return;
    const value = (index) => known.get(index)?.value ?? -Infinity;
    const order = [...this.rows.keys()].sort((a, b) => value(b) - value(a) || a - b);
    const words = order.join();
    if (words === this.order) return;
    this.order = words;
    const focused = document.activeElement;
    this.node.append(...order.map((index) => this.rows.get(index).node));
    // A node that is moved loses the focus.
    if (this.node.contains(focused)) focused.focus({ preventScroll: true });
  }

  mark(index) {
    for (const [at, { node }] of this.rows) node.classList.toggle("is-near", at === index);
  }
}

/** What plots of runs share: their values, scales, colours and how a value is written. */

const SVG = "http://www.w3.org/2000/svg";
const cache = new Map();

/** `{columns: [{id, label}], runs: [{name, label, values}]}`; the plots of a page ask for it once. */
export function load(src) {
  const address = new URL(src, location.href).href;
  if (!cache.has(address)) {
    const asked = fetch(address, { headers: { Accept: "application/json" } }).then((answer) => {
      if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
      return answer.json();
    });
    cache.set(address, asked);
    // Runs go on, so a page that is drawn anew later asks again.
    setTimeout(() => cache.delete(address), 5000);
  }
  return cache.get(address);
}

export function drawn(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

export function written(value) {
  if (typeof value !== "number") return value ?? "—";
  const size = Math.abs(value);
  if (value !== 0 && (size < 1e-3 || size >= 1e6)) return value.toExponential(2);
  return String(Number(value.toPrecision(4)));
}

export function label(data, id) {
  return data.columns.find((column) => column.id === id)?.label ?? id;
}

/** Where values of a column lie between 0 and 1: numbers in proportion, anything else evenly in its order. */
export function scale(data, id) {
  const values = data.runs.map((run) => run.values[id]).filter((value) => value !== undefined);
  if (values.length > 0 && values.every((value) => typeof value === "number")) {
    const low = Math.min(...values);
    const high = Math.max(...values);
    const spread = high - low;
    const marks = spread > 0 ? ticks(low, high) : [low];
    return { at: (value) => (spread > 0 ? (value - low) / spread : 0.5), marks, low, high, numeric: true };
  }
  const words = [...new Set(values.map(String))].sort();
  const at = (value) => (words.length > 1 ? words.indexOf(String(value)) / (words.length - 1) : 0.5);
  return { at, marks: words.slice(0, 24), numeric: false };
}

function ticks(low, high) {
  const rough = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((part) => part * power >= rough);
  const marks = [];
  for (let index = Math.ceil(low / step); index * step <= high + step * 1e-9; index += 1) marks.push(index * step);
  return marks;
}

/** A colour for each run, as CSS that follows the theme. */
export function colours(data, id) {
  if (!id) return data.runs.map((_, index) => `var(--series-${(index % 8) + 1})`);
  const along = scale(data, id);
  return data.runs.map(({ values }) => {
    if (values[id] === undefined) return "var(--text-disabled)";
    if (!along.numeric) return `var(--series-${(along.marks.indexOf(String(values[id])) % 8) + 1})`;
    return `color-mix(in oklch, var(--series-2) ${Math.round(along.at(values[id]) * 100)}%, var(--series-1))`;
  });
}

/** What the colours stand for, as a node below the plot. */
export function legend(data, id) {
  const node = document.createElement("div");
  node.className = "plot-legend";
  if (!id) return node;
  const along = scale(data, id);
  const name = document.createElement("span");
  name.className = "muted";
  name.textContent = label(data, id);
  node.append(name);
  if (along.numeric) {
    const bar = document.createElement("span");
    bar.className = "plot-bar";
    node.append(written(along.low), bar, written(along.high));
  } else {
    for (const [index, word] of along.marks.entries()) {
      const dot = document.createElement("span");
      dot.className = `chart-dot series-${(index % 8) + 1}`;
      const entry = document.createElement("span");
      entry.className = "plot-entry";
      entry.append(dot, word);
      node.append(entry);
    }
  }
  return node;
}

/** One run among the drawn ones is looked at: by pointer, focus and arrow keys; Enter opens it. */
export class RunPlot extends HTMLElement {
  connectedCallback() {
    this.stop = new AbortController();
    this.sizes = new ResizeObserver(() => this.data && this.clientWidth !== this.width && this.draw());
    this.sizes.observe(this);
    this.start();
  }

  disconnectedCallback() {
    this.stop.abort();
    this.sizes.disconnect();
  }

  async start() {
    try {
      this.data = await load(this.getAttribute("src"));
      if (this.isConnected) this.draw();
    } catch (error) {
      this.textContent = `Could not be loaded: ${error.message}.`;
    }
  }

  /** Put the drawing, its tip and its legend in place; `marks` are the nodes of the runs, by index. */
  show(svg, marks, words) {
    this.width = this.clientWidth;
    this.marks = marks;
    this.tip = Object.assign(document.createElement("div"), { className: "plot-tip", hidden: true });
    this.tip.setAttribute("aria-live", "polite");
    svg.setAttribute("tabindex", "0");
    svg.setAttribute("role", "application");
    svg.setAttribute("aria-label", `${words} Arrow keys go from run to run, Enter opens one.`);
    svg.addEventListener("keydown", (event) => this.onKey(event));
    svg.addEventListener("blur", () => this.look(-1));
    svg.addEventListener("pointerleave", () => this.look(-1));
    marks.forEach((mark, index) => {
      mark?.addEventListener("pointerenter", () => this.look(index));
      mark?.addEventListener("click", () => this.open(index));
    });
    this.replaceChildren(svg, this.tip, legend(this.data, this.getAttribute("colour")));
  }

  look(index) {
    this.at = index;
    this.marks.forEach((mark, position) => mark?.classList.toggle("is-on", position === index));
    this.classList.toggle("is-looking", index >= 0);
    this.tip.hidden = index < 0;
    if (index < 0) return;
    this.marks[index].parentNode.append(this.marks[index]);
    const run = this.data.runs[index];
    const rows = this.shown.map((id) => Object.assign(document.createElement("div"), { textContent: `${label(this.data, id)}: ${written(run.values[id])}` }));
    const name = Object.assign(document.createElement("strong"), { textContent: run.label });
    this.tip.replaceChildren(name, ...rows);
  }

  onKey(event) {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (event.key === "Enter" && this.at >= 0) return this.open(this.at);
    if (event.key === "Escape") return this.look(-1);
    if (!step) return;
    event.preventDefault();
    const drawnOnes = this.marks.flatMap((mark, index) => (mark ? [index] : []));
    if (drawnOnes.length === 0) return;
    const place = drawnOnes.indexOf(this.at ?? -1);
    this.look(drawnOnes[place < 0 ? (step > 0 ? 0 : drawnOnes.length - 1) : (place + step + drawnOnes.length) % drawnOnes.length]);
  }

  open(index) {
    location.assign(`${this.getAttribute("link")}${encodeURIComponent(this.data.runs[index].name)}`);
  }
}

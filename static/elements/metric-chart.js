/** <metric-chart src>: live curves of a metric, one for each run, with tooltip, smoothing, log scale and export. */

import { aligned, clock, column, csv, lasted, short, smoothed } from "./metric-series.js";
import { iconButton } from "./sprite.js";

const POLL_MILLISECONDS = 2000;
const COLOURS = 8;
const X_AXES = [["step", "Step"], ["relative", "Relative time"], ["wall", "Wall time"]];
const X_MARKS = {
  // A step is a whole number, and so is every mark.
  step: { incrs: Array.from({ length: 10 }, (_, power) => [1, 2, 5].map((part) => part * 10 ** power)).flat() },
  relative: { values: (_, splits) => splits.map(lasted) },
  wall: { values: (_, splits) => splits.map((split) => clock(split, splits[1] - splits[0])) },
};
let count = 0;
// Most pages show no chart, so the library is fetched with the first one.
let uPlot;

function made(tag, className, ...children) {
  const node = document.createElement(tag);
  node.className = className;
  node.append(...children);
  return node;
}

function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

class MetricChart extends HTMLElement {
  connectedCallback() {
    this.stop = new AbortController();
    this.series ??= [];
    this.off ??= new Set();
    this.next ??= null;
    this.final = false;
    if (!this.stage) this.build();
    const { signal } = this.stop;
    document.addEventListener("atelier:metrics", () => this.load(), { signal });
    document.addEventListener("visibilitychange", () => !document.hidden && this.live && this.load(), { signal });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw(), { signal });
    this.themes = new MutationObserver(() => this.draw());
    this.themes.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    this.sizes = new ResizeObserver(() => this.resize());
    this.sizes.observe(this.stage);
    this.timer = setInterval(() => this.live && !document.hidden && this.load(), POLL_MILLISECONDS);
    if (this.series.length > 0) this.draw();
    this.load();
  }

  disconnectedCallback() {
    this.stop.abort();
    this.themes.disconnect();
    this.sizes.disconnect();
    clearInterval(this.timer);
    this.plot?.destroy();
    this.plot = null;
    this.shape = null;
  }

  get live() {
    return this.hasAttribute("live") && !this.final;
  }

  get label() {
    return this.getAttribute("label") || this.series[0]?.key || "metric";
  }

  get height() {
    return Number(this.getAttribute("height")) || 220;
  }

  build() {
    const id = `chart-${++count}`;
    this.x = made("select", "input chart-select");
    X_AXES.forEach(([value, words]) => this.x.add(new Option(words, value)));
    this.x.value = this.getAttribute("x") || "step";
    this.x.setAttribute("aria-label", "Horizontal axis");
    this.smoothing = Object.assign(document.createElement("input"), { type: "range", min: 0, max: 0.99, step: 0.01, id });
    this.smoothing.value = this.getAttribute("smoothing") || 0;
    this.smoothing.setAttribute("aria-label", "Smoothing");
    this.log = Object.assign(document.createElement("input"), { type: "checkbox", checked: this.hasAttribute("log") });
    for (const control of [this.x, this.smoothing, this.log]) control.addEventListener("input", () => this.draw());
    const tools = made("div", "chart-tools", this.x, made("label", "chart-tool", "Smooth", this.smoothing), made("label", "chart-tool", this.log, "Log"));
    tools.append(made("span", "chart-exports", iconButton("Download as PNG", "image", () => this.savePicture()), iconButton("Download as CSV", "download", () => this.saveTable())));
    this.stage = made("div", "chart-stage");
    this.stage.tabIndex = 0;
    this.stage.setAttribute("role", "img");
    this.stage.setAttribute("aria-label", `Chart of ${this.label}`);
    this.stage.addEventListener("keydown", (event) => this.onKey(event));
    this.stage.addEventListener("blur", () => this.plot?.setCursor({ left: -10, top: -10 }));
    this.tip = made("div", "chart-tip");
    this.tip.hidden = true;
    this.note = made("div", "chart-note", "Loading…");
    this.spoken = made("div", "visually-hidden");
    this.spoken.setAttribute("aria-live", "polite");
    this.legend = made("div", "chart-legend");
    this.append(tools, made("div", "chart-frame", this.stage, this.tip, this.note), this.legend, this.spoken);
  }

  async load() {
    // Two hints in a row must not fetch the same increment twice.
    if (this.loading) return void (this.again = true);
    this.loading = true;
    try {
      const address = new URL(this.getAttribute("src"), location.href);
      if (this.next !== null) address.searchParams.set("after", this.next);
      const answer = await fetch(address, { headers: { Accept: "application/json" }, signal: this.stop.signal });
      if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
      uPlot ??= (await import("../vendor/uplot-1.6.32.esm.js")).default;
      this.take(await answer.json());
    } catch (error) {
      if (error.name !== "AbortError" && this.series.length === 0) this.say(`Could not be loaded: ${error.message}.`);
    } finally {
      this.loading = false;
      if (this.again && this.isConnected) {
        this.again = false;
        this.load();
      }
    }
  }

  take({ series, next, final }) {
    const first = this.next === null;
    let grown = first;
    for (const part of series) {
      const known = this.series.find((one) => one.run === part.run && one.key === part.key);
      if (known) known.points.push(...part.points);
      else this.series.push({ ...part, points: [...part.points] });
      grown ||= part.points.length > 0;
    }
    this.next = next;
    this.final = final;
    if (grown) this.draw();
  }

  say(text) {
    this.note.textContent = text;
    this.note.hidden = text === "";
  }

  columns() {
    const weight = Number(this.smoothing.value);
    return this.series.flatMap(({ points }, index) => {
      const [xs, ys] = column(points, this.x.value, this.log.checked);
      const shown = { index, column: [xs, weight > 0 ? smoothed(ys, weight) : ys], faint: false };
      return weight > 0 ? [{ index, column: [xs, ys], faint: true }, shown] : [shown];
    });
  }

  colour(name) {
    this.style.setProperty("--probe", `var(${name})`);
    // light-dark() resolves only in a colour property, so the colour is read from one that is painted with it.
    return getComputedStyle(this.tip).getPropertyValue("outline-color");
  }

  draw() {
    if (!this.isConnected) return;
    const any = this.series.some(({ points }) => points.length > 0);
    this.say(any ? "" : this.live ? "Waiting for the first point…" : "No points were logged.");
    if (!any) return;
    const columns = this.columns();
    const data = aligned(columns.map((one) => one.column));
    const shape = JSON.stringify([this.x.value, this.log.checked, columns.map(({ index, faint }) => [index, faint, this.off.has(index)]), this.colour("--text")]);
    if (this.plot && shape === this.shape) {
      this.plot.setData(data, !this.zoomed);
    } else {
      this.plot?.destroy();
      this.zoomed = false;
      this.stage.replaceChildren();
      this.plot = new uPlot(this.options(columns), data, this.stage);
      this.shape = shape;
    }
    this.describe(columns);
  }

  options(columns) {
    const axis = { stroke: this.colour("--text-muted"), grid: { stroke: this.colour("--line"), width: 1 }, ticks: { stroke: this.colour("--line"), width: 1 }, font: `11px ${getComputedStyle(this).fontFamily}` };
    const x = this.x.value;
    const one = columns.filter(({ faint }) => !faint).every(({ column: [xs] }) => xs.length <= 1);
    const series = columns.map(({ index, faint }) => ({
      stroke: this.colour(`--series-${(index % COLOURS) + 1}`),
      width: faint ? 1 : 1.75,
      alpha: faint ? 0.28 : 1,
      show: !this.off.has(index),
      points: { show: one && !faint, size: 6 },
    }));
    return {
      width: this.stage.clientWidth || 300,
      height: this.height,
      legend: { show: false },
      cursor: { points: { size: 6 }, drag: { x: true, y: false, setScale: true } },
      scales: { x: { time: x === "wall" }, y: { distr: this.log.checked ? 3 : 1 } },
      axes: [
        { ...axis, size: 30, space: 60, ...X_MARKS[x] },
        { ...axis, size: 52, values: (_, splits) => splits.map((value) => (value === null ? "" : short(value))) },
      ],
      series: [{}, ...series],
      hooks: {
        setCursor: [(plot) => this.point(plot, columns)],
        setSelect: [(plot) => (this.zoomed = plot.select.width > 0 || this.zoomed)],
        ready: [(plot) => plot.over.addEventListener("dblclick", () => (this.zoomed = false))],
      },
    };
  }

  at(plot, index) {
    const x = plot.data[0][index];
    if (this.x.value === "wall") return new Date(x * 1000).toLocaleString();
    return this.x.value === "relative" ? lasted(x) : `step ${x}`;
  }

  point(plot, columns) {
    const { idx: index, left } = plot.cursor;
    this.tip.hidden = index === null || index === undefined || left < 0;
    if (this.tip.hidden) return;
    const rows = columns.flatMap(({ index: run, faint }, position) => {
      const value = plot.data[position + 1][index];
      if (faint || this.off.has(run) || value === undefined) return [];
      const name = made("span", "truncate", this.series.length > 1 ? this.series[run].run : this.label);
      return [made("div", "chart-tip-row", made("span", `chart-dot series-${(run % COLOURS) + 1}`), name, made("strong", "", short(value)))];
    });
    this.tip.replaceChildren(made("div", "muted", this.at(plot, index)), ...rows);
    const room = this.stage.clientWidth - this.tip.offsetWidth;
    const start = left + plot.bbox.left / devicePixelRatio + 14;
    this.tip.style.left = `${start > room ? Math.max(0, start - this.tip.offsetWidth - 28) : start}px`;
    if (document.activeElement === this.stage) this.spoken.textContent = this.tip.innerText;
  }

  onKey(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step || !this.plot) return;
    event.preventDefault();
    const last = this.plot.data[0].length - 1;
    const index = Math.max(0, Math.min(last, (this.plot.cursor.idx ?? (step > 0 ? -1 : last + 1)) + step * (event.shiftKey ? 10 : 1)));
    this.plot.setCursor({ left: this.plot.valToPos(this.plot.data[0][index], "x"), top: this.plot.over.clientHeight / 2 });
  }

  describe(columns) {
    const words = [];
    const entries = columns.filter(({ faint }) => !faint).map(({ index, column: [, ys] }) => {
      const last = ys.findLast((value) => value !== null && value !== undefined);
      const { run } = this.series[index];
      words.push(`${run} ${short(last)}`);
      const button = made("button", "chart-key", made("span", `chart-dot series-${(index % COLOURS) + 1}`), made("span", "truncate", this.series.length > 1 ? run : "last"), made("strong", "", short(last)));
      button.type = "button";
      button.setAttribute("aria-pressed", String(!this.off.has(index)));
      button.addEventListener("click", () => {
        this.off.has(index) ? this.off.delete(index) : this.off.add(index);
        this.draw();
      });
      return button;
    });
    this.legend.replaceChildren(...entries);
    this.stage.setAttribute("aria-label", `Line chart of ${this.label}. Last values: ${words.join(", ")}. Arrow keys move along the curve.`);
  }

  resize() {
    const width = this.stage.clientWidth;
    if (this.plot && width > 0 && Math.abs(width - this.plot.width) > 1) this.plot.setSize({ width, height: this.height });
  }

  savePicture() {
    if (!this.plot) return;
    const source = this.plot.ctx.canvas;
    const picture = Object.assign(document.createElement("canvas"), { width: source.width, height: source.height + 28 * devicePixelRatio });
    const context = picture.getContext("2d");
    context.fillStyle = this.colour("--surface-card");
    context.fillRect(0, 0, picture.width, picture.height);
    context.fillStyle = this.colour("--text");
    context.font = `600 ${13 * devicePixelRatio}px sans-serif`;
    context.fillText(this.label, 12 * devicePixelRatio, 19 * devicePixelRatio);
    context.drawImage(source, 0, 28 * devicePixelRatio);
    picture.toBlob((blob) => save(blob, `${this.label.replaceAll("/", "-")}.png`));
  }

  saveTable() {
    save(new Blob([csv(this.series)], { type: "text/csv" }), `${this.label.replaceAll("/", "-")}.csv`);
  }
}

customElements.define("metric-chart", MetricChart);

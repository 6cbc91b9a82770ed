/** <metric-chart src label axis live table>: live curves of a metric, one for each run, with their values at the cursor. */

import { ask, follow } from "./metric-feed.js";
import { Legend } from "./metric-legend.js";
import { savePicture } from "./metric-picture.js";
import { colourName, plotOptions, positionWords } from "./metric-plot.js";
import { aligned, line, nearest, short, smoothed } from "./metric-series.js";
import { onChange, settings } from "./metric-settings.js";
import { iconButton } from "./sprite.js";

// A series that grew by this many points while it was watched is asked for again, thinned.
const MOST_GROWN = 4000;
const REACH_PIXELS = 8;
const FEW_LINES = 8;
// Most pages show no chart, so the library is fetched with the first one.
let uPlot;

function made(tag, className, ...children) {
  const node = document.createElement(tag);
  node.className = className;
  node.append(...children);
  return node;
}

class MetricChart extends HTMLElement {
  connectedCallback() {
    this.stop = new AbortController();
    this.series ??= [];
    this.next ??= null;
    this.final = false;
    if (!this.stage) this.build();
    const { signal } = this.stop;
    follow(() => this.live && this.load(), signal);
    onChange(() => this.later(), signal);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.later(), { signal });
    this.themes = new MutationObserver(() => this.later());
    this.themes.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    this.sizes = new ResizeObserver(() => this.plot?.setSize(this.size));
    this.sizes.observe(this.stage);
    this.load();
  }

  disconnectedCallback() {
    this.stop.abort();
    this.themes.disconnect();
    this.sizes.disconnect();
    this.plot?.destroy();
    this.plot = null;
    this.shape = null;
  }

  get live() {
    return this.hasAttribute("live") && !this.final;
  }

  get label() {
    return this.getAttribute("label") || "metric";
  }

  /** How the curves are drawn; a chart that has an `axis` of its own keeps to it. */
  get look() {
    return { ...settings, axis: this.getAttribute("axis") ?? settings.axis };
  }

  get size() {
    return { width: Math.max(this.stage.clientWidth, 120), height: Math.max(this.stage.clientHeight, 80) };
  }

  build() {
    const exports = made("span", "chart-exports", iconButton("Download as PNG", "image", () => this.savePicture()));
    if (this.hasAttribute("table")) exports.append(iconButton("Download as CSV", "download", () => location.assign(this.getAttribute("table"))));
    exports.append(iconButton("Full screen", "expand", () => (document.fullscreenElement ? document.exitFullscreen() : this.requestFullscreen())));
    const title = made("h2", "chart-title truncate", this.label);
    title.title = this.label;
    this.where = made("span", "chart-where muted");
    this.stage = made("div", "chart-stage");
    this.stage.tabIndex = 0;
    this.stage.setAttribute("role", "img");
    this.stage.addEventListener("keydown", (event) => this.onKey(event));
    this.stage.addEventListener("blur", () => this.plot?.setCursor({ left: -10, top: -10 }, true, true));
    this.note = made("div", "chart-note", "Loading…");
    this.legend = new Legend();
    this.spoken = made("div", "visually-hidden");
    this.spoken.setAttribute("aria-live", "polite");
    this.append(made("header", "chart-head", title, this.where, exports), made("div", "chart-frame", this.stage, this.note), this.legend.node, this.spoken);
  }

  async load() {
    // Two hints in a row must not fetch the same increment twice.
    if (this.loading) return void (this.again = true);
    this.loading = true;
    try {
      const grown = Math.max(0, ...this.series.map(({ points }) => points.length)) > MOST_GROWN;
      const anew = this.next === null || grown;
      const found = await ask(this.getAttribute("src"), anew ? {} : { after: this.next });
      uPlot ??= (await import("../vendor/uplot-1.6.32.esm.js")).default;
      if (!this.stop.signal.aborted) this.take(found, anew);
    } catch (error) {
      if (this.series.length === 0) this.say(`Could not be loaded: ${error.message}.`);
    } finally {
      this.loading = false;
      if (this.again && this.isConnected) {
        this.again = false;
        this.load();
      }
    }
  }

  take({ series, next, final }, anew) {
    const grown = anew || series.some(({ points }) => points.length > 0);
    if (anew) this.series = series;
    else series.forEach(({ points }, index) => this.series[index].points.push(...points));
    this.next = next;
    this.final = final;
    if (grown) this.draw();
  }

  say(text) {
    this.note.textContent = text;
    this.note.hidden = text === "";
  }

  /** Once before the next frame, however many asked for it. */
  later() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.draw();
    });
  }

  lines() {
    const { axis, log, smooth, off } = this.look;
    return (this.detail ?? this.series).flatMap(({ run, points }, index) => {
      if (off.has(run) && this.series.length > 1) return [];
      const found = line(points, axis, log);
      const shown = { index, faint: false, banded: points.some((point) => point.length > 3), ...found };
      if (smooth === 0) return [shown];
      // The originals of many lines would only hide what is smoothed.
      if (this.series.length > FEW_LINES) return [{ ...shown, ys: smoothed(found.ys, smooth) }];
      return [{ ...shown, faint: true, banded: false }, { ...shown, ys: smoothed(found.ys, smooth) }];
    });
  }

  colour(name) {
    if (!this.colours.has(name)) this.colours.set(name, this.resolved(name));
    return this.colours.get(name);
  }

  resolved(name) {
    this.style.setProperty("--probe", `var(${name})`);
    // light-dark() resolves only in a colour property, so the colour is read from one that is painted with it.
    return getComputedStyle(this.stage).getPropertyValue("outline-color");
  }

  draw() {
    if (!this.isConnected || !uPlot) return;
    const any = this.series.some(({ points }) => points.length > 0);
    this.say(any ? "" : this.live ? "Waiting for the first point…" : "No points were logged.");
    if (!any) return;
    this.colours = new Map();
    this.drawn = this.lines();
    const data = aligned(this.drawn);
    const { axis, log, outliers } = this.look;
    const shape = JSON.stringify([axis, log, outliers, this.drawn.map(({ index, faint }) => [index, faint]), this.colour("--text")]);
    if (axis !== this.axis) this.unzoom();
    this.axis = axis;
    const kept = this.zoom;
    if (this.plot && shape === this.shape) {
      // The lines are other ones than those that the plot was made with.
      this.current.splice(0, Infinity, ...this.drawn);
      this.plot.setData(data, !kept);
      if (kept) this.plot.setScale("x", kept);
    } else {
      this.plot?.destroy();
      this.stage.replaceChildren();
      this.current = [...this.drawn];
      const { fontFamily: font } = getComputedStyle(this);
      this.plot = new uPlot(plotOptions(this.current, this.look, { colour: (name) => this.colour(name), font, hooks: this.hooks(), size: this.size }), data, this.stage);
      this.shape = shape;
      if (kept) this.plot.setScale("x", kept);
    }
    this.legend.setRuns(this.series.map(({ run }) => run));
    this.point();
    this.describe();
  }

  hooks() {
    return {
      setCursor: [() => (this.pointing ??= requestAnimationFrame(() => ((this.pointing = null), this.point())))],
      setSeries: [(_, number) => this.legend.mark(number === null ? -1 : this.current[number - 1]?.index)],
      setSelect: [(plot) => plot.select.width > 0 && setTimeout(() => this.zoomTo(plot.scales.x))],
      ready: [(plot) => plot.over.addEventListener("dblclick", () => (this.unzoom(), this.draw()))],
    };
  }

  unzoom() {
    this.zoom = null;
    this.detail = null;
  }

  /** Keep to a part of the x axis, and show it as finely as it was logged. */
  async zoomTo({ min, max }) {
    const zoom = (this.zoom = { min, max });
    if (!this.drawn.some(({ banded }) => banded)) return;
    const steps = this.series.flatMap(({ points }) => {
      const { xs } = line(points, this.look.axis, false);
      const inside = points.filter((_, index) => (xs[index + 1] ?? Infinity) >= min && (xs[index - 1] ?? -Infinity) <= max);
      return inside.map(([step]) => step);
    });
    try {
      const found = await ask(this.getAttribute("src"), { first_step: Math.min(...steps), last_step: Math.max(...steps) });
      if (this.zoom !== zoom) return;
      // Times are told from the first point of the whole series, which is therefore kept in front.
      this.detail = found.series.map((part, index) => ({ ...part, points: [...this.series[index].points.slice(0, 1), ...part.points] }));
      this.draw();
    } catch {
      // The thinned curve stays.
    }
  }

  /** The values of all lines where the cursor is, else their last ones. */
  point() {
    const { plot } = this;
    if (!plot) return;
    const { idx, left } = plot.cursor;
    const x = idx === null || idx === undefined || left < 0 ? null : plot.data[0][idx];
    const reach = plot.posToVal(REACH_PIXELS, "x") - plot.posToVal(0, "x");
    const values = this.drawn.filter(({ faint }) => !faint).flatMap(({ index, xs, ys, lows, highs }) => {
      const at = x === null ? ys.findLastIndex((value) => value !== null) : nearest(xs, x, reach);
      return at < 0 ? [] : [{ index, value: ys[at], low: lows[at], high: highs[at] }];
    });
    this.legend.show(values);
    this.where.textContent = x === null || x === undefined ? "" : positionWords(this.look.axis, x);
    if (document.activeElement === this.stage && x !== null) this.spoken.textContent = `${this.where.textContent}: ${values.map(({ index, value }) => `${this.series[index].run} ${short(value)}`).join(", ")}`;
  }

  onKey(event) {
    const { plot } = this;
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!plot || (!step && !["+", "-"].includes(event.key))) return;
    event.preventDefault();
    const [xs] = plot.data;
    if (event.key === "-") return this.unzoom(), this.draw();
    if (event.key === "+") {
      const { min, max } = plot.scales.x;
      const middle = plot.cursor.idx === null ? (min + max) / 2 : xs[plot.cursor.idx];
      const closer = { min: Math.max(min, middle - (max - min) / 4), max: Math.min(max, middle + (max - min) / 4) };
      plot.setScale("x", closer);
      return void this.zoomTo(closer);
    }
    const index = Math.max(0, Math.min(xs.length - 1, (plot.cursor.idx ?? (step > 0 ? -1 : xs.length)) + step * (event.shiftKey ? 10 : 1)));
    plot.setCursor({ left: plot.valToPos(xs[index], "x"), top: plot.over.clientHeight / 2 }, true, true);
  }

  describe() {
    const words = this.drawn.filter(({ faint }) => !faint).slice(0, 8).map(({ index, ys }) => `${this.series[index].run} ${short(ys.findLast((value) => value !== null))}`);
    this.stage.setAttribute("aria-label", `Line chart of ${this.label}. Last values: ${words.join(", ")}. Arrow keys move along the curve, + looks closer, − shows all.`);
  }

  savePicture() {
    if (!this.plot) return;
    const runs = this.series.length > 1 ? this.drawn.filter(({ faint }) => !faint) : [];
    const legend = runs.map(({ index }) => ({ name: this.series[index].run, colour: this.colour(`--${colourName(index)}`) }));
    savePicture(this.plot, this.label, legend, { surface: this.colour("--surface-card"), text: this.colour("--text") });
  }
}

customElements.define("metric-chart", MetricChart);

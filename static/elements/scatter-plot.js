/** <scatter-plot src x y colour line>: a dot a run, placed by two of its parameters or metrics; `line` is a column that steps from run to run. */

import { RunPlot, colours, drawn, label, scale, written } from "./plot-values.js";

const HEIGHT = 320;
const EDGE = { top: 16, right: 24, bottom: 44, left: 72 };

class ScatterPlot extends RunPlot {
  draw() {
    const [x, y, colour] = ["x", "y", "colour"].map((name) => this.getAttribute(name));
    this.shown = [...new Set([x, y, colour].filter(Boolean))];
    const width = Math.max(this.clientWidth, 260);
    const across = scale(this.data, x);
    const up = scale(this.data, y);
    const placeX = (value) => EDGE.left + across.at(value) * (width - EDGE.left - EDGE.right);
    const placeY = (value) => HEIGHT - EDGE.bottom - up.at(value) * (HEIGHT - EDGE.top - EDGE.bottom);
    const svg = drawn("svg", { class: "plot", width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}` });
    for (const mark of across.marks) svg.append(...this.line(placeX(mark), mark, true, width));
    for (const mark of up.marks) svg.append(...this.line(placeY(mark), mark, false, width));
    svg.append(
      drawn("text", { class: "plot-title", x: (width + EDGE.left) / 2, y: HEIGHT - 8, "text-anchor": "middle" }, label(this.data, x)),
      drawn("text", { class: "plot-title", x: -(HEIGHT - EDGE.bottom) / 2, y: 14, transform: "rotate(-90)", "text-anchor": "middle" }, label(this.data, y)),
    );
    const fills = colours(this.data, colour);
    const dots = drawn("g");
    const marks = this.data.runs.map(({ values }, index) => {
      if (values[x] === undefined || values[y] === undefined) return null;
      const dot = drawn("circle", { class: "plot-dot", cx: placeX(values[x]), cy: placeY(values[y]), r: 6 });
      dot.style.fill = fills[index];
      dots.append(dot);
      return dot;
    });
    if (this.getAttribute("line")) svg.append(this.steps(this.getAttribute("line"), x, placeX, placeY));
    svg.append(dots);
    const count = marks.filter(Boolean).length;
    this.show(svg, marks, `Scatter of ${count} runs: ${label(this.data, x)} across, ${label(this.data, y)} up.`);
  }

  steps(id, x, placeX, placeY) {
    const known = this.data.runs.filter(({ values }) => values[id] !== undefined && values[x] !== undefined);
    const points = known.map(({ values }, index) => `${index ? "H" : "M"}${placeX(values[x])}${index ? "V" : " "}${placeY(values[id])}`);
    return drawn("path", { class: "plot-steps", d: points.join("") });
  }

  line(place, mark, upright, width) {
    const ends = upright
      ? { x1: place, x2: place, y1: EDGE.top, y2: HEIGHT - EDGE.bottom }
      : { x1: EDGE.left, x2: width - EDGE.right, y1: place, y2: place };
    const text = upright
      ? { x: place, y: HEIGHT - EDGE.bottom + 16, "text-anchor": "middle" }
      : { x: EDGE.left - 8, y: place + 4, "text-anchor": "end" };
    return [drawn("line", { class: "plot-line", ...ends }), drawn("text", { class: "plot-mark", ...text }, written(mark))];
  }
}

customElements.define("scatter-plot", ScatterPlot);

/** <parallel-plot src axes colour>: a line a run across several parameters and metrics; ranges on the axes narrow them. */

import { RunPlot, colours, drawn, label, scale, written } from "./plot-values.js";

const HEIGHT = 320;
const EDGE = { top: 40, right: 48, bottom: 20, left: 48 };

class ParallelPlot extends RunPlot {
  draw() {
    this.shown = this.getAttribute("axes").split(",").filter((id) => this.data.columns.some((column) => column.id === id));
    this.ranges ??= new Map();
    const width = Math.max(this.clientWidth, this.shown.length * 110);
    const svg = drawn("svg", { class: "plot", width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}` });
    this.scales = this.shown.map((id) => scale(this.data, id));
    const gap = (width - EDGE.left - EDGE.right) / Math.max(this.shown.length - 1, 1);
    const placeX = (index) => EDGE.left + index * gap;
    const placeY = (share) => HEIGHT - EDGE.bottom - share * (HEIGHT - EDGE.top - EDGE.bottom);
    const strokes = colours(this.data, this.getAttribute("colour"));
    const lines = drawn("g");
    const marks = this.data.runs.map(({ values }, index) => {
      const points = this.shown.flatMap((id, axis) => (values[id] === undefined ? [] : [[placeX(axis), placeY(this.scales[axis].at(values[id]))]]));
      if (points.length < 2) return null;
      const line = drawn("path", { class: "plot-path", d: `M${points.map((point) => point.join(" ")).join("L")}` });
      line.style.stroke = strokes[index];
      lines.append(line);
      return line;
    });
    svg.append(lines, ...this.shown.map((id, axis) => this.axis(id, axis, placeX(axis), placeY)));
    this.show(svg, marks, `Parallel coordinates of ${marks.filter(Boolean).length} runs over ${this.shown.map((id) => label(this.data, id)).join(", ")}. Drag along an axis to narrow the runs.`);
    this.narrow();
  }

  axis(id, index, x, placeY) {
    const node = drawn("g");
    node.append(drawn("line", { class: "plot-axis", x1: x, x2: x, y1: placeY(0), y2: placeY(1) }));
    node.append(drawn("text", { class: "plot-title", x, y: 16, "text-anchor": "middle" }, label(this.data, id)));
    for (const mark of this.scales[index].marks) {
      node.append(drawn("text", { class: "plot-mark plot-halo", x: x + 6, y: placeY(this.scales[index].at(mark)) + 4 }, written(mark)));
    }
    const range = drawn("rect", { class: "plot-range", x: x - 7, width: 14, y: 0, height: 0 });
    const hold = drawn("rect", { class: "plot-hold", x: x - 12, width: 24, y: placeY(1), height: placeY(0) - placeY(1) });
    node.append(range, hold);
    this.drag(hold, range, id, placeY);
    this.mark(range, id, placeY);
    return node;
  }

  drag(hold, range, id, placeY) {
    let from = null;
    const share = (event) => {
      const box = hold.getBoundingClientRect();
      const at = 1 - (event.clientY - box.top) / box.height;
      // The outermost values are hard to hit, so a range that comes near an end reaches it.
      return at > 0.96 ? 1 : at < 0.04 ? 0 : at;
    };
    hold.addEventListener("pointerdown", (event) => {
      from = share(event);
      hold.setPointerCapture(event.pointerId);
    });
    hold.addEventListener("pointermove", (event) => {
      if (from === null) return;
      this.ranges.set(id, [from, share(event)].sort((a, b) => a - b));
      this.mark(range, id, placeY);
      this.narrow();
    });
    hold.addEventListener("pointerup", (event) => {
      // A click without a drag takes the range away.
      if (from !== null && Math.abs(share(event) - from) < 0.01) this.ranges.delete(id);
      from = null;
      this.mark(range, id, placeY);
      this.narrow();
    });
  }

  mark(range, id, placeY) {
    const [low, high] = this.ranges.get(id) ?? [0, 0];
    range.setAttribute("y", placeY(high));
    range.setAttribute("height", Math.max(0, placeY(low) - placeY(high)));
  }

  narrow() {
    this.data.runs.forEach(({ values }, index) => {
      const inside = [...this.ranges].every(([id, [low, high]]) => {
        const axis = this.shown.indexOf(id);
        if (axis < 0) return true;
        const at = values[id] === undefined ? -1 : this.scales[axis].at(values[id]);
        return at >= low && at <= high;
      });
      this.marks[index]?.classList.toggle("is-out", !inside);
    });
  }
}

customElements.define("parallel-plot", ParallelPlot);

/** <parallel-plot src axes colour>: a line a run across several parameters and metrics; ranges on the axes, kept in the address, narrow them. */

import { RunPlot, colours, drawn, label, scale, written } from "./plot-values.js";

const HEIGHT = 320;
const EDGE = { top: 40, right: 48, bottom: 20, left: 48 };

/** Ranges by column, as `range=ID:LOW:HIGH`; both are parts of the axis from 0 to 1. */
function read() {
  const found = new URLSearchParams(location.search).getAll("range").map((text) => text.match(/^(.+):([\d.]+):([\d.]+)$/));
  return new Map(found.filter(Boolean).map(([, id, low, high]) => [id, [Number(low), Number(high)]]));
}

function write() {
  const address = new URL(location.href);
  address.searchParams.delete("range");
  for (const [id, ends] of ranges) address.searchParams.append("range", [id, ...ends.map((end) => Number(end.toFixed(3)))].join(":"));
  history.replaceState(history.state, "", address);
}

const ranges = read();
// A form that is sent puts its own fields into the address, which would lose the ranges.
document.addEventListener("htmx:pushedIntoHistory", write);

class ParallelPlot extends RunPlot {
  draw() {
    this.shown = this.getAttribute("axes").split(",").filter((id) => this.data.columns.some((column) => column.id === id));
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
    this.show(svg, marks, `Parallel coordinates of ${marks.filter(Boolean).length} runs over ${this.shown.map((id) => label(this.data, id)).join(", ")}. Drag along an axis, or use the arrow keys on it, to narrow the runs.`);
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
    hold.setAttribute("tabindex", "0");
    hold.setAttribute("role", "slider");
    hold.setAttribute("aria-label", `Range of ${label(this.data, id)}. Up and down move its lower end, with Shift its upper end, Escape takes it away.`);
    const set = (ends) => {
      if (ends) ranges.set(id, ends);
      else ranges.delete(id);
      this.mark(range, hold, id, placeY);
      this.narrow();
    };
    this.drag(hold, set);
    hold.addEventListener("keydown", (event) => this.onRangeKey(event, id, set));
    this.mark(range, hold, id, placeY);
    return node;
  }

  drag(hold, set) {
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
    hold.addEventListener("pointermove", (event) => from !== null && set([from, share(event)].sort((a, b) => a - b)));
    hold.addEventListener("pointerup", (event) => {
      // A click without a drag takes the range away.
      if (from !== null && Math.abs(share(event) - from) < 0.01) set(null);
      from = null;
      write();
    });
  }

  onRangeKey(event, id, set) {
    const step = { ArrowUp: 0.05, ArrowDown: -0.05 }[event.key];
    if (!step && event.key !== "Escape") return;
    event.preventDefault();
    // The arrow keys of the plot go from run to run.
    event.stopPropagation();
    const [low, high] = ranges.get(id) ?? [0, 1];
    const bounded = (value) => Math.min(1, Math.max(0, Number((value + step).toFixed(2))));
    set(step ? (event.shiftKey ? [low, Math.max(low, bounded(high))] : [Math.min(high, bounded(low)), high]) : null);
    write();
  }

  mark(range, hold, id, placeY) {
    const [low, high] = ranges.get(id) ?? [0, 0];
    range.setAttribute("y", placeY(high));
    range.setAttribute("height", Math.max(0, placeY(low) - placeY(high)));
    hold.setAttribute("aria-valuenow", low);
    hold.setAttribute("aria-valuetext", high > low ? `${Math.round(low * 100)} to ${Math.round(high * 100)} percent of the axis` : "no range");
  }

  narrow() {
    this.data.runs.forEach(({ values }, index) => {
      const inside = [...ranges].every(([id, [low, high]]) => {
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

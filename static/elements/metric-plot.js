/** How curves are drawn: the scales, axes, lines and bands of one uPlot. */

import { clock, extent, lasted, short } from "./metric-series.js";

const COLOURS = 8;
const DASHES = [[], [6, 3], [2, 3], [9, 3, 2, 3]];
const MARKS = {
  // A step is a whole number, and so is every mark.
  step: { incrs: Array.from({ length: 10 }, (_, power) => [1, 2, 5].map((part) => part * 10 ** power)).flat() },
  relative: { values: (_, splits) => splits.map(lasted) },
  wall: { values: (_, splits) => splits.map((split) => clock(split, splits[1] - splits[0])) },
};

export function colourName(index) {
  return `series-${(index % COLOURS) + 1}`;
}

/** What the position `x` is called. */
export function positionWords(axis, x) {
  if (axis === "wall") return new Date(x * 1000).toLocaleString();
  return axis === "relative" ? lasted(x) : `step ${x}`;
}

/** Between the lowest and highest value with some room, and never without height. */
function range([low, high], logarithmic) {
  if (!Number.isFinite(low) || !Number.isFinite(high)) return logarithmic ? [0.1, 1] : [0, 1];
  if (logarithmic) return low === high ? [low / 2, high * 2] : [low * (low / high) ** 0.05, high * (high / low) ** 0.05];
  const room = (high - low) * 0.05 || Math.abs(high) * 0.1 || 1;
  return [low - room, high + room];
}

/** As many digits as tell a mark from its neighbours. */
function digits(splits, index) {
  const value = splits[index];
  const apart = Math.abs((splits[index + 1] ?? splits[index - 1] ?? value) - value);
  return Math.min(8, Math.max(3, 1 + Math.ceil(Math.log10(Math.abs(value) / apart || 1))));
}

function inView({ data: [xs], series: [{ idxs: [first, last] }] }) {
  return [xs[first ?? 0], xs[last ?? xs.length - 1]];
}

/** The places of values that have no neighbour to draw a line to; undefined is a position of other curves alone. */
function alone(plot, index) {
  const { data: { [index]: ys }, series: [{ idxs: [first, last] }] } = plot;
  const told = [];
  for (let at = first; at <= last; at += 1) if (ys[at] !== undefined) told.push(at);
  return told.filter((at, place) => ys[at] !== null && (ys[told[place - 1]] ?? null) === null && (ys[told[place + 1]] ?? null) === null);
}

/** The lowest and highest values of thinned stretches, beneath the curves. */
function drawBands(plot, lines, colour) {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  const [inside, outline] = lines.length > 8 ? [0.06, 0.25] : [0.16, 0.35];
  for (const { index, xs, lows, highs, banded, faint } of lines) {
    if (!banded || faint) continue;
    ctx.fillStyle = colour(`--${colourName(index)}`);
    ctx.strokeStyle = ctx.fillStyle;
    ctx.beginPath();
    let place = 0;
    while (place < xs.length) {
      const start = place;
      while (place < xs.length && lows[place] !== null && highs[place] !== null) place += 1;
      for (let at = start; at < place; at += 1) ctx[at === start ? "moveTo" : "lineTo"](plot.valToPos(xs[at], "x", true), plot.valToPos(highs[at], "y", true));
      for (let at = place - 1; at >= start; at -= 1) ctx.lineTo(plot.valToPos(xs[at], "x", true), plot.valToPos(lows[at], "y", true));
      place += 1;
    }
    ctx.globalAlpha = inside;
    ctx.fill();
    // A spike that is one stretch wide has next to no area, so its outline is what shows it.
    ctx.globalAlpha = outline;
    ctx.stroke();
  }
  ctx.restore();
}

/**
 * Options of a uPlot. `lines` are `{index, faint, banded, xs, ys, lows, highs}` in the order of its data; `look` is
 * `{axis, log, outliers}`, `colour` resolves a token, `font` is the family, `hooks` are uPlot's.
 */
export function plotOptions(lines, look, { colour, font, hooks, size }) {
  const axis = { stroke: colour("--text-muted"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 }, font: `11px ${font}` };
  const single = lines.every(({ xs }) => xs.length <= 1);
  const many = lines.length > 8;
  const series = lines.map(({ index, faint }) => ({
    stroke: colour(`--${colourName(index)}`),
    dash: DASHES[Math.floor(index / COLOURS) % DASHES.length],
    width: faint || many ? 1 : 1.75,
    alpha: faint ? 0.28 : 1,
    points: { show: single && !faint, size: 6, filter: (plot, index, shown) => (shown || faint ? null : alone(plot, index)) },
  }));
  return {
    ...size,
    legend: { show: false },
    focus: { alpha: 0.25 },
    cursor: {
      points: { size: 6, show: !many },
      drag: { x: true, y: false, setScale: true },
      focus: { prox: 16 },
      sync: { key: "metric-charts", scales: ["x", null], setSeries: false, filters: { pub: (type) => type === "mousemove" || type === "mouseleave" } },
    },
    scales: {
      x: { time: look.axis === "wall" },
      y: { distr: look.log ? 3 : 1, range: (plot) => range(extent(lines, ...inView(plot), look.outliers), look.log) },
    },
    axes: [
      { ...axis, size: 30, space: 60, ...MARKS[look.axis] },
      { ...axis, size: 52, values: (_, splits) => splits.map((value, index) => (value === null ? "" : short(value, look.log ? 2 : digits(splits, index)))) },
    ],
    series: [{}, ...series],
    hooks: { ...hooks, drawAxes: [(plot) => drawBands(plot, lines, colour)] },
  };
}

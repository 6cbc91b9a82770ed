/** The arithmetic behind a metric's chart: positions on the x axis, smoothing, alignment and the table for export. */

/** A number, or null where the run logged none (NaN and infinities arrive as words). */
export function finite(value) {
  const number = typeof value === "string" ? Number(value) : value;
  return Number.isFinite(number) ? number : null;
}

/**
 * Exponential moving average with the start's bias taken out, as TensorBoard draws it:
 * s = w·s + (1 − w)·v, shown as s / (1 − wⁿ). Gaps stay gaps and do not move the average.
 */
export function smoothed(values, weight) {
  let state = 0;
  let seen = 0;
  return values.map((value) => {
    if (value === null || value === undefined) return value;
    state = weight * state + (1 - weight) * value;
    seen += 1;
    return state / (1 - weight ** seen);
  });
}

/** `[xs, ys]` of one series in rising order; x is "step", "relative" (seconds since its first point) or "wall" (epoch seconds). */
export function column(points, x, logarithmic) {
  const start = points.reduce((least, [, time]) => Math.min(least, time), Infinity);
  const position = { step: ([step]) => step, relative: ([, time]) => (time - start) / 1000, wall: ([, time]) => time / 1000 }[x];
  const rows = points.map((point) => [position(point), finite(point[2])]);
  rows.sort((a, b) => a[0] - b[0]);
  const xs = [];
  const ys = [];
  for (const [at, value] of rows) {
    const drawn = logarithmic && value !== null && value <= 0 ? null : value;
    // A step that was logged twice keeps what was logged last.
    if (xs.length > 0 && xs.at(-1) === at) ys[ys.length - 1] = drawn;
    else {
      xs.push(at);
      ys.push(drawn);
    }
  }
  return [xs, ys];
}

/** Columns put on one rising x axis: `[xs, ys, ys, …]`; undefined where a series has no point, null where it has a gap. */
export function aligned(columns) {
  const xs = [...new Set(columns.flatMap(([positions]) => positions))].sort((a, b) => a - b);
  const place = new Map(xs.map((at, index) => [at, index]));
  const data = columns.map(([positions, values]) => {
    const filled = new Array(xs.length).fill(undefined);
    positions.forEach((at, index) => (filled[place.get(at)] = values[index]));
    return filled;
  });
  return [xs, ...data];
}

function quoted(cell) {
  const text = String(cell ?? "");
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Every point as CSV: run, key, step, time (ISO 8601), value. */
export function csv(series) {
  const rows = series.flatMap(({ run, key, points }) => points.map(([step, time, value]) => [run, key, step, new Date(time).toISOString(), value]));
  return [["run", "key", "step", "time", "value"], ...rows].map((row) => row.map(quoted).join(",")).join("\n") + "\n";
}

export function short(number) {
  if (number === null || number === undefined) return "—";
  const size = Math.abs(number);
  if (size !== 0 && (size >= 1e6 || size < 1e-3)) return number.toExponential(2);
  return String(Number(number.toPrecision(5)));
}

export function lasted(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)];
  if (hours > 0) return `${hours}h ${minutes}m`;
  return minutes > 0 ? `${minutes}m ${whole % 60}s` : `${whole}s`;
}

/** The words on a wall-time axis whose marks are `apart` seconds from each other. */
export function clock(seconds, apart) {
  const moment = new Date(seconds * 1000);
  if (apart >= 86400) return moment.toLocaleDateString(undefined, { month: "short", day: "numeric" });
  return moment.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23", ...(apart < 60 ? { second: "2-digit" } : {}) });
}

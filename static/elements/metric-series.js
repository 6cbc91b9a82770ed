/** The arithmetic behind a metric's chart: positions on the x axis, smoothing, alignment, extent, and words for numbers. */

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

const POSITIONS = {
  step: () => ([step]) => step,
  relative: (points) => {
    const start = points.reduce((least, [, time]) => Math.min(least, time), Infinity);
    return ([, time]) => (time - start) / 1000;
  },
  wall: () => ([, time]) => time / 1000,
};

/**
 * One series in rising order: `{xs, ys, lows, highs}`, as long as each other. `axis` is "step", "relative"
 * (seconds since its first point) or "wall" (epoch seconds); `lows` and `highs` are those of thinned stretches.
 */
export function line(points, axis, logarithmic) {
  const at = POSITIONS[axis](points);
  const drawn = (value) => (logarithmic && value !== null && value <= 0 ? null : value);
  const rows = points.map((point) => [at(point), point]);
  if (rows.some(([x], index) => index > 0 && x < rows[index - 1][0])) rows.sort((a, b) => a[0] - b[0]);
  const found = { xs: [], ys: [], lows: [], highs: [] };
  for (const [x, [, , value, low = value, high = value]] of rows) {
    // A step that was logged twice keeps what was logged last.
    if (found.xs.at(-1) === x) Object.values(found).forEach((part) => part.pop());
    found.xs.push(x);
    found.ys.push(drawn(finite(value)));
    found.lows.push(drawn(finite(low)));
    found.highs.push(drawn(finite(high)));
  }
  return found;
}

/** Lines put on one rising x axis: `[xs, ys, ys, …]`; undefined where a series has no point, null where it has a gap. */
export function aligned(lines) {
  const first = lines[0]?.xs ?? [];
  if (lines.every(({ xs }) => xs.length === first.length && xs.every((x, index) => x === first[index]))) return [first, ...lines.map(({ ys }) => ys)];
  const xs = [...new Set(lines.flatMap((one) => one.xs))].sort((a, b) => a - b);
  const data = lines.map((one) => {
    const filled = new Array(xs.length).fill(undefined);
    let place = 0;
    one.xs.forEach((x, index) => {
      while (xs[place] < x) place += 1;
      filled[place] = one.ys[index];
    });
    return filled;
  });
  return [xs, ...data];
}

/** The index of the point that lies nearest to `x`; −1 where there is none, and beyond either end by more than `reach`. */
export function nearest(xs, x, reach) {
  let [low, high] = [0, xs.length - 1];
  if (high < 0 || x < xs[0] - reach || x > xs[high] + reach) return -1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (xs[middle] <= x) low = middle;
    else high = middle;
  }
  return x - xs[low] <= xs[high] - x ? low : high;
}

/** `[lowest, highest]` value of lines between two positions; without `outliers` the middle 90 % of them. */
export function extent(lines, from, to, outliers) {
  const values = [];
  let [low, high] = [Infinity, -Infinity];
  for (const { xs, ys, lows, highs } of lines) {
    for (let index = 0; index < xs.length; index += 1) {
      if (xs[index] < from || xs[index] > to || ys[index] === null) continue;
      if (!outliers) values.push(ys[index]);
      low = Math.min(low, lows[index] ?? ys[index], ys[index]);
      high = Math.max(high, highs[index] ?? ys[index], ys[index]);
    }
  }
  if (outliers || values.length < 5) return [low, high];
  values.sort((a, b) => a - b);
  return [values[Math.floor(values.length * 0.05)], values[Math.ceil(values.length * 0.95) - 1]];
}

export function short(number, digits = 5) {
  if (number === null || number === undefined) return "—";
  const size = Math.abs(number);
  if (size !== 0 && (size >= 1e6 || size < 1e-3)) return number.toExponential(digits > 3 ? 2 : 0);
  return String(Number(number.toPrecision(digits)));
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

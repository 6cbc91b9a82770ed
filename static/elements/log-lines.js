/** Text of a process turned into lines: progress bars collapsed, ANSI colours kept as runs, every other escape dropped. */

// Colours end in "m" and are kept; cursor moves, window titles and the like are not for a log.
const ESCAPES = /\x1b(?:\[[0-9;?]*[ -/]*[@-ln-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()][A-Z0-9]|[=>78cDEHMNOZ])/g;
const COLOUR = /\x1b\[([0-9;]*)m/g;
const PLAIN = { fg: null, bg: null, bold: false, dim: false, italic: false, underline: false };
const LEVELS = [0, 95, 135, 175, 215, 255];

/** What a terminal would show of a line in which the cursor went back to the start: the last thing written there. */
export function collapsed(line) {
  if (!line.includes("\r")) return line;
  const parts = line.split("\r").filter((part) => part !== "");
  return parts.at(-1) ?? "";
}

export function stripped(line) {
  return line.includes("\x1b") ? line.replace(ESCAPES, "").replace(COLOUR, "") : line;
}

/** Collects chunks into lines; a last line without its end is `tail` until the rest comes. */
export class LineSplitter {
  constructor() {
    this.tail = "";
  }

  /** The lines that `text` completes. */
  push(text) {
    const parts = (this.tail + text).split("\n");
    const rest = parts.pop();
    // A bar that prints for hours without a line end must not grow without bound.
    const end = rest.endsWith("\r") ? "\r" : "";
    this.tail = rest.includes("\r") ? collapsed(rest) + end : rest;
    return parts.map((part) => collapsed(part.endsWith("\r") ? part.slice(0, -1) : part));
  }
}

function palette(index) {
  if (index < 16) return { name: index };
  if (index < 232) {
    const cube = index - 16;
    return { rgb: [LEVELS[Math.floor(cube / 36)], LEVELS[Math.floor(cube / 6) % 6], LEVELS[cube % 6]] };
  }
  const grey = 8 + (index - 232) * 10;
  return { rgb: [grey, grey, grey] };
}

/** The colour after 38 or 48, and how many codes it took (ECMA-48 as xterm reads it: `5;n` or `2;r;g;b`). */
function extended(codes, at) {
  if (codes[at] === 5) return [palette(codes[at + 1] ?? 0), 2];
  if (codes[at] === 2) return [{ rgb: codes.slice(at + 1, at + 4).map((part) => Math.min(255, part || 0)) }, 4];
  return [null, 1];
}

function apply(style, codes) {
  for (let at = 0; at < codes.length; at++) {
    const code = codes[at];
    if (code === 0) Object.assign(style, PLAIN);
    else if (code === 1) style.bold = true;
    else if (code === 2) style.dim = true;
    else if (code === 3) style.italic = true;
    else if (code === 4) style.underline = true;
    else if (code === 22) style.bold = style.dim = false;
    else if (code === 23) style.italic = false;
    else if (code === 24) style.underline = false;
    else if (code === 38 || code === 48) {
      const [colour, taken] = extended(codes, at + 1);
      style[code === 38 ? "fg" : "bg"] = colour;
      at += taken;
    } else if (code === 39) style.fg = null;
    else if (code === 49) style.bg = null;
    else if (code >= 30 && code <= 37) style.fg = { name: code - 30 };
    else if (code >= 40 && code <= 47) style.bg = { name: code - 40 };
    else if (code >= 90 && code <= 97) style.fg = { name: code - 82 };
    else if (code >= 100 && code <= 107) style.bg = { name: code - 92 };
  }
}

/** `[text, style]` for each run of one colour; style is null for plain text. */
export function runs(line) {
  if (!line.includes("\x1b")) return [[line, null]];
  const clean = line.replace(ESCAPES, "");
  const style = { ...PLAIN };
  const found = [];
  let from = 0;
  const take = (text) => {
    if (text) found.push([text, Object.values(style).some(Boolean) ? { ...style } : null]);
  };
  for (const match of clean.matchAll(COLOUR)) {
    take(clean.slice(from, match.index));
    apply(style, (match[1] || "0").split(";").map(Number));
    from = match.index + match[0].length;
  }
  take(clean.slice(from));
  return found;
}

/** The node that shows one run; colours outside the sixteen named ones are set as they came. */
export function painted([text, style]) {
  if (!style) return text;
  const span = document.createElement("span");
  for (const [side, colour] of [["fg", style.fg], ["bg", style.bg]]) {
    if (colour?.rgb) span.style[side === "fg" ? "color" : "backgroundColor"] = `rgb(${colour.rgb})`;
    else if (colour) span.classList.add(`ansi-${side}-${colour.name}`);
  }
  for (const name of ["bold", "dim", "italic", "underline"]) if (style[name]) span.classList.add(`ansi-${name}`);
  span.textContent = text;
  return span;
}

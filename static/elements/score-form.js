/** <score-form> around the Test form: fields and JSON say the same, wrong JSON is named as it is typed, Ctrl+Enter sends. */

const NUMBERS = ["double", "float", "long", "integer"];
const TEXTS = ["string", "binary", "datetime"];
const LINE = 76;

function flatOf(value) {
  if (Array.isArray(value)) return `[${value.map(flatOf).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  return `{${Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${flatOf(item)}`).join(", ")}}`;
}

/** JSON over several lines, with a list or object that fits into one left on it. */
function laidOut(value, indent = "", lead = 0) {
  const flat = flatOf(value);
  if (indent.length + lead + flat.length < LINE || typeof value !== "object") return flat;
  const inner = `${indent}  `;
  const isList = Array.isArray(value);
  const parts = isList
    ? value.map((item) => laidOut(item, inner))
    : Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${laidOut(item, inner, key.length + 4)}`);
  const [open, close] = isList ? "[]" : "{}";
  if (isList && !value.some((item) => typeof item === "object")) return `${open}\n${filled(parts, inner)}\n${indent}${close}`;
  return `${open}\n${parts.map((part) => inner + part).join(",\n")}\n${indent}${close}`;
}

/** Values separated by commas, as many on a line as fit. */
function filled(words, indent) {
  const lines = [];
  words.forEach((word, place) => {
    const piece = place < words.length - 1 ? `${word},` : word;
    const last = lines.length - 1;
    if (last >= 0 && lines[last].length + piece.length < LINE) lines[last] += ` ${piece}`;
    else lines.push(indent + piece);
  });
  return lines.join("\n");
}

class ScoreForm extends HTMLElement {
  connectedCallback() {
    this.form = this.querySelector("form");
    if (!this.form || this.body) return;
    this.body = this.form.querySelector('textarea[name="body"]');
    this.note = this.querySelector(".score-note");
    this.hint = this.note.textContent;
    this.cells = [...this.form.querySelectorAll('[name="cell"]')];
    this.form.addEventListener("change", (event) => event.target.name === "send" && this.switched(event.target.value));
    this.form.addEventListener("input", (event) => this.edited(event.target));
    this.form.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      this.form.requestSubmit();
    });
    this.onSwap = () => this.markAnswer();
    document.addEventListener("htmx:afterSettle", this.onSwap);
  }

  disconnectedCallback() {
    document.removeEventListener("htmx:afterSettle", this.onSwap);
  }

  switched(to) {
    if (to === "json") this.body.value = laidOut(this.fromCells());
    else this.toCells();
    this.check();
  }

  /** The body that the server makes of the fields; what cannot be read yet stays text, which the server then names. */
  fromCells() {
    const filled = this.cells.filter((cell) => cell.value.trim() !== "" || cell.dataset.type === "string");
    const row = filled.map((cell) => this.read(cell));
    if (this.cells.every((cell, place) => cell.dataset.column === `Column ${place}`)) return { input_data: [row] };
    return { input_data: { columns: filled.map((cell) => cell.dataset.column), index: [0], data: [row] } };
  }

  read({ value, dataset: { type } }) {
    if (TEXTS.includes(type)) return value;
    if (type === "boolean") return value === "true";
    const number = Number(value);
    if (NUMBERS.includes(type)) return Number.isFinite(number) ? number : value;
    try {
      return JSON.parse(value);
    } catch {
      return value;
    }
  }

  /** Takes over the first row where the body has the form of the fields. */
  toCells() {
    let sent;
    try {
      sent = JSON.parse(this.body.value);
    } catch {
      return;
    }
    const table = sent?.input_data ?? sent?.dataframe_split;
    const row = Array.isArray(table) ? table[0] : table?.data?.[0];
    if (!Array.isArray(row)) return;
    const columns = table.columns ?? this.cells.map((cell) => cell.dataset.column);
    for (const cell of this.cells) {
      const place = columns.indexOf(cell.dataset.column);
      if (place >= 0 && place < row.length) cell.value = typeof row[place] === "string" ? row[place] : row[place] === null ? "" : JSON.stringify(row[place]);
    }
  }

  edited(control) {
    if (control === this.body) this.check();
    else this.clear(control);
  }

  check() {
    let problem = "";
    try {
      JSON.parse(this.body.value);
    } catch (error) {
      problem = `This is not JSON: ${error.message}`;
    }
    this.note.textContent = problem || this.hint;
    this.note.classList.toggle("field-error", Boolean(problem));
    this.body.toggleAttribute("aria-invalid", false);
    if (problem) this.body.setAttribute("aria-invalid", "true");
  }

  clear(control) {
    control.removeAttribute("aria-invalid");
    control.closest(".field")?.querySelector(".field-error")?.remove();
  }

  markAnswer() {
    this.cells.forEach((cell) => this.clear(cell));
    const answer = document.getElementById("answer");
    const wrong = this.cells.find((cell) => cell.dataset.column === answer?.dataset.target);
    if (!wrong || this.form.querySelector('[name="send"]:checked')?.value !== "fields") return;
    wrong.setAttribute("aria-invalid", "true");
    const note = document.createElement("div");
    note.className = "field-error";
    note.textContent = answer.dataset.message;
    wrong.closest(".field").append(note);
    wrong.scrollIntoView({ block: "nearest" });
    wrong.focus({ preventScroll: true });
  }
}

customElements.define("score-form", ScoreForm);

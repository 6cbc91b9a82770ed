/** <filter-field names values>: completes MLflow's filter language in the input within it: keys, operators and values. */

const KEY = /(?:^|\s|\()((?:metrics|params|tags|attributes|m|p|t|a)[\w.:/-]*|`[^`]*)$/i;
const OPERATOR = /(?:^|\s)(metrics|params|tags|attributes)\.(?:`[^`]*`|[^\s`=<>!]+)\s+([=<>!]*|[a-z]+(?: [a-z]*)*)$/i;
const STATUS = /\bstatus\s*!?=\s*('?[a-z]*)$/i;
const VALUE = /(?:^|\s)(params|tags)\.(`[^`]*`|[^\s`=<>!]+)\s*!?=(?:\s+|\s*(?='))('(?:[^']|'')*)?$/i;
const STATES = ["'RUNNING'", "'SCHEDULED'", "'FINISHED'", "'FAILED'", "'KILLED'"];
const TEXTUAL = ["=", "!=", "LIKE", "ILIKE"];
const OPERATORS = {
  metrics: ["=", "!=", ">", ">=", "<", "<="],
  params: [...TEXTUAL, "IS NULL", "IS NOT NULL"],
  tags: [...TEXTUAL, "IS NULL", "IS NOT NULL"],
  attributes: [...TEXTUAL, ">", ">=", "<", "<=", "IN"],
};
const WAIT_MILLISECONDS = 150;
let count = 0;

function unquoted(text) {
  return text.replace(/^'/, "").replaceAll("''", "'");
}

class FilterField extends HTMLElement {
  connectedCallback() {
    this.stop = new AbortController();
    const { signal } = this.stop;
    this.input = this.querySelector("input");
    this.list ??= this.build();
    this.append(this.list);
    this.input.setAttribute("role", "combobox");
    this.input.setAttribute("aria-autocomplete", "list");
    this.input.setAttribute("aria-controls", this.list.id);
    this.input.addEventListener("input", () => this.later(), { signal });
    this.input.addEventListener("keydown", (event) => this.onKey(event), { signal });
    this.input.addEventListener("blur", () => this.close(), { signal });
    // The input must keep the focus while its list is clicked.
    this.list.addEventListener("pointerdown", (event) => event.preventDefault(), { signal });
    this.list.addEventListener("click", (event) => this.take(event.target.closest("[role=option]")), { signal });
    this.close();
  }

  disconnectedCallback() {
    this.stop.abort();
    clearTimeout(this.timer);
  }

  build() {
    const list = document.createElement("ul");
    list.className = "filter-names";
    list.id = `filter-names-${++count}`;
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", "What may come next in the filter");
    return list;
  }

  get before() {
    return this.input.value.slice(0, this.input.selectionStart);
  }

  /** The word that is being written. */
  get begun() {
    const [, operator] = OPERATOR.exec(this.before)?.slice(1) ?? [];
    return STATUS.exec(this.before)?.[1] ?? this.sought?.begun ?? operator ?? KEY.exec(this.before)?.[1] ?? "";
  }

  /** Of a value that is being written: its key, and what there is of it with its quote. */
  get sought() {
    const found = VALUE.exec(this.before);
    return found && { key: `${found[1].toLowerCase()}.${found[2].replaceAll("`", "")}`, begun: found[3] ?? "" };
  }

  /** What may stand here, where the language says it; null where only the server knows. */
  get fixed() {
    const kind = OPERATOR.exec(this.before)?.[1].toLowerCase();
    const words = STATUS.test(this.before) ? STATES : OPERATORS[kind];
    const begun = this.begun.replace(/^'/, "").toUpperCase();
    return words ? words.filter((word) => word.replace(/^'/, "").startsWith(begun) && word !== begun) : null;
  }

  get options() {
    return [...this.list.children];
  }

  later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.suggest(), WAIT_MILLISECONDS);
  }

  async suggest() {
    const { before, begun: text, fixed, sought } = this;
    if (fixed) return this.show(fixed);
    if (text === "" && !sought) return this.close();
    const address = new URL(this.getAttribute(sought ? "values" : "names"), location.href);
    if (sought) address.searchParams.set("key", sought.key);
    address.searchParams.set("text", sought ? unquoted(text) : text);
    try {
      const answer = await fetch(address, { headers: { Accept: "application/json" }, signal: this.stop.signal });
      if (!answer.ok || before !== this.before) return;
      const { value } = await answer.json();
      this.show(sought ? value.map((one) => `'${one.replaceAll("'", "''")}'`) : value);
    } catch (error) {
      if (error.name !== "AbortError") this.close();
    }
  }

  show(names) {
    this.list.replaceChildren(...names.map((name, index) => {
      const option = document.createElement("li");
      option.id = `${this.list.id}-${index}`;
      option.setAttribute("role", "option");
      option.textContent = name;
      return option;
    }));
    this.list.hidden = names.length === 0;
    this.input.setAttribute("aria-expanded", String(names.length > 0));
    this.mark(-1);
  }

  mark(index) {
    this.at = index;
    this.options.forEach((option, position) => option.setAttribute("aria-selected", String(position === index)));
    const option = this.options[index];
    option?.scrollIntoView({ block: "nearest" });
    if (option) this.input.setAttribute("aria-activedescendant", option.id);
    else this.input.removeAttribute("aria-activedescendant");
  }

  onKey(event) {
    if (this.list.hidden) return;
    const length = this.options.length;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      this.mark(this.at < 0 ? (step > 0 ? 0 : length - 1) : (this.at + step + length) % length);
    } else if ((event.key === "Enter" || event.key === "Tab") && this.at >= 0) {
      event.preventDefault();
      this.take(this.options[this.at]);
    } else if (event.key === "Escape") {
      event.preventDefault();
      this.close();
    }
  }

  take(option) {
    if (!option) return;
    const end = this.input.selectionStart;
    const start = end - this.begun.length;
    const word = this.fixed || this.sought ? option.textContent : this.quoted(option.textContent);
    this.input.setRangeText(`${word} `, start, end, "end");
    this.close();
    this.input.focus();
    this.later();
  }

  /** Keys that are more than a word stand in backticks. */
  quoted(name) {
    const [kind, ...rest] = name.split(".");
    const key = rest.join(".");
    return /^[\w./-]+$/.test(key) ? name : `${kind}.\`${key}\``;
  }

  close() {
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
  }
}

customElements.define("filter-field", FilterField);

/** <log-view src stream download>: a log that grows while it is read: follow, search, wrap, line links, colours. */

import { EventStream } from "./event-stream.js";
import { LineSplitter, runs, stripped } from "./log-lines.js";
import { icon, iconButton } from "./sprite.js";

const BLOCK = 200;
const MOST_LINES = 250000;
const POLL_MILLISECONDS = 2000;
const REFUSALS_BEFORE_POLLING = 3;
const NEAR_END = 24;

function made(tag, className, ...children) {
  const node = document.createElement(tag);
  node.className = className;
  node.append(...children);
  return node;
}

function painted([text, style]) {
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

class LogView extends HTMLElement {
  connectedCallback() {
    this.stop = new AbortController();
    this.lines = [];
    this.dropped = 0;
    this.offset = 0;
    this.blocks = [];
    this.hits = [];
    this.hit = -1;
    this.splitter = new LineSplitter();
    this.decoder = new TextDecoder();
    this.following = true;
    this.marked = Number(/^#L(\d+)$/.exec(location.hash)?.[1]) || null;
    if (this.marked) this.following = false;
    this.replaceChildren();
    this.build();
    // Only the blocks near the window hold their lines; the others keep their height alone.
    this.watcher = new IntersectionObserver((entries) => entries.forEach((entry) => this.onSight(entry)), { root: this.window, rootMargin: "1200px 0px" });
    this.start();
  }

  disconnectedCallback() {
    this.stop.abort();
    this.stream?.close();
    this.watcher.disconnect();
    clearTimeout(this.timer);
  }

  build() {
    this.window = made("div", "log-window");
    this.window.tabIndex = 0;
    this.window.setAttribute("role", "region");
    this.window.setAttribute("aria-label", this.getAttribute("label") || "Log");
    this.body = made("div", "log-body");
    this.tailRow = made("div", "log-line log-tail");
    this.tailRow.hidden = true;
    this.note = made("div", "log-note", "Loading…");
    this.window.append(this.body, this.tailRow, this.note);
    this.window.addEventListener("scroll", () => this.onScroll(), { passive: true });
    this.body.addEventListener("click", (event) => this.onNumber(event));
    this.append(this.toolbar(), this.window);
    this.showFollow();
  }

  toolbar() {
    this.query = Object.assign(made("input", "input"), { type: "search", placeholder: "Search the log", spellcheck: false });
    this.query.setAttribute("aria-label", "Search the log");
    this.query.addEventListener("input", () => this.search());
    this.query.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      this.step(event.shiftKey ? -1 : 1);
    });
    this.found = made("span", "log-found");
    this.found.setAttribute("aria-live", "polite");
    this.followButton = made("button", "button button-quiet button-small", icon("follow"), "Follow");
    this.followButton.type = "button";
    this.followButton.addEventListener("click", () => this.setFollowing(!this.following));
    this.wrapButton = made("button", "button button-quiet button-small", icon("wrap"), "Wrap");
    this.wrapButton.type = "button";
    this.wrapButton.setAttribute("aria-pressed", "false");
    this.wrapButton.addEventListener("click", () => this.toggleWrap());
    const bar = made("div", "log-tools", made("label", "search", icon("search"), this.query), this.found);
    bar.append(iconButton("Earlier match", "chevron-left", () => this.step(-1)), iconButton("Later match", "chevron-right", () => this.step(1)));
    const end = made("span", "log-tools-end", this.followButton, this.wrapButton);
    if (this.hasAttribute("download")) {
      const link = made("a", "button button-quiet button-small", icon("download"), "Download");
      link.href = this.getAttribute("download");
      link.setAttribute("download", "");
      end.append(link);
    }
    bar.append(end);
    return bar;
  }

  async start() {
    try {
      await this.catchUp();
      if (this.final) return;
      if (this.hasAttribute("stream")) this.openStream();
      else this.poll();
    } catch (error) {
      if (error.name === "AbortError") return;
      this.say(this.lines.length ? "" : `Not readable yet: ${error.message}. Trying again…`);
      this.timer = setTimeout(() => this.start(), POLL_MILLISECONDS);
    }
  }

  /** Reads by byte offset until the server has nothing more. */
  async catchUp() {
    for (;;) {
      const address = new URL(this.getAttribute("src"), location.href);
      address.searchParams.set("offset", this.offset);
      const answer = await fetch(address, { signal: this.stop.signal, cache: "no-store" });
      if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
      const bytes = await answer.arrayBuffer();
      const before = this.offset;
      this.offset = Number(answer.headers.get("X-Log-Offset") ?? before + bytes.byteLength);
      this.final = answer.headers.get("X-Log-Final") === "true";
      this.receive(this.decoder.decode(bytes, { stream: true }));
      if (bytes.byteLength === 0 || this.offset <= before) break;
    }
    this.sayState();
  }

  openStream() {
    let failures = 0;
    this.stream = new EventStream(this.getAttribute("stream"), {
      lastId: String(this.offset),
      onEvent: ({ kind, data, id }) => {
        failures = 0;
        if (kind === "log") {
          if (id !== undefined) this.offset = Number(id);
          this.receive(JSON.parse(data));
        } else if (kind === "end") this.finish();
      },
      onState: (state) => {
        failures += state === "waiting";
        if (state !== "refused" && failures < REFUSALS_BEFORE_POLLING) return;
        // Some proxies swallow event streams; the same lines can be had by asking again and again.
        this.stream.close();
        this.poll();
      },
    });
  }

  poll() {
    this.timer = setTimeout(async () => {
      try {
        if (!document.hidden) await this.catchUp();
      } catch (error) {
        if (error.name === "AbortError") return;
      }
      if (!this.final && this.isConnected) this.poll();
    }, POLL_MILLISECONDS);
  }

  async finish() {
    this.stream.close();
    await this.catchUp().catch(() => {});
    this.final = true;
    this.sayState();
  }

  sayState() {
    const empty = this.lines.length === 0 && this.splitter.tail === "";
    this.say(empty ? (this.final ? "Nothing was printed." : "Waiting for the first line…") : "");
  }

  say(text) {
    this.note.textContent = text;
    this.note.hidden = text === "";
  }

  receive(text) {
    if (text === "") return;
    const from = this.lines.length;
    for (const line of this.splitter.push(text)) this.lines.push(line);
    this.grow(from);
    this.showTail();
    this.say("");
    if (this.query.value) this.extendSearch(from);
    if (this.lines.length > MOST_LINES) this.forget();
    if (this.following) this.toEnd();
    else if (this.marked && this.lines.length + this.dropped >= this.marked) this.reveal(this.marked);
  }

  /** Adds blocks for new lines, and redraws the last one where it is drawn already. */
  grow(from) {
    for (let block = Math.floor(from / BLOCK); block * BLOCK < this.lines.length; block++) {
      if (this.blocks[block]) {
        if (this.blocks[block].drawn) this.drawLines(block, from);
        else this.reserve(block);
        continue;
      }
      const node = made("div", "log-block");
      const entry = { node, drawn: false };
      node.block = entry;
      this.blocks[block] = entry;
      this.reserve(block);
      this.body.append(node);
      this.watcher.observe(node);
    }
  }

  reserve(block) {
    const { node, height } = this.blocks[block];
    const lines = Math.min(BLOCK, this.lines.length - block * BLOCK);
    node.style.height = height && lines === BLOCK ? `${height}px` : `calc(${lines} * var(--log-line))`;
  }

  onSight({ target, isIntersecting }) {
    const block = this.blocks.indexOf(target.block);
    if (block < 0) return;
    if (isIntersecting) this.fill(block);
    else if (target.block.drawn) {
      target.block.height = target.offsetHeight;
      target.block.drawn = false;
      target.replaceChildren();
      this.reserve(block);
    }
  }

  fill(block) {
    const entry = this.blocks[block];
    if (!entry || entry.drawn) return;
    entry.drawn = true;
    entry.node.style.height = "";
    this.drawLines(block, block * BLOCK);
  }

  drawLines(block, from) {
    const { node } = this.blocks[block];
    const rows = [];
    const end = Math.min(this.lines.length, (block + 1) * BLOCK);
    for (let index = Math.max(from, block * BLOCK); index < end; index++) rows.push(this.row(index));
    node.append(...rows);
  }

  row(index) {
    const number = index + this.dropped + 1;
    const link = made("a", "log-number", String(number));
    link.href = `#L${number}`;
    link.tabIndex = -1;
    const row = made("div", "log-line", link, made("span", "log-text", ...runs(this.lines[index]).map(painted)));
    row.dataset.line = number;
    row.classList.toggle("is-marked", number === this.marked);
    row.classList.toggle("is-hit", this.hitSet?.has(index) ?? false);
    row.classList.toggle("is-current", this.hits[this.hit] === index);
    return row;
  }

  showTail() {
    const { tail } = this.splitter;
    this.tailRow.hidden = tail === "";
    if (this.tailRow.hidden) return;
    const number = made("span", "log-number", String(this.lines.length + this.dropped + 1));
    this.tailRow.replaceChildren(number, made("span", "log-text", ...runs(tail.replace(/\r$/, "")).map(painted)));
  }

  /** Lets the oldest lines go, so that a log of any length leaves the page usable. */
  forget() {
    const blocks = Math.ceil((this.lines.length - MOST_LINES) / BLOCK) + 100;
    this.lines.splice(0, blocks * BLOCK);
    this.dropped += blocks * BLOCK;
    this.blocks.splice(0, blocks).forEach(({ node }) => {
      this.watcher.unobserve(node);
      node.remove();
    });
    if (this.query.value) this.search();
    this.forgotten ??= made("div", "log-note");
    this.forgotten.textContent = `The first ${this.dropped.toLocaleString()} lines are in the download only.`;
    this.window.prepend(this.forgotten);
  }

  onScroll() {
    const { scrollTop, scrollHeight, clientHeight } = this.window;
    const atEnd = scrollHeight - scrollTop - clientHeight < NEAR_END;
    // Growing content moves the end away without moving scrollTop; only a step back is the reader's own.
    if (scrollTop < this.lastTop - 2 && !atEnd) this.setFollowing(false, false);
    else if (atEnd && !this.following && !this.marked) this.setFollowing(true, false);
    this.lastTop = scrollTop;
  }

  setFollowing(on, jump = true) {
    this.following = on;
    if (on) this.marked = null;
    this.showFollow();
    if (on && jump) this.toEnd();
  }

  showFollow() {
    this.followButton.setAttribute("aria-pressed", String(this.following));
  }

  toEnd() {
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => {
      if (this.blocks.length) this.fill(this.blocks.length - 1);
      this.window.scrollTop = this.window.scrollHeight;
      this.lastTop = this.window.scrollTop;
    });
  }

  toggleWrap() {
    const on = this.toggleAttribute("wrap");
    this.wrapButton.setAttribute("aria-pressed", String(on));
    this.blocks.forEach((entry, block) => {
      entry.height = null;
      if (!entry.drawn) this.reserve(block);
    });
    if (this.following) this.toEnd();
  }

  onNumber(event) {
    const link = event.target.closest("a.log-number");
    if (!link) return;
    event.preventDefault();
    history.replaceState(history.state, "", link.hash);
    this.setFollowing(false, false);
    this.reveal(Number(link.hash.slice(2)), false);
  }

  reveal(number, scroll = true) {
    this.body.querySelector(".is-marked")?.classList.remove("is-marked");
    this.marked = number;
    const row = this.rowOf(number - this.dropped - 1);
    row?.classList.add("is-marked");
    if (scroll && this.revealed !== number) row?.scrollIntoView({ block: "center" });
    this.revealed = number;
  }

  rowOf(index) {
    const block = Math.floor(index / BLOCK);
    this.fill(block);
    return this.blocks[block]?.node.children[index - block * BLOCK];
  }

  search() {
    this.hits = [];
    this.hitSet = new Set();
    this.hit = -1;
    this.body.querySelectorAll(".is-hit, .is-current").forEach((row) => row.classList.remove("is-hit", "is-current"));
    if (this.query.value) this.extendSearch(0);
    this.showFound();
    if (this.hits.length) this.step(1);
    else this.highlight();
  }

  extendSearch(from) {
    const wanted = this.query.value.toLowerCase();
    for (let index = from; index < this.lines.length; index++) {
      if (!stripped(this.lines[index]).toLowerCase().includes(wanted)) continue;
      this.hits.push(index);
      this.hitSet.add(index);
      const entry = this.blocks[Math.floor(index / BLOCK)];
      if (entry?.drawn) entry.node.children[index % BLOCK]?.classList.add("is-hit");
    }
    this.showFound();
  }

  step(by) {
    if (this.hits.length === 0) return;
    this.setFollowing(false, false);
    this.hit = (this.hit + by + this.hits.length) % this.hits.length;
    this.body.querySelector(".is-current")?.classList.remove("is-current");
    const row = this.rowOf(this.hits[this.hit]);
    row?.classList.add("is-current");
    row?.scrollIntoView({ block: "center" });
    this.showFound();
    this.highlight();
  }

  showFound() {
    this.found.textContent = this.query.value ? `${this.hits.length ? this.hit + 1 : 0} of ${this.hits.length.toLocaleString()}` : "";
  }

  /** Marks the words themselves where the browser can do that without touching the lines. */
  highlight() {
    if (!CSS.highlights) return;
    CSS.highlights.delete("log-search");
    const row = this.body.querySelector(".is-current .log-text");
    if (!row || !this.query.value) return;
    const wanted = this.query.value.toLowerCase();
    const ranges = [];
    const walker = document.createTreeWalker(row, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const { currentNode: node } = walker;
      const text = node.data.toLowerCase();
      for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + wanted.length)) {
        const range = new Range();
        range.setStart(node, at);
        range.setEnd(node, at + wanted.length);
        ranges.push(range);
      }
    }
    CSS.highlights.set("log-search", new Highlight(...ranges));
  }
}

customElements.define("log-view", LogView);

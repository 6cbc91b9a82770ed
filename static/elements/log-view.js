/** <log-view src stream download>: a log that grows while it is read: follow, search, wrap, line links, colours. */

import { LineSplitter, painted, runs } from "./log-lines.js";
import { LogSearch } from "./log-search.js";
import { LogSource } from "./log-source.js";
import { icon, iconButton } from "./sprite.js";

const BLOCK = 200;
const MOST_LINES = 250000;
const NEAR_END = 24;

function made(tag, className, ...children) {
  const node = document.createElement(tag);
  node.className = className;
  node.append(...children);
  return node;
}

class LogView extends HTMLElement {
  connectedCallback() {
    this.lines = [];
    this.dropped = 0;
    this.blocks = [];
    this.finder = new LogSearch();
    this.splitter = new LineSplitter();
    this.following = true;
    this.marked = Number(/^#L(\d+)$/.exec(location.hash)?.[1]) || null;
    if (this.marked) this.following = false;
    this.replaceChildren();
    this.build();
    // Only the blocks near the window hold their lines; the others keep their height alone.
    this.watcher = new IntersectionObserver((entries) => entries.forEach((entry) => this.onSight(entry)), { root: this.window, rootMargin: "1200px 0px" });
    this.source = new LogSource({
      src: this.getAttribute("src"),
      stream: this.getAttribute("stream"),
      onText: (text) => this.receive(text),
      onState: (error) => this.sayState(error),
    });
  }

  disconnectedCallback() {
    this.source.close();
    this.watcher.disconnect();
    cancelAnimationFrame(this.frame);
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
    this.window.addEventListener("wheel", ({ deltaY }) => deltaY < 0 && this.setFollowing(false, false), { passive: true });
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

  sayState(error) {
    const empty = this.lines.length === 0 && this.splitter.tail === "";
    let words = this.source?.final ? "Nothing was printed." : "Waiting for the first line…";
    if (error) words = `Not readable yet: ${error.message}. Trying again…`;
    this.note.textContent = words;
    this.note.hidden = !empty;
  }

  receive(text) {
    const from = this.lines.length;
    for (const line of this.splitter.push(text)) this.lines.push(line);
    this.grow(from);
    this.showTail();
    this.note.hidden = true;
    this.markHits(this.finder.extend(this.lines, from));
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
    row.classList.toggle("is-hit", this.finder.known.has(index));
    row.classList.toggle("is-current", this.finder.current === index);
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
      // The reader may have scrolled up since the text came.
      if (!this.following) return;
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
    this.body.querySelectorAll(".is-hit, .is-current").forEach((row) => row.classList.remove("is-hit", "is-current"));
    this.finder.begin(this.query.value, this.lines);
    this.markHits(this.finder.hits);
    this.finder.mark(null);
    if (this.finder.hits.length) this.step(1);
  }

  markHits(indexes) {
    for (const index of indexes) {
      const entry = this.blocks[Math.floor(index / BLOCK)];
      if (entry?.drawn) entry.node.children[index % BLOCK]?.classList.add("is-hit");
    }
    this.found.textContent = this.finder.summary;
  }

  step(by) {
    const index = this.finder.step(by);
    if (index === undefined) return;
    this.setFollowing(false, false);
    this.body.querySelector(".is-current")?.classList.remove("is-current");
    const row = this.rowOf(index);
    row?.classList.add("is-current");
    row?.scrollIntoView({ block: "center" });
    this.found.textContent = this.finder.summary;
    this.finder.mark(row?.querySelector(".log-text"));
  }
}

customElements.define("log-view", LogView);

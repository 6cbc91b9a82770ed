/** Finds words in a log's lines, and marks them where the browser can do so without touching the lines. */

import { stripped } from "./log-lines.js";

const MARK = "log-search";

export class LogSearch {
  constructor() {
    this.wanted = "";
    this.hits = [];
    this.known = new Set();
    this.position = -1;
  }

  /** Starts over with other words; `lines` are all lines so far. */
  begin(words, lines) {
    this.wanted = words.toLowerCase();
    this.hits = [];
    this.known = new Set();
    this.position = -1;
    this.extend(lines, 0);
  }

  /** Looks at the lines from `from` on; returns the positions that matched. */
  extend(lines, from) {
    const added = [];
    if (this.wanted === "") return added;
    for (let index = from; index < lines.length; index++) {
      if (stripped(lines[index]).toLowerCase().includes(this.wanted)) added.push(index);
    }
    for (const index of added) {
      this.hits.push(index);
      this.known.add(index);
    }
    return added;
  }

  get current() {
    return this.hits[this.position];
  }

  get summary() {
    return this.wanted === "" ? "" : `${this.position + 1} of ${this.hits.length.toLocaleString()}`;
  }

  /** Moves to the next match (`by` = 1) or the one before; returns its position, or undefined without matches. */
  step(by) {
    const count = this.hits.length;
    if (count > 0) this.position = this.position < 0 && by < 0 ? count - 1 : (this.position + by + count) % count;
    return this.current;
  }

  mark(row) {
    if (!CSS.highlights) return;
    CSS.highlights.delete(MARK);
    if (!row || this.wanted === "") return;
    const ranges = [];
    const walker = document.createTreeWalker(row, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const { currentNode: node } = walker;
      const text = node.data.toLowerCase();
      for (let at = text.indexOf(this.wanted); at >= 0; at = text.indexOf(this.wanted, at + this.wanted.length)) {
        const range = new Range();
        range.setStart(node, at);
        range.setEnd(node, at + this.wanted.length);
        ranges.push(range);
      }
    }
    CSS.highlights.set(MARK, new Highlight(...ranges));
  }
}

/** Where a log's text comes from: chunks by byte offset until now, then server-sent events, or polling where those do not pass. */

import { EventStream } from "./event-stream.js";

const POLL_MILLISECONDS = 2000;
const FAILURES_BEFORE_POLLING = 3;

export class LogSource {
  /** `onText(text)` gets new text, `onState(error)` is called when the log is caught up, at its end, or with what failed. */
  constructor({ src, stream, onText, onState }) {
    Object.assign(this, { src, stream, onText, onState });
    this.offset = 0;
    this.final = false;
    this.closed = false;
    this.decoder = new TextDecoder();
    this.controller = new AbortController();
    this.start();
  }

  close() {
    this.closed = true;
    this.controller.abort();
    this.events?.close();
    clearTimeout(this.timer);
  }

  async start() {
    try {
      await this.catchUp();
    } catch (error) {
      if (this.closed) return;
      this.onState(error);
      this.timer = setTimeout(() => this.start(), POLL_MILLISECONDS);
      return;
    }
    if (this.final || this.closed) return;
    if (this.stream) this.listen();
    else this.poll();
  }

  /** Reads until the server has nothing more; X-Log-Offset says where the next chunk starts, in bytes. */
  async catchUp() {
    for (;;) {
      const address = new URL(this.src, location.href);
      address.searchParams.set("offset", this.offset);
      const answer = await fetch(address, { signal: this.controller.signal, cache: "no-store" });
      if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
      const bytes = await answer.arrayBuffer();
      const before = this.offset;
      this.offset = Number(answer.headers.get("X-Log-Offset") ?? before + bytes.byteLength);
      this.final = answer.headers.get("X-Log-Final") === "true";
      if (bytes.byteLength > 0) this.onText(this.decoder.decode(bytes, { stream: true }));
      if (bytes.byteLength === 0 || this.offset <= before) break;
    }
    this.onState(null);
  }

  listen() {
    let failures = 0;
    this.events = new EventStream(this.stream, {
      lastId: String(this.offset),
      onEvent: ({ kind, data, id }) => {
        failures = 0;
        if (kind === "end") this.finish();
        if (kind !== "log") return;
        if (id !== undefined) this.offset = Number(id);
        this.onText(JSON.parse(data));
      },
      onState: (state) => {
        if (state === "waiting") failures += 1;
        if (state !== "refused" && failures < FAILURES_BEFORE_POLLING) return;
        // Some proxies swallow event streams; the same text can be had by asking again and again.
        this.events.close();
        if (!this.closed) this.poll();
      },
    });
  }

  poll() {
    this.timer = setTimeout(async () => {
      // A failed look is repeated by the next one.
      if (!document.hidden) await this.catchUp().catch(() => {});
      if (!this.final && !this.closed) this.poll();
    }, POLL_MILLISECONDS);
  }

  async finish() {
    this.events.close();
    await this.catchUp().catch(() => {});
    this.final = true;
    this.onState(null);
  }
}

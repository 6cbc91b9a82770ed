/**
 * Server-sent events over fetch.
 *
 * EventSource gives up for good on a 502 of a restarting server, forgets Last-Event-ID when it is made anew, and has to
 * know every event's name beforehand; this reader does none of the three. It also lets go of its connection while the page is
 * hidden, because browsers open six at most to one HTTP/1.1 server.
 */

const FIRST_DELAY = 500;
const LONGEST_DELAY = 10000;
const SILENCE_MILLISECONDS = 60000;

/** Yields `{kind, data, id}` for each event in a stream of decoded text. */
export class EventParser {
  constructor() {
    this.buffer = "";
    this.held = "";
  }

  *push(text) {
    // A line end can be cut in two between chunks, so a last "\r" waits for what follows it.
    const whole = this.held + text;
    this.held = whole.endsWith("\r") ? "\r" : "";
    this.buffer += (this.held ? whole.slice(0, -1) : whole).replace(/\r\n?/g, "\n");
    let end;
    while ((end = this.buffer.indexOf("\n\n")) >= 0) {
      const block = this.buffer.slice(0, end);
      this.buffer = this.buffer.slice(end + 2);
      const event = this.read(block);
      if (event) yield event;
    }
  }

  read(block) {
    let kind = "message";
    let id;
    const data = [];
    for (const line of block.split("\n")) {
      if (line === "" || line.startsWith(":")) continue;
      const colon = line.indexOf(":");
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
      if (field === "event") kind = value;
      else if (field === "data") data.push(value);
      else if (field === "id") id = value;
    }
    return data.length || id !== undefined || kind !== "message" ? { kind, data: data.join("\n"), id } : null;
  }
}

export class EventStream {
  /**
   * `onEvent({kind, data, id})` gets every event; `onState` gets "open", "waiting" (between two attempts) or
   * "refused" (the server answered 4xx, or 204: no further attempt).
   */
  constructor(address, { onEvent, onState = () => {}, lastId = null }) {
    Object.assign(this, { address, onEvent, onState, lastId });
    this.delay = FIRST_DELAY;
    this.closed = false;
    this.onVisibility = () => (document.hidden ? this.abort() : this.connect());
    document.addEventListener("visibilitychange", this.onVisibility);
    if (!document.hidden) this.connect();
  }

  close() {
    this.closed = true;
    document.removeEventListener("visibilitychange", this.onVisibility);
    this.abort();
  }

  abort() {
    clearTimeout(this.retry);
    clearTimeout(this.silence);
    this.controller?.abort();
    this.controller = null;
  }

  async connect() {
    if (this.closed || this.controller) return;
    const controller = (this.controller = new AbortController());
    try {
      const headers = { Accept: "text/event-stream" };
      if (this.lastId !== null) headers["Last-Event-ID"] = this.lastId;
      const answer = await fetch(this.address, { headers, signal: controller.signal, cache: "no-store" });
      const refused = answer.status === 204 || (answer.status >= 400 && answer.status < 500 && answer.status !== 429);
      if (refused) {
        this.close();
        this.onState("refused");
        return;
      }
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      await this.read(answer.body.getReader(), controller);
    } catch (error) {
      if (error.name !== "AbortError") console.debug("event stream", this.address, error.message);
    }
    // A newer attempt, a hidden page or close() took over in the meantime.
    if (this.controller === controller) this.again();
  }

  async read(reader, controller) {
    const parser = new EventParser();
    const decoder = new TextDecoder();
    this.onState("open");
    this.watch();
    for (;;) {
      const { done, value } = await reader.read();
      if (done || this.controller !== controller) return;
      this.watch();
      this.delay = FIRST_DELAY;
      for (const event of parser.push(decoder.decode(value, { stream: true }))) {
        if (event.id !== undefined) this.lastId = event.id;
        this.onEvent(event);
        if (this.closed) return;
      }
    }
  }

  /** A connection that dies without a word, as through a sleeping laptop, is opened anew. */
  watch() {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => {
      this.abort();
      this.again();
    }, SILENCE_MILLISECONDS);
  }

  again() {
    this.abort();
    if (this.closed || document.hidden) return;
    this.onState("waiting");
    this.retry = setTimeout(() => this.connect(), this.delay * (0.75 + Math.random() / 2));
    this.delay = Math.min(this.delay * 2, LONGEST_DELAY);
  }
}

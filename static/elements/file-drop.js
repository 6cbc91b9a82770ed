/** <file-drop> around a file input: a place to drop files, the list of them, and the progress of their form's upload. */

import { BLOCK, sendFile } from "./resumable-upload.js";
import { icon, iconButton } from "./sprite.js";

const UNITS = ["B", "kB", "MB", "GB", "TB"];
const SHOWN_FILES = 50;

function size(bytes) {
  let unit = 0;
  for (; bytes >= 1000 && unit < UNITS.length - 1; unit++) bytes /= 1000;
  return `${unit === 0 ? bytes : bytes.toFixed(1)} ${UNITS[unit]}`;
}

class FileDrop extends HTMLElement {
  connectedCallback() {
    this.input = this.querySelector("input[type=file]");
    if (!this.input) return;
    this.stop = new AbortController();
    if (!this.zone) this.build();
    const { signal } = this.stop;
    this.input.addEventListener("change", () => this.show(), { signal });
    this.zone.addEventListener("dragover", (event) => this.onDrag(event, true), { signal });
    this.zone.addEventListener("dragleave", (event) => this.onDrag(event, false), { signal });
    this.zone.addEventListener("drop", (event) => this.onDrop(event), { signal });
    this.form = this.closest("form");
    this.form?.addEventListener("submit", (event) => this.onSubmit(event), { signal });
    this.form?.addEventListener("htmx:xhr:progress", (event) => this.onProgress(event.detail), { signal });
    this.show();
  }

  disconnectedCallback() {
    this.stop?.abort();
  }

  build() {
    this.zone = document.createElement("label");
    this.zone.className = "drop-zone";
    const words = document.createElement("span");
    words.textContent = this.input.webkitdirectory ? "Drop files here, or choose a folder" : `Drop ${this.input.multiple ? "files" : "a file"} here, or choose`;
    this.zone.append(icon("upload"), words, this.input);
    this.list = document.createElement("ul");
    this.list.className = "drop-list";
    this.bar = document.createElement("progress");
    this.bar.hidden = true;
    this.bar.setAttribute("aria-label", "Upload");
    this.note = document.createElement("div");
    this.note.className = "field-hint";
    this.note.setAttribute("role", "status");
    this.append(this.zone, this.list, this.bar, this.note);
  }

  onDrag(event, over) {
    event.preventDefault();
    this.zone.classList.toggle("is-over", over);
  }

  onDrop(event) {
    this.onDrag(event, false);
    const dropped = [...event.dataTransfer.files];
    if (dropped.length === 0) return;
    this.assign(this.input.multiple ? [...this.input.files, ...dropped] : dropped.slice(0, 1));
  }

  assign(files) {
    const transfer = new DataTransfer();
    for (const file of files) transfer.items.add(file);
    this.input.files = transfer.files;
    this.input.dispatchEvent(new Event("change", { bubbles: true }));
  }

  show() {
    const files = [...this.input.files];
    const rows = files.slice(0, SHOWN_FILES).map((file) => {
      const row = document.createElement("li");
      const name = document.createElement("span");
      name.className = "truncate";
      name.textContent = file.webkitRelativePath || file.name;
      const bytes = document.createElement("span");
      bytes.className = "muted nowrap";
      bytes.textContent = size(file.size);
      row.append(icon("file"), name, bytes, iconButton(`Leave out ${file.name}`, "close", () => this.assign(files.filter((other) => other !== file))));
      return row;
    });
    this.list.replaceChildren(...rows);
    const total = files.reduce((sum, file) => sum + file.size, 0);
    this.note.textContent = files.length > 1 ? `${files.length} files, ${size(total)}` : "";
  }

  onSubmit(event) {
    const sentByHtmx = ["hx-post", "hx-put", "hx-patch"].some((name) => this.form.hasAttribute(name));
    if (event.defaultPrevented || sentByHtmx || this.input.files.length === 0) return;
    event.preventDefault();
    const [file] = this.input.files;
    // Only a page that came safely can make digests.
    if (this.hasAttribute("resumable") && file.size > BLOCK && window.crypto?.subtle) this.sendLong(file, event.submitter);
    else this.post(event.submitter);
  }

  /** What a long file's address is put into is the form's field `path`, which then goes without the file. */
  async sendLong(file, submitter) {
    this.submitters(true);
    this.note.className = "field-hint";
    try {
      const uri = await sendFile(file, this.getAttribute("resumable"), (what, loaded) => {
        this.bar.hidden = false;
        this.bar.max = file.size;
        this.bar.value = loaded;
        this.note.textContent = loaded < file.size || what === "Reading" ? `${what}: ${size(loaded)} of ${size(file.size)}` : "Saving…";
      });
      this.form.elements.path.value = uri;
      this.form.elements.type.value = "uri_file";
      this.assign([]);
      this.post(submitter);
    } catch (error) {
      this.fail(`${error.message} What was sent is kept for three days: choose the same file again to go on.`);
    }
  }

  post(submitter) {
    const request = new XMLHttpRequest();
    request.open(this.form.method, submitter?.hasAttribute("formaction") ? submitter.formAction : this.form.action);
    request.upload.addEventListener("progress", (progress) => this.onProgress(progress));
    request.addEventListener("load", () => this.onAnswer(request));
    request.addEventListener("error", () => this.fail("The connection broke during the upload. Nothing was saved; send it again."));
    const body = new FormData(this.form, submitter);
    this.submitters(true);
    request.send(body);
  }

  submitters(disabled) {
    for (const button of this.form.querySelectorAll("button:not([type=button])")) button.disabled = disabled;
  }

  onProgress({ loaded, total }) {
    if (!total) return;
    this.bar.hidden = false;
    this.bar.max = total;
    this.bar.value = loaded;
    this.note.textContent = loaded < total ? `${size(loaded)} of ${size(total)}` : "Saving…";
    if (loaded === total) this.bar.removeAttribute("value");
  }

  onAnswer(request) {
    if (request.status < 400) {
      location.assign(request.responseURL);
      return;
    }
    const type = request.getResponseHeader("Content-Type") ?? "";
    if (type.includes("json")) {
      const problem = JSON.parse(request.responseText);
      this.fail(problem.detail ?? problem.title);
      return;
    }
    const page = new DOMParser().parseFromString(request.responseText, "text/html");
    const main = page.querySelector("#main");
    if (!main) {
      this.fail(page.body.textContent.trim().slice(0, 300) || `The server answered ${request.status}.`);
      return;
    }
    document.querySelector("#main").replaceWith(main);
    window.htmx?.process(main);
  }

  fail(message) {
    this.bar.hidden = true;
    this.note.textContent = message;
    this.note.className = "field-error";
    this.submitters(false);
  }
}

customElements.define("file-drop", FileDrop);

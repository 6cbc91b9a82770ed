/** <selectable-table>: the tick-all box, ranges by Shift, a bar that says how many rows are ticked, whether all that match are meant, and links that take names along. */

class SelectableTable extends HTMLElement {
  connectedCallback() {
    this.stop = new AbortController();
    const { signal } = this.stop;
    this.addEventListener("click", (event) => this.onClick(event), { signal });
    this.addEventListener("change", (event) => this.onChange(event), { signal });
    this.addEventListener("htmx:afterSwap", () => this.show(), { signal });
    this.show();
  }

  disconnectedCallback() {
    this.stop.abort();
  }

  get boxes() {
    return [...this.querySelectorAll("input.row-check")];
  }

  onClick(event) {
    if (event.target.closest("[data-bulk-clear]")) {
      this.boxes.forEach((box) => (box.checked = false));
      this.show();
    }
    if (event.target.matches("input.row-check")) {
      if (event.shiftKey && this.last) this.fill(this.last, event.target);
      this.last = event.target;
    }
  }

  fill(from, to) {
    const boxes = this.boxes;
    const [start, end] = [boxes.indexOf(from), boxes.indexOf(to)].sort((a, b) => a - b);
    if (start < 0) return;
    boxes.slice(start, end + 1).forEach((box) => (box.checked = to.checked));
  }

  onChange(event) {
    if (event.target.matches("[data-check-all]")) this.boxes.forEach((box) => (box.checked = event.target.checked));
    this.show();
  }

  show() {
    const boxes = this.boxes;
    const ticked = boxes.filter((box) => box.checked).length;
    const all = this.querySelector("[data-check-all]");
    if (all) {
      all.checked = boxes.length > 0 && ticked === boxes.length;
      all.indeterminate = ticked > 0 && ticked < boxes.length;
    }
    const bar = this.querySelector("[data-bulk]");
    if (!bar) return;
    bar.hidden = ticked === 0;
    const meansAll = this.offerAll(bar, boxes, ticked);
    bar.querySelector("[data-bulk-count]").textContent = meansAll ? "All" : ticked;
    const names = boxes.filter((box) => box.checked).map((box) => encodeURIComponent(box.value));
    for (const link of bar.querySelectorAll("a[data-names]")) {
      link.href = `${link.dataset.names}?names=${names.join(",")}`;
      link.hidden = ticked < Number(link.dataset.least ?? 2) || meansAll;
    }
  }

  /** With every row of the page ticked, offers all rows of all pages; returns whether those are chosen. */
  offerAll(bar, boxes, ticked) {
    const offer = bar.querySelector("[data-bulk-all]");
    if (!offer) return false;
    const total = Number(this.querySelector("[data-total]")?.dataset.total ?? 0);
    const box = offer.querySelector("input");
    offer.hidden = ticked < boxes.length || total <= boxes.length;
    if (offer.hidden) box.checked = false;
    offer.querySelector("[data-bulk-total]").textContent = total.toLocaleString("en");
    for (const few of bar.querySelectorAll("[data-bulk-few]")) few.hidden = box.checked;
    return box.checked;
  }
}

customElements.define("selectable-table", SelectableTable);

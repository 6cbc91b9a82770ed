/** <pipeline-graph src panel live step>: the drawing of a pipeline, moved and zoomed, its outline, and the panel of a step. */

import { iconButton } from "./sprite.js";

const LEAST_SCALE = 0.08;
const MOST_SCALE = 2.5;
const EDGE = 24;
const STEP = 60;
const LOOK_MILLISECONDS = 5000;
const REST_MILLISECONDS = 500;
const KEYS = {
  ArrowLeft: [STEP, 0],
  ArrowRight: [-STEP, 0],
  ArrowUp: [0, STEP],
  ArrowDown: [0, -STEP],
};

class PipelineGraph extends HTMLElement {
  connectedCallback() {
    if (this.stage) return;
    this.outline = this.querySelector(".graph-outline");
    this.panel = this.querySelector(".graph-panel");
    this.build(this.querySelector("svg.graph-drawing"));
    this.addEventListener("click", (event) => this.onClick(event));
    this.find = this.querySelector("[data-find]");
    this.state = this.querySelector("[data-state]");
    this.find.addEventListener("input", () => this.narrow());
    this.state.addEventListener("change", () => this.narrow());
    this.mark(this.getAttribute("step"));
    this.sizes = new ResizeObserver(() => {
      if (this.moved) return;
      this.fit();
      if (this.chosen) this.centre(this.chosen);
    });
    this.sizes.observe(this.stage);
    if (this.hasAttribute("live")) this.follow();
  }

  disconnectedCallback() {
    this.sizes?.disconnect();
    clearInterval(this.timer);
    clearTimeout(this.soon);
    document.removeEventListener("atelier:children", this.onChange);
    document.removeEventListener("atelier:status", this.onChange);
  }

  build(svg) {
    this.svg = svg;
    this.plane = svg.querySelector(".graph-plane");
    this.stage = document.createElement("div");
    this.stage.className = "graph-stage";
    this.stage.tabIndex = 0;
    this.stage.setAttribute("role", "region");
    this.stage.setAttribute("aria-label", "Drawing of the pipeline, told by the list of steps. Arrow keys move it, plus and minus zoom, 0 fits it.");
    const tools = document.createElement("div");
    tools.className = "graph-tools";
    tools.append(
      iconButton("Zoom in", "plus", () => this.zoom(1.25)),
      iconButton("Zoom out", "minus", () => this.zoom(0.8)),
      iconButton("Fit the drawing", "expand", () => this.fit()),
    );
    this.stage.append(svg, tools);
    this.insertBefore(this.stage, this.panel);
    this.stage.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
    this.stage.addEventListener("keydown", (event) => this.onKey(event));
    this.svg.addEventListener("pointerdown", (event) => this.onPress(event));
    this.svg.addEventListener("pointermove", (event) => this.onDrag(event));
    for (const kind of ["pointerup", "pointercancel"]) this.svg.addEventListener(kind, (event) => this.onRelease(event));
    this.fingers = new Map();
  }

  /** The whole drawing, but never so small that nothing can be read: then its beginning. */
  fit() {
    const { clientWidth: width, clientHeight: height } = this.stage;
    const [across, down] = ["width", "height"].map((name) => Number(this.svg.dataset[name]));
    const whole = Math.min((width - 2 * EDGE) / across, (height - 2 * EDGE) / down, 1);
    const scale = Math.max(whole, 0.45);
    const x = (width - across * scale) / 2;
    const y = whole < scale ? EDGE : Math.max(EDGE, (height - down * scale) / 2);
    this.show(x < EDGE && whole < scale && across * scale > width ? EDGE - this.rootOffset(scale, width) : x, y, scale);
    this.moved = false;
  }

  /** How far a drawing wider than the stage is moved so that its first box stands in the middle. */
  rootOffset(scale, width) {
    const first = this.plane.querySelector(".graph-box, .graph-end");
    const at = Number(/translate\(([-\d.]+)/.exec(first.getAttribute("transform"))[1]) * scale;
    const most = Number(this.svg.dataset.width) * scale - width + 2 * EDGE;
    return Math.min(Math.max(at - width / 2 + EDGE, 0), Math.max(most, 0));
  }

  show(x, y, scale) {
    this.svg.removeAttribute("viewBox");
    this.place = { x, y, scale };
    this.plane.setAttribute("transform", `translate(${x.toFixed(1)} ${y.toFixed(1)}) scale(${scale.toFixed(4)})`);
  }

  zoom(by, at = { x: this.stage.clientWidth / 2, y: this.stage.clientHeight / 2 }) {
    const { x, y, scale } = this.place;
    const next = Math.min(Math.max(scale * by, LEAST_SCALE), MOST_SCALE);
    const ratio = next / scale;
    this.moved = true;
    this.show(at.x - (at.x - x) * ratio, at.y - (at.y - y) * ratio, next);
  }

  move(byX, byY) {
    this.moved = true;
    this.show(this.place.x + byX, this.place.y + byY, this.place.scale);
  }

  within(event) {
    const frame = this.stage.getBoundingClientRect();
    return { x: event.clientX - frame.left, y: event.clientY - frame.top };
  }

  onWheel(event) {
    event.preventDefault();
    this.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), this.within(event));
  }

  onKey(event) {
    if (event.target !== this.stage || event.ctrlKey || event.metaKey || event.altKey) return;
    if (KEYS[event.key]) this.move(...KEYS[event.key]);
    else if (event.key === "+" || event.key === "=") this.zoom(1.25);
    else if (event.key === "-") this.zoom(0.8);
    else if (event.key === "0") this.fit();
    else return;
    event.preventDefault();
  }

  onPress(event) {
    if (event.button !== 0) return;
    this.fingers.set(event.pointerId, this.within(event));
    this.dragged = 0;
  }

  onDrag(event) {
    const before = this.fingers.get(event.pointerId);
    if (!before) return;
    const after = this.within(event);
    const other = [...this.fingers].find(([id]) => id !== event.pointerId)?.[1];
    if (other) {
      const apart = (point) => Math.hypot(point.x - other.x, point.y - other.y);
      this.zoom(apart(after) / Math.max(apart(before), 1), other);
    } else this.move(after.x - before.x, after.y - before.y);
    this.dragged += Math.hypot(after.x - before.x, after.y - before.y);
    // Captured only once it is a drag: captured at once, a click would come to the drawing and not to the box.
    if (this.dragged > 4) this.svg.setPointerCapture(event.pointerId);
    this.fingers.set(event.pointerId, after);
  }

  onRelease(event) {
    this.fingers.delete(event.pointerId);
  }

  onClick(event) {
    if (event.target.closest("[data-close]")) return this.close();
    const link = event.target.closest("a[data-step]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    if (this.dragged > 4 && this.svg.contains(link)) return;
    this.choose(link.dataset.step, this.outline.contains(link) || this.panel.contains(link));
  }

  async choose(step, centre) {
    this.mark(step);
    history.replaceState(history.state, "", `?${new URLSearchParams({ step })}`);
    this.panel.hidden = false;
    if (!this.moved) this.fit();
    if (centre) this.centre(step);
    await window.htmx.ajax("GET", `${this.getAttribute("panel")}?${new URLSearchParams({ step })}`, { target: this.panel, swap: "innerHTML" });
    if (matchMedia("(max-width: 64rem)").matches) this.panel.scrollIntoView({ block: "start" });
    this.panel.focus({ preventScroll: true });
  }

  close() {
    const item = this.outline.querySelector(`[data-step="${CSS.escape(this.chosen)}"]`);
    this.panel.hidden = true;
    this.panel.replaceChildren();
    this.mark(null);
    history.replaceState(history.state, "", location.pathname);
    item?.focus();
  }

  /** Brings the box of a step into view where it is not. */
  centre(step) {
    const box = this.plane.querySelector(`a[data-step="${CSS.escape(step)}"]`);
    const [stage, seen] = [this.stage.getBoundingClientRect(), box.getBoundingClientRect()];
    const inside = seen.left >= stage.left && seen.right <= stage.right && seen.top >= stage.top && seen.bottom <= stage.bottom;
    if (inside) return;
    this.move((stage.left + stage.right - seen.left - seen.right) / 2, (stage.top + stage.bottom - seen.top - seen.bottom) / 2);
  }

  mark(step) {
    this.chosen = step;
    for (const link of this.querySelectorAll(".graph-outline a, a.graph-box")) {
      const on = link.dataset.step === step;
      link.classList.toggle("is-chosen", on);
      if (on) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
    for (const line of this.querySelectorAll(".graph-line")) {
      line.classList.toggle("is-chosen", step !== null && [line.dataset.source, line.dataset.target].includes(step));
    }
  }

  narrow() {
    const words = this.find.value.trim().toLowerCase();
    const states = this.state.value.split(" ");
    let shown = 0;
    for (const item of this.outline.children) {
      const fits = item.dataset.name.includes(words) && (this.state.value === "" || states.includes(item.dataset.status));
      item.hidden = !fits;
      this.plane.querySelector(`#box-${CSS.escape(item.id.slice(5))}`)?.classList.toggle("is-out", !fits);
      shown += fits;
    }
    this.querySelector("[data-none]").hidden = shown > 0;
  }

  follow() {
    this.onChange = () => {
      this.soon ??= setTimeout(() => this.refresh(), REST_MILLISECONDS);
    };
    for (const kind of ["children", "status"]) document.addEventListener(`atelier:${kind}`, this.onChange);
    this.timer = setInterval(this.onChange, LOOK_MILLISECONDS);
  }

  async refresh() {
    try {
      const answer = await fetch(this.getAttribute("src"), { headers: { Accept: "text/html" } });
      if (answer.ok) this.take(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } finally {
      this.soon = null;
    }
  }

  /** Puts in what differs, so that place, focus and choice stay. */
  take(found) {
    const old = new Map([...this.querySelectorAll("[id^=item-], [id^=box-], [id^=line-]")].map((node) => [node.id, node]));
    const fresh = [...found.querySelectorAll("[id^=item-], [id^=box-], [id^=line-]")];
    if (fresh.length !== old.size || fresh.some(({ id }) => !old.has(id))) {
      this.plane.replaceChildren(...found.querySelector(".graph-plane").childNodes);
      this.outline.replaceChildren(...found.querySelector(".graph-outline").childNodes);
      Object.assign(this.svg.dataset, found.querySelector(".graph-drawing").dataset);
    } else fresh.forEach((node) => update(old.get(node.id), node));
    this.mark(this.chosen);
    this.narrow();
    if (found.querySelector("[data-final]")) this.disconnectedCallback();
  }
}

function update(old, fresh) {
  const [was, is] = [old, fresh].map((node) => node.matches("li") ? node.firstElementChild : node);
  if (old !== was) old.dataset.status = fresh.dataset.status;
  if (was.innerHTML !== is.innerHTML) was.innerHTML = is.innerHTML;
  was.setAttribute("class", is.getAttribute("class"));
}

customElements.define("pipeline-graph", PipelineGraph);

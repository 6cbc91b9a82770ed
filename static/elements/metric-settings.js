/** <metric-settings>: how all charts of the page are drawn, kept in the page's address. */

const AXES = [["step", "Step"], ["relative", "Relative time"], ["wall", "Wall time"]];
const CHANGED = "metric-settings";

function read() {
  const query = new URLSearchParams(location.search);
  const axis = query.get("axis");
  const smooth = Number(query.get("smooth"));
  return {
    axis: AXES.some(([name]) => name === axis) ? axis : "step",
    smooth: smooth > 0 && smooth < 1 ? smooth : 0,
    log: query.get("log") === "true",
    outliers: query.get("outliers") !== "false",
    off: new Set(query.getAll("off")),
  };
}

/** `{axis, smooth, log, outliers, off}`; `outliers` false leaves them out of view, `off` are the runs that are not drawn. */
export const settings = read();

function write() {
  const address = new URL(location.href);
  const { searchParams: query } = address;
  for (const name of ["axis", "smooth", "log", "outliers", "off"]) query.delete(name);
  if (settings.axis !== "step") query.set("axis", settings.axis);
  if (settings.smooth > 0) query.set("smooth", settings.smooth);
  if (settings.log) query.set("log", "true");
  if (!settings.outliers) query.set("outliers", "false");
  for (const run of settings.off) query.append("off", run);
  history.replaceState(history.state, "", address);
}

export function change(changes) {
  Object.assign(settings, changes);
  write();
  document.dispatchEvent(new CustomEvent(CHANGED));
}

export function onChange(listener, signal) {
  document.addEventListener(CHANGED, listener, { signal });
}

// A filter that is sent puts its own fields into the address, which would lose what stands there for the charts.
document.addEventListener("htmx:pushedIntoHistory", write);

class MetricSettings extends HTMLElement {
  connectedCallback() {
    if (this.firstChild) return;
    const axis = Object.assign(document.createElement("select"), { className: "input chart-select" });
    AXES.forEach(([value, words]) => axis.add(new Option(words, value, false, value === settings.axis)));
    axis.setAttribute("aria-label", "Horizontal axis");
    axis.addEventListener("change", () => change({ axis: axis.value }));
    const smooth = Object.assign(document.createElement("input"), { type: "range", min: 0, max: 0.99, step: 0.01 });
    smooth.value = settings.smooth;
    const amount = Object.assign(document.createElement("output"), { value: settings.smooth.toFixed(2) });
    smooth.addEventListener("input", () => {
      amount.value = Number(smooth.value).toFixed(2);
      change({ smooth: Number(smooth.value) });
    });
    this.append(
      axis,
      this.labelled("Smooth", smooth, amount),
      this.box("Log axis", settings.log, (log) => change({ log })),
      this.box("Ignore outliers", !settings.outliers, (ignored) => change({ outliers: !ignored })),
    );
  }

  labelled(...children) {
    const label = Object.assign(document.createElement("label"), { className: "chart-tool" });
    label.append(...children);
    return label;
  }

  box(words, checked, onInput) {
    const input = Object.assign(document.createElement("input"), { type: "checkbox", checked });
    input.addEventListener("change", () => onInput(input.checked));
    return this.labelled(input, words);
  }
}

customElements.define("metric-settings", MetricSettings);

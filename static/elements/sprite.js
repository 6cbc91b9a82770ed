/** Icons of static/icons.svg for elements that draw their own controls. */

const address = document.querySelector('meta[name="icons"]')?.content ?? new URL("../icons.svg", import.meta.url).pathname;

export function icon(name, extra = "") {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", `icon ${extra}`.trim());
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `${address}#${name}`);
  svg.append(use);
  return svg;
}

export function iconButton(label, name, onClick) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button button-quiet button-icon button-small";
  button.title = label;
  button.setAttribute("aria-label", label);
  button.append(icon(name));
  button.addEventListener("click", onClick);
  return button;
}

/** A chart as a PNG file, with its title and the names of its lines. */

const COLUMN = 180;
const ROW = 18;
const TITLE = 28;
const EDGE = 12;

/** `legend` is `[{name, colour}]` in the order of the lines; sizes are in CSS pixels, scaled to the screen's. */
export function savePicture(plot, title, legend, { surface, text }) {
  const source = plot.ctx.canvas;
  const scale = devicePixelRatio;
  const columns = Math.max(1, Math.floor((source.width / scale - EDGE) / COLUMN));
  const rows = Math.ceil(legend.length / columns);
  const picture = Object.assign(document.createElement("canvas"), { width: source.width, height: source.height + (TITLE + rows * ROW + (rows > 0 ? EDGE : 0)) * scale });
  const context = picture.getContext("2d");
  context.fillStyle = surface;
  context.fillRect(0, 0, picture.width, picture.height);
  context.drawImage(source, 0, TITLE * scale);
  context.scale(scale, scale);
  context.fillStyle = text;
  context.font = "600 13px sans-serif";
  context.fillText(title, EDGE, 19);
  context.font = "11px sans-serif";
  legend.forEach(({ name, colour }, index) => {
    const x = EDGE + (index % columns) * COLUMN;
    const y = TITLE + source.height / scale + Math.floor(index / columns) * ROW + ROW / 2;
    context.fillStyle = colour;
    context.fillRect(x, y - 4, 9, 9);
    context.fillStyle = text;
    context.fillText(name.length > 24 ? `${name.slice(0, 23)}…` : name, x + 15, y + 5);
  });
  picture.toBlob((blob) => {
    const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: `${title.replaceAll("/", "-")}.png` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
}

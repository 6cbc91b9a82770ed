/** <image-steps>: a slider over the steps of the pictures within it, whose `data-steps` is `[[step, address], …]`. */

class ImageSteps extends HTMLElement {
  connectedCallback() {
    if (this.slider) return;
    this.pictures = [...this.querySelectorAll("img[data-steps]")].map((node) => ({ node, found: JSON.parse(node.dataset.steps) }));
    this.steps = [...new Set(this.pictures.flatMap(({ found }) => found.map(([step]) => step)))].sort((a, b) => a - b);
    const last = this.steps.length - 1;
    this.slider = Object.assign(document.createElement("input"), { type: "range", min: 0, max: Math.max(last, 0), step: 1, disabled: last < 1 });
    this.slider.value = last;
    this.words = document.createElement("output");
    const label = document.createElement("label");
    label.className = "image-step";
    label.append("Step", this.slider, this.words);
    this.prepend(label);
    this.slider.addEventListener("input", () => this.show());
    this.show();
  }

  show() {
    const step = this.steps[this.slider.value];
    this.words.value = step ?? "";
    this.slider.setAttribute("aria-valuetext", `step ${step}`);
    for (const { node, found } of this.pictures) {
      // A run that logged none at this step shows the one before.
      const [, address] = found.findLast(([at]) => at <= step) ?? found[0];
      if (node.getAttribute("src") !== address) node.src = address;
    }
  }
}

customElements.define("image-steps", ImageSteps);

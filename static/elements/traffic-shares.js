/** <traffic-shares> around the inputs of an endpoint's traffic: what one gets, the others give, so that the sum stays. */

const WHOLE = 100;

class TrafficShares extends HTMLElement {
  connectedCallback() {
    this.addEventListener("change", (event) => this.balance(event.target));
    this.addEventListener("input", () => this.tell());
    this.tell();
  }

  get inputs() {
    return [...this.querySelectorAll("input[name=share]")];
  }

  get sum() {
    return this.inputs.reduce((sum, input) => sum + (Number(input.value) || 0), 0);
  }

  /** The largest of the others gives or takes first; with a sum of 0, which is no traffic at all, nothing does. */
  balance(changed) {
    const others = this.inputs.filter((input) => input !== changed).sort((one, other) => other.value - one.value);
    if (!others.length || this.sum === 0) return;
    changed.value = Math.min(Math.max(Math.round(Number(changed.value) || 0), 0), WHOLE);
    let rest = WHOLE - this.sum;
    for (const input of others) {
      const before = Number(input.value) || 0;
      const after = Math.min(Math.max(before + rest, 0), WHOLE);
      input.value = after;
      rest -= after - before;
    }
    this.tell();
  }

  tell() {
    const output = this.querySelector("output");
    const { sum } = this;
    output.value = sum === WHOLE || sum === 0 ? `${sum} %` : `${sum} %, not ${WHOLE}`;
    output.classList.toggle("text-danger", sum !== WHOLE && sum !== 0);
  }
}

customElements.define("traffic-shares", TrafficShares);

/** <time-ago> around a <time datetime>: keeps the relative words current and shows the local time on hover. */

const STEPS = [
  [60, 1, "second"],
  [3600, 60, "minute"],
  [86400, 3600, "hour"],
  [2592000, 86400, "day"],
  [31536000, 2592000, "month"],
  [Infinity, 31536000, "year"],
];
const REFRESH_MILLISECONDS = 30000;
const words = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const local = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });

function relative(moment) {
  const seconds = Math.round((moment - Date.now()) / 1000);
  const distance = Math.abs(seconds);
  if (distance < 5) return "just now";
  const [, size, unit] = STEPS.find(([limit]) => distance < limit);
  return words.format(Math.trunc(seconds / size), unit);
}

class TimeAgo extends HTMLElement {
  connectedCallback() {
    this.show();
    this.timer = setInterval(() => this.show(), REFRESH_MILLISECONDS);
  }

  disconnectedCallback() {
    clearInterval(this.timer);
  }

  show() {
    const time = this.querySelector("time[datetime]");
    const moment = time && Date.parse(time.dateTime);
    if (!moment) return;
    time.title = local.format(moment);
    time.textContent = relative(moment);
  }
}

customElements.define("time-ago", TimeAgo);

/** Fetches series for all charts of a page: those that ask at the same time for the same runs share a request. */

const COLLECT_MILLISECONDS = 20;
const POLL_MILLISECONDS = 2000;
const SERIES = 100;
const waiting = new Map();

/**
 * What the server answers for one metric: `{series: [{run, key, points}], next, final}`. `src` names it as
 * `key`; `more` are further fields, such as `after`. Rejects with an error whose message says why.
 */
export function ask(src, more = {}) {
  const address = new URL(src, location.href);
  const key = address.searchParams.get("key");
  const runs = address.searchParams.get("names")?.split(",").length ?? 1;
  address.searchParams.delete("key");
  for (const [name, value] of Object.entries(more)) address.searchParams.set(name, value);
  return new Promise((resolve, reject) => {
    const asked = waiting.get(address.href) ?? [];
    if (asked.length === 0) setTimeout(() => send(address.href, runs), COLLECT_MILLISECONDS);
    waiting.set(address.href, [...asked, { key, resolve, reject }]);
  });
}

function send(address, runs) {
  const asked = waiting.get(address);
  waiting.delete(address);
  const atOnce = Math.max(1, Math.floor(SERIES / runs));
  for (let first = 0; first < asked.length; first += atOnce) fetchPart(address, asked.slice(first, first + atOnce));
}

async function fetchPart(href, asked) {
  const address = new URL(href);
  for (const key of new Set(asked.map((one) => one.key))) address.searchParams.append("key", key);
  try {
    const answer = await fetch(address, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    const found = await answer.json();
    for (const { key, resolve } of asked) resolve({ ...found, series: found.series.filter((part) => part.key === key) });
  } catch (error) {
    for (const { reject } of asked) reject(error);
  }
}

/** Calls `look` when there may be more: on a hint, every two seconds while the page is seen, and when it is seen again. */
export function follow(look, signal) {
  const seen = () => !document.hidden && look();
  document.addEventListener("atelier:metrics", seen, { signal });
  document.addEventListener("visibilitychange", seen, { signal });
  document.addEventListener("metric-tick", seen, { signal });
}

// One clock for all charts, so that they ask together.
setInterval(() => document.dispatchEvent(new CustomEvent("metric-tick")), POLL_MILLISECONDS);

// Links that MLflow's client prints, such as /#/experiments/1/runs/NAME, lead to the page that shows the same.
const ROUTES = [
  [/^#\/experiments\/[^/]+\/runs\/([^/?]+)/, (found) => `jobs/${found[1]}`],
  [/^#\/experiments\/([^/?]+)/, (found) => `experiments/${found[1]}`],
  [/^#\/models\/([^/]+)\/versions\/([^/?]+)/, (found) => `models/${found[1]}/versions/${found[2]}`],
  [/^#\/models\/([^/?]+)/, (found) => `models/${found[1]}`],
];

const base = location.pathname.endsWith("/") ? location.pathname : `${location.pathname}/`;
for (const [pattern, target] of ROUTES) {
  const found = pattern.exec(location.hash);
  if (found) {
    location.replace(base + target(found));
    break;
  }
}

/** The frame around every page: the navigation's drawer and fold, and the key that jumps to the search box. */

const root = document.documentElement;

/** Where the tabs are wider than the window, the current one is in view. */
function showCurrentTab() {
  for (const tab of document.querySelectorAll(".tabs [aria-current=page]")) {
    const tabs = tab.parentElement;
    const hidden = tab.offsetLeft + tab.offsetWidth - tabs.offsetLeft - tabs.clientWidth;
    if (hidden > 0) tabs.scrollLeft = hidden + tabs.clientWidth / 4;
  }
}

function setDrawer(open) {
  const toggle = document.querySelector("button[data-drawer-toggle]");
  root.dataset.drawer = open ? "open" : "closed";
  toggle?.setAttribute("aria-expanded", String(open));
  if (open) document.querySelector("#nav a")?.focus();
}

function foldNavigation() {
  const narrow = root.dataset.nav !== "narrow";
  root.dataset.nav = narrow ? "narrow" : "wide";
  try {
    localStorage.setItem("atelier_nav", root.dataset.nav);
  } catch {
    // Without storage the width lasts until the next page.
  }
}

showCurrentTab();
document.addEventListener("htmx:afterSettle", showCurrentTab);

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-drawer-toggle]")) setDrawer(root.dataset.drawer !== "open");
  if (event.target.closest("[data-nav-fold]")) foldNavigation();
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && root.dataset.drawer === "open") {
    setDrawer(false);
    document.querySelector("button[data-drawer-toggle]")?.focus();
  }
  const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    const search = document.querySelector(".topbar-search input, .filters input[type=search]");
    if (search) {
      event.preventDefault();
      search.focus();
    }
  }
});

/** Applies the stored theme and navigation width before the first paint; a classic script, because modules run too late. */
(function () {
  const root = document.documentElement;
  try {
    const theme = localStorage.getItem("atelier_theme");
    if (theme) root.dataset.theme = theme;
    if (localStorage.getItem("atelier_nav") === "narrow") root.dataset.nav = "narrow";
  } catch {
    // Storage can be forbidden by the browser's settings; the page then follows the cookie or the system.
  }
})();

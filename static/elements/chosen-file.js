/** Brings the chosen file of a file browser into view within its list. */

for (const chosen of document.querySelectorAll(".browser-files [aria-current]")) {
  const list = chosen.closest(".browser-files");
  const below = chosen.getBoundingClientRect().bottom - list.getBoundingClientRect().bottom;
  if (below > 0) list.scrollTop += below + list.clientHeight / 2;
}

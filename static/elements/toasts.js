/** Lets toasts leave after a while; those that report a failure stay until they are dismissed. */

const CALM_MILLISECONDS = 6000;
const region = document.getElementById("toasts");

function leaveLater(toast) {
  const stays = toast.matches(".tone-danger, .tone-warning");
  if (stays) return;
  let timer = setTimeout(() => toast.remove(), CALM_MILLISECONDS);
  const hold = () => clearTimeout(timer);
  const release = () => {
    hold();
    timer = setTimeout(() => toast.remove(), CALM_MILLISECONDS);
  };
  toast.addEventListener("pointerenter", hold);
  toast.addEventListener("focusin", hold);
  toast.addEventListener("pointerleave", release);
  toast.addEventListener("focusout", release);
}

function raise() {
  // A popover lies above an open dialog, and the one shown last lies on top.
  if (region.matches(":popover-open")) region.hidePopover();
  if (region.childElementCount > 0) region.showPopover();
}

if (region) {
  region.setAttribute("popover", "manual");
  for (const toast of region.children) leaveLater(toast);
  raise();
  new MutationObserver((changes) => {
    const added = changes.flatMap((change) => [...change.addedNodes]).filter((node) => node.nodeType === Node.ELEMENT_NODE);
    added.forEach(leaveLater);
    raise();
  }).observe(region, { childList: true });
  region.addEventListener("click", (event) => {
    if (event.target.closest("[data-toast-close]")) event.target.closest(".toast").remove();
  });
}

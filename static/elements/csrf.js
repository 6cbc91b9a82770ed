/** Puts the page's CSRF token on every htmx request; plain forms carry it in a hidden field. */

document.addEventListener("htmx:configRequest", (event) => {
  const token = document.querySelector('meta[name="csrf-token"]')?.content;
  if (token) event.detail.headers["X-CSRF-Token"] = token;
});

/** Keeps the addresses of filtered lists short: the page's own path, and no parameter that says nothing. */

document.addEventListener("htmx:configRequest", ({ detail }) => {
  if (!detail.elt.matches(".filters")) return;
  detail.path = location.pathname;
  for (const [name, value] of [...detail.formData]) if (value === "") detail.formData.delete(name);
});

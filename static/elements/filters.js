/** Keeps the addresses of filtered lists short: the page's own path, and no parameter that says nothing. */

document.addEventListener("htmx:configRequest", ({ detail }) => {
  if (!detail.elt.matches(".filters")) return;
  detail.path = location.pathname;
  for (const [name, value] of [...detail.formData]) if (value === "") detail.formData.delete(name);
  const columns = detail.formData.getAll("columns");
  detail.formData.delete("columns");
  // Columns are chosen only by whoever ticks one: until then they follow the rows.
  const chosen = new URLSearchParams(location.search).has("columns") || detail.triggeringEvent?.target.matches?.("[data-columns] [type=checkbox]");
  if (chosen && columns.length > 0) detail.formData.set("columns", columns.join(","));
});

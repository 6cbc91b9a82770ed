/** Keeps the addresses of filtered lists short: the page's own path, and no parameter that says nothing. */

document.addEventListener("htmx:configRequest", (event) => {
  const { detail } = event;
  if (!detail.elt.matches(".filters")) return;
  const changed = detail.triggeringEvent?.target.name;
  // Leaving the field that finds columns changes nothing in the list, and would hold up the tick that comes next.
  if (changed === "find") return event.preventDefault();
  detail.path = location.pathname;
  for (const [name, value] of [...detail.formData]) if (value === "") detail.formData.delete(name);
  const columns = detail.formData.getAll("columns");
  detail.formData.delete("columns");
  // Columns are chosen only by whoever ticks one: until then they follow the rows.
  const chosen = new URLSearchParams(location.search).has("columns") || changed === "columns";
  if (chosen && columns.length > 0) detail.formData.set("columns", columns.join(","));
});

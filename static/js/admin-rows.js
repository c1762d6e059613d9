// Rows of the admin's pages: a new one of a collapsible list is opened, for nobody adds one to look at its title.
document.addEventListener("formset:added", (event) => {
  const title = event.target.querySelector?.(":scope > h3.cursor-pointer strong");
  // unfold's own script is still at work on the row
  if (title) setTimeout(() => title.click(), 0);
});

// unfold's numbering of dragged rows takes the rows inside of rows for some of them, and breaks off. This replaces it
// before Alpine, which is deferred, looks it up by its name.
document.addEventListener("readystatechange", () => {
  if (document.readyState !== "interactive") return;
  window.sortRecords = (event) => {
    const field = event.from.dataset.orderingField;
    event.from.querySelectorAll(":scope > .form-group.original > .form-row").forEach((row, index) => {
      const input = row.querySelector(`input[name$="-${field}"]`);
      if (input) input.value = index + 1;
    });
  };
});

// unfold opens a row by a click on its title only; this does it for the keyboard.
{
  const titles = "h3.cursor-pointer strong";
  document.addEventListener("DOMContentLoaded", () => {
    for (const title of document.querySelectorAll(titles)) {
      title.tabIndex = 0;
      title.setAttribute("role", "button");
    }
  });
  document.addEventListener("keydown", (event) => {
    if (!event.target.matches?.(titles) || !["Enter", " "].includes(event.key)) return;
    event.preventDefault();
    event.target.click();
  });
}

// A row that was just added to a collapsible list of the admin is opened: nobody adds one to look at its title.
document.addEventListener("formset:added", (event) => {
  const title = event.target.querySelector?.(":scope > h3.cursor-pointer strong");
  // unfold's own script is still at work on the row
  if (title) setTimeout(() => title.click(), 0);
});

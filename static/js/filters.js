// Filters apply as soon as something is chosen; a text by Enter or the button, which is there when there is a text (or no script).
"use strict";
{
  const form = document.querySelector(".filters");
  if (form) {
    form.classList.add("quick");
    const send = () => {
      for (const field of form.elements) if (field.name && !field.value) field.disabled = true;
      form.submit();
    };
    for (const select of form.querySelectorAll("select")) select.addEventListener("change", send);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      send();
    });
    // The back button brings a page back as it was left: with its empty fields disabled.
    window.addEventListener("pageshow", () => {
      for (const field of form.elements) field.disabled = false;
    });
  }
}

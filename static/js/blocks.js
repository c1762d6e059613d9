// The form of a block: shows only the fields that the choices ask for, and knows the reader's time zone.
"use strict";
for (const choice of ["scope", "begins", "until"]) {
  const parts = document.querySelectorAll(`[data-for-${choice}]`);
  const show = () => {
    const chosen = document.querySelector(`input[name="${choice}"]:checked`);
    for (const part of parts) part.hidden = !chosen || !part.getAttribute(`data-for-${choice}`).split(" ").includes(chosen.value);
  };
  for (const input of document.querySelectorAll(`input[name="${choice}"]`)) input.addEventListener("change", show);
  show();
}
const zone = document.querySelector('input[name="zone"][data-guess]');
if (zone && zone.value === "UTC") zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

// Changes the parts of a project's page in place when the project changed: htmx fetches the page, this swaps those of its
// parts that differ. Open details stay open, the focus stays, and what the person reads stays where it is.
"use strict";
{
  const main = document.getElementById("main");
  const staging = document.getElementById("staging");
  const announcer = document.getElementById("announcer");

  // Relative times differ on every rendering; they are no change.
  const essence = (part) => {
    const copy = part.cloneNode(true);
    for (const time of copy.querySelectorAll("time")) time.textContent = "";
    copy.classList.remove("htmx-added", "htmx-settling", "arrived");
    if (!copy.className) copy.removeAttribute("class");
    for (const details of copy.querySelectorAll("details")) details.open = false;
    return copy.outerHTML;
  };
  const openOnes = (part) => [...part.querySelectorAll("details")].map((details) => details.open);

  const swap = (fresh) => {
    const old = document.querySelector(`[data-part]#${fresh.id}`);
    if (!old || essence(old) === essence(fresh)) return false;
    const focused = old.contains(document.activeElement) ? document.activeElement : null;
    const focusable = "a, summary, button";
    const index = focused ? [...old.querySelectorAll(focusable)].indexOf(focused) : -1;
    openOnes(old).forEach((open, at) => {
      const details = fresh.querySelectorAll("details")[at];
      if (details) details.open = open;
    });
    fresh.classList.add("arrived");
    setTimeout(() => fresh.classList.remove("arrived"), 2500);
    const from = old.getBoundingClientRect();
    old.replaceWith(fresh);
    // A part that ends above the window and grew must not push down what is read.
    if (from.bottom < 0) window.scrollBy({ top: fresh.getBoundingClientRect().height - from.height, behavior: "instant" });
    if (index >= 0) fresh.querySelectorAll(focusable)[index]?.focus({ preventScroll: true });
    return true;
  };

  document.addEventListener("horizon:changed", async (event) => {
    const { ids } = event.detail;
    if (ids && !ids.includes(Number(main.dataset.project))) return;
    await htmx.ajax("GET", location.pathname, { target: staging, swap: "innerHTML", select: "[data-part]" });
    const changed = [...staging.querySelectorAll("[data-part]")].filter(swap);
    staging.replaceChildren();
    if (changed.length) announcer.textContent = `${document.querySelector("h1").textContent} changed`;
  });
}

// Keeps relative times true while a page stays open: <time data-ago> tells an age, <time data-until> counts down.
"use strict";
{
  const UNITS = [["year", 31557600], ["month", 2629800], ["day", 86400], ["hour", 3600], ["minute", 60]];
  const words = (seconds) => {
    for (const [unit, size] of UNITS) {
      const count = Math.floor(seconds / size);
      if (count >= 1) return `${count} ${unit}${count === 1 ? "" : "s"}`;
    }
    return null;
  };
  const countdown = (seconds) => {
    const two = (number) => String(number).padStart(2, "0");
    const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)];
    return hours ? `in ${hours}:${two(minutes)}:${two(seconds % 60)}` : `in ${minutes}:${two(seconds % 60)}`;
  };
  const tick = () => {
    const now = Date.now();
    for (const time of document.querySelectorAll("time[data-ago], time[data-until]")) {
      const seconds = Math.floor((Date.parse(time.dateTime) - now) / 1000);
      let text;
      if ("ago" in time.dataset) text = seconds > -60 ? "just now" : `${words(-seconds)} ago`;
      else if (seconds <= 0) text = "any moment now";
      else text = seconds < 86400 ? countdown(seconds) : `in ${words(seconds)}`;
      if (time.textContent !== text) time.textContent = text;
    }
  };
  // Ages on cards: <data value="seconds since 1970">.
  const age = () => {
    for (const data of document.querySelectorAll("data[value]")) {
      const text = words(Date.now() / 1000 - Number(data.value)) ?? "a moment";
      if (data.textContent !== text) data.textContent = text;
    }
  };
  setInterval(age, 60000);
  tick();
  setInterval(tick, 1000);
  document.addEventListener("htmx:afterSettle", tick);
  // So that pages can name moments on the reader's own clock.
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone) document.cookie = `zone=${zone}; path=/; max-age=31536000; samesite=lax`;
}

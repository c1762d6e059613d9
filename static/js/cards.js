// Changes cards in place: htmx fetches those that changed, this puts each where it belongs, and what the person reads
// stays where it is on the screen.
"use strict";
{
  const staging = document.getElementById("staging");
  const announcer = document.getElementById("announcer");
  const groups = Object.fromEntries([...document.querySelectorAll("[data-group]")].map((list) => [list.dataset.group, list]));
  const name = (card) => (card.querySelector("h3, th")?.textContent ?? "").toLowerCase();
  const rank = (card) => Number(card.dataset.rank);

  const groupOf = (card) => groups.list ?? groups[card.hasAttribute("data-ok") ? "ok" : "out"];
  const before = (group, card) => {
    if (group === groups.list) return null;
    const first = group === groups.ok
      ? (other) => name(other).localeCompare(name(card)) > 0
      : (other) => rank(other) < rank(card) || (rank(other) === rank(card) && name(other) > name(card));
    return [...group.children].find((other) => other !== card && first(other)) ?? null;
  };
  const same = (old, card) => old.className.replace(" arrived", "") === card.className && old.innerHTML === card.innerHTML;

  // What is at the top of the window (or has the focus) and must not move.
  const anchor = () => {
    const focused = document.activeElement?.closest("[data-group] > *");
    const cards = document.querySelectorAll("[data-group] > *");
    const top = focused ?? [...cards].find((card) => card.getBoundingClientRect().bottom > 0);
    return top && { id: top.id, top: top.getBoundingClientRect().top };
  };
  const hold = (held) => {
    const card = held && document.getElementById(held.id);
    if (!card || window.scrollY === 0) return;
    const moved = card.getBoundingClientRect().top - held.top;
    if (Math.abs(moved) < window.innerHeight) window.scrollBy({ top: moved, behavior: "instant" });
  };

  const place = (card) => {
    card.classList.remove("htmx-added", "htmx-settling");
    const old = document.getElementById(card.id) === card ? null : document.querySelector(`[data-group] > #${card.id}`);
    if (card.hasAttribute("data-gone")) {
      old?.remove();
      card.remove();
      return null;
    }
    const group = groupOf(card);
    if (old && old.parentElement === group && same(old, card)) {
      old.dataset.rank = card.dataset.rank;
      card.remove();
      return null;
    }
    const focused = old?.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    card.classList.add("arrived");
    setTimeout(() => card.classList.remove("arrived"), 2500);
    if (old && (group === groups.list || (old.parentElement === group && stays(old, card)))) old.replaceWith(card);
    else {
      old?.remove();
      group.insertBefore(card, before(group, card));
    }
    if (focused) card.querySelector(`[href="${CSS.escape(focused)}"], a`)?.focus({ preventScroll: true });
    return card;
  };
  // Whether the card may stay between its neighbours: severity grows all the time, and cards that hop about cannot be read.
  const stays = (old, card) => {
    const [above, below] = [old.previousElementSibling, old.nextElementSibling];
    if (old.parentElement === groups.ok) return name(old) === name(card);
    return (!above || rank(above) >= rank(card)) && (!below || rank(below) <= rank(card));
  };

  const count = () => {
    for (const list of Object.values(groups)) {
      const section = list.closest(".group");
      if (!section) continue;
      section.querySelector(".number").textContent = list.children.length;
      section.hidden = !list.children.length;
    }
    const calm = document.querySelector(".notice.calm");
    if (calm) calm.hidden = groups.out.children.length > 0;
  };
  const say = (cards) => {
    if (!cards.length) return;
    const told = (card) => `${card.querySelector("h3, th").textContent}: ${card.querySelector(".who, .state")?.textContent ?? "up to date"}`;
    announcer.textContent = cards.length > 2 ? `${cards.length} projects changed` : cards.map(told).join(". ");
  };

  // A page without any list is drawn anew for its first card, and only then: each new stream tells it to catch up.
  const begin = async (address) => {
    address.searchParams.set("changed", "all");
    const answer = await fetch(address);
    if (answer.ok && (await answer.text()).trim()) location.reload();
  };

  document.addEventListener("horizon:changed", async (event) => {
    const address = new URL(location.href);
    const { ids, version } = event.detail;
    if (version) address.searchParams.set("v", version);
    if (!staging || !Object.keys(groups).length) return begin(address);
    address.searchParams.set("changed", ids && ids.length <= 60 ? ids.sort((a, b) => a - b).join(",") : "all");
    await htmx.ajax("GET", address.pathname + address.search, { target: staging, swap: "innerHTML" });
    const held = anchor();
    const arrived = [...staging.children];
    if (address.searchParams.get("changed") === "all") forget(new Set(arrived.map((card) => card.id)));
    const changed = arrived.map(place).filter(Boolean);
    count();
    hold(held);
    say(changed);
  });
  const forget = (shown) => {
    for (const card of document.querySelectorAll("[data-group] > *")) if (!shown.has(card.id)) card.remove();
  };
}

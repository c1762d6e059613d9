// One stream of changes for the page. Tells "horizon:changed" with the ids of changed projects (null: catch up with all),
// at most once in a while, however many changes come, and shows in #live whether the page is live.
"use strict";
{
  const pill = document.getElementById("live");
  const BURST = 150; // milliseconds that changes are collected for
  const SPREAD = 500; // milliseconds
  const SILENCE = 40000; // the server speaks every 15 s; after this long it is not there
  let source, quiet, timer, waiting, retry = 1000, seen = pill.dataset.since, everything = false, version = "";
  const ids = new Set();

  const show = (state, text) => {
    if (pill.dataset.state !== state) {
      pill.dataset.state = state;
      pill.textContent = text;
    }
  };
  const tell = () => {
    timer = undefined;
    const detail = { ids: everything ? null : [...ids], version };
    everything = false;
    ids.clear();
    document.dispatchEvent(new CustomEvent("horizon:changed", { detail }));
  };
  const soon = () => {
    // Not all tabs ask at once.
    if (timer === undefined) timer = setTimeout(tell, BURST + Math.random() * SPREAD);
  };
  const alive = () => {
    clearTimeout(quiet);
    quiet = setTimeout(again, SILENCE);
  };
  const again = () => {
    clearTimeout(quiet);
    clearTimeout(waiting);
    source?.close();
    show("waiting", "Reconnecting …");
    // Not all at once after a restart: 500 tabs spread over the waiting time.
    waiting = setTimeout(connect, retry * (0.5 + Math.random()));
    retry = Math.min(retry * 2, 30000);
  };
  const connect = () => {
    source = new EventSource(`${pill.dataset.stream}?since=${seen}`);
    source.addEventListener("state", (event) => {
      alive();
      retry = 1000;
      if (event.data === "live") show("live", "Live");
      else show("waiting", "Waiting for news …");
    });
    source.addEventListener("beat", alive);
    source.addEventListener("changed", (event) => {
      alive();
      seen = version = event.lastEventId;
      for (const id of JSON.parse(event.data)) ids.add(id);
      soon();
    });
    source.addEventListener("resync", (event) => {
      alive();
      seen = version = event.lastEventId;
      everything = true;
      soon();
    });
    source.onerror = again;
  };
  document.addEventListener("htmx:responseError", (event) => {
    if (event.detail.xhr.status === 403) show("waiting", "Signed out: reload");
  });
  connect();
  window.addEventListener("pagehide", () => source.close());
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) connect();
  });
}

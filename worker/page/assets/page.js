"use strict";
// What makes the page live; without it the page is as good, but stands still.
(() => {
  const address = document.body.dataset.changes;
  const state = document.getElementById("state");
  const announcer = document.getElementById("announcer");
  if (!address || !window.EventSource) return;

  const FIRST_MS = 1000, MOST_MS = 30000;
  let source = null, timer = null, wait = FIRST_MS, lost = null;

  const clock = () => new Date().toISOString().slice(11, 19);

  const show = (kind, text) => {
    if (state.textContent === text) return; // what is said twice is heard twice
    state.dataset.state = kind;
    state.textContent = text;
  };

  const live = () => {
    lost = null;
    wait = FIRST_MS;
    show("live", "live");
  };

  const away = (why) => {
    lost = lost || clock();
    show("away", `not live since ${lost} UTC${why ? `: ${why}` : ""}`);
  };

  const key = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.dataset.key || node.id || null : null);

  const isSame = (old, fresh) =>
    old.nodeType === fresh.nodeType && old.nodeName === fresh.nodeName && key(old) === key(fresh);

  // Make one node like another, changing no more than differs: focus, selection, what is open and
  // where one has scrolled to stay as they are.
  const morph = (old, fresh) => {
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.data !== fresh.data) old.data = fresh.data;
      return;
    }
    for (const { name } of [...old.attributes]) {
      const isOpen = name === "open" && old.nodeName === "DETAILS";
      if (!isOpen && !fresh.hasAttribute(name)) old.removeAttribute(name);
    }
    for (const { name, value } of fresh.attributes) {
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    morphChildren(old, fresh);
  };

  const morphChildren = (old, fresh) => {
    const keyed = new Map();
    for (const child of old.childNodes) if (key(child)) keyed.set(key(child), child);
    const wanted = new Set([...fresh.childNodes].map(key).filter(Boolean));
    let at = old.firstChild;
    for (const child of [...fresh.childNodes]) {
      while (at && key(at) && !wanted.has(key(at))) {
        const gone = at;
        at = at.nextSibling;
        gone.remove();
      }
      const known = key(child) && keyed.get(key(child));
      if (known && isSame(known, child)) {
        if (known === at) at = at.nextSibling;
        else old.insertBefore(known, at);
        morph(known, child);
      } else if (!key(child) && at && !key(at) && isSame(at, child)) {
        const next = at.nextSibling;
        morph(at, child);
        at = next;
      } else {
        old.insertBefore(child, at);
      }
    }
    while (at) {
      const gone = at;
      at = at.nextSibling;
      gone.remove();
    }
  };

  const said = (place) => place.querySelector("[data-say]")?.dataset.say || "";

  const swap = (id, html) => {
    const place = document.getElementById(id);
    if (!place) return;
    const before = said(place);
    const focused = place.contains(document.activeElement) ? document.activeElement : null;
    const fresh = document.createElement("div");
    fresh.innerHTML = html; // ours, escaped where it was made; scripts in it are dead by the CSP
    morphChildren(place, fresh);
    // A node that is moved loses the focus.
    if (focused && focused.isConnected && document.activeElement !== focused) focused.focus({ preventScroll: true });
    if (said(place) && said(place) !== before) announcer.textContent = said(place);
  };

  const close = () => {
    clearTimeout(timer);
    if (source) source.close();
    source = null;
  };

  const again = () => {
    close();
    away("");
    timer = setTimeout(open, wait * (0.5 + Math.random() / 2));
    wait = Math.min(wait * 2, MOST_MS);
  };

  const open = () => {
    close();
    source = new EventSource(address);
    source.addEventListener("fragment", (event) => {
      const end = event.data.indexOf("\n");
      swap(event.data.slice(0, end), event.data.slice(end + 1));
      live();
    });
    source.addEventListener("trouble", (event) => away(event.data));
    source.addEventListener("bye", again);
    source.onopen = live;
    source.onerror = again;
  };

  // Nobody looks at a hidden page: the worker need not either.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) close();
    else {
      wait = FIRST_MS;
      open();
    }
  });
  window.addEventListener("pagehide", close);
  open();
})();

// A count on a phone: every lot is sent by itself, and kept on the phone until the clinic has it.
"use strict";

(() => {
  const walk = document.querySelector("[data-walk]");
  if (!walk) return;
  const FRESH = 5 * 60 * 1000; // ms: what should be there is read when it arrives, so older numbers are counted again
  const key = `count-${walk.dataset.walk}`;
  const stops = [...walk.querySelectorAll("[data-lot]")];
  const unsent = walk.querySelector("[data-unsent]");

  function kept() { try { return JSON.parse(localStorage.getItem(key)) || {}; } catch { return {}; } }
  function keep(lot, units) {
    const all = kept();
    if (units === null) delete all[lot]; else all[lot] = { units, at: Date.now() };
    try { localStorage.setItem(key, JSON.stringify(all)); } catch { /* a phone that keeps nothing: the answer tells */ }
  }

  function say(stop, text, kind) {
    const state = stop.querySelector("[data-state]");
    state.textContent = text;
    state.dataset.kind = kind;
  }

  function count() {
    const done = stops.filter((stop) => stop.hasAttribute("data-done")).length;
    const bar = document.querySelector("#walk-progress progress");
    bar.value = done;
    bar.textContent = String(done);
    const words = document.querySelector("#walk-progress .number");
    words.textContent = words.textContent.replace(/^\d[\d,.]*/, done.toLocaleString());
    for (const link of walk.querySelectorAll(".jump a")) link.toggleAttribute("data-done", document.querySelector(link.hash).hasAttribute("data-done"));
    const left = walk.querySelector("[data-left]");
    if (left) left.hidden = done === stops.length;
    const waiting = Object.keys(kept()).length;
    unsent.hidden = !waiting;
    unsent.textContent = waiting ? `${waiting}: ${walk.dataset.kept}` : "";
  }

  async function send(stop) {
    const form = stop.querySelector("form");
    say(stop, walk.dataset.sending, "");
    let answer;
    try {
      answer = await fetch(form.action, { method: "POST", body: new FormData(form), headers: { "HX-Request": "true" }, credentials: "same-origin" });
    } catch {
      say(stop, walk.dataset.kept, "warn");
      return count();
    }
    if (answer.status === 204) {
      keep(stop.dataset.lot, null);
      stop.setAttribute("data-done", "");
      say(stop, walk.dataset.saved, "ok");
    } else if ([403, 404, 409, 422].includes(answer.status) && answer.headers.get("Content-Type").startsWith("text/plain")) {
      keep(stop.dataset.lot, null);
      say(stop, await answer.text(), "stop");
      location.hash = stop.id; // what was refused is seen
    } else {
      say(stop, walk.dataset.lost, "stop");
    }
    count();
  }

  function sendKept() {
    if (!navigator.onLine) return;
    for (const [lot, one] of Object.entries(kept())) {
      const stop = stops.find((each) => each.dataset.lot === lot);
      if (!stop) { keep(lot, null); continue; }
      stop.querySelector("input[name=units]").value = one.units;
      if (Date.now() - one.at < FRESH) send(stop);
      else { keep(lot, null); stop.removeAttribute("data-done"); say(stop, walk.dataset.old, "warn"); location.hash = stop.id; }
    }
    count();
  }

  document.addEventListener("submit", (event) => {
    const stop = event.target.closest("[data-lot]");
    if (!stop) return;
    event.preventDefault();
    const input = stop.querySelector("input[name=units]"), units = input.value.trim();
    if (!/^[0-9]{1,9}$/.test(units)) { say(stop, walk.dataset.whole, "stop"); input.focus(); return; }
    keep(stop.dataset.lot, units);
    send(stop);
    const next = document.querySelector(`#l-${Number(stop.id.slice(2)) + 1}`);
    location.hash = next.id;
  }, true);

  document.addEventListener("click", (event) => {
    const step = event.target.closest("[data-step]");
    if (!step) return;
    const input = step.parentElement.querySelector("input");
    input.value = String(Math.max(0, (Number.parseInt(input.value, 10) || 0) + Number(step.dataset.step)));
  });

  function focus() {
    const here = location.hash && document.querySelector(location.hash);
    const input = here && here.querySelector("input[name=units]");
    if (input) { input.focus({ preventScroll: true }); input.select(); } else if (here) { here.setAttribute("tabindex", "-1"); here.focus({ preventScroll: true }); }
    window.scrollTo(0, 0);
  }

  for (const step of walk.querySelectorAll("[data-step]")) step.hidden = false;
  window.addEventListener("hashchange", focus);
  window.addEventListener("online", sendKept);
  setInterval(sendKept, 20000);
  if (!location.hash) location.replace(`#${(stops.find((stop) => !stop.hasAttribute("data-done")) || { id: `l-${stops.length + 1}` }).id}`);
  sendKept();
  focus();
})();

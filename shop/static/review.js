// The physician's keys, and the statement read and signed without leaving the case. Links and forms do the same without it.
"use strict";

(() => {
  const KEEP = "aftercare.review.keys";
  const allowed = () => { try { return localStorage.getItem(KEEP) !== "off"; } catch { return true; } };

  const typing = (node) => node.matches("textarea, select, [contenteditable], input:not([type=checkbox]):not([type=radio])");

  // Rows of the queue: the one that has the focus, or none.
  const rows = () => [...document.querySelectorAll("[data-row]")];
  const here = () => document.activeElement && document.activeElement.closest("[data-row]");
  function move(by) {
    const all = rows();
    if (!all.length) return;
    const place = all.indexOf(here());
    const next = place < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(place + by, 0), all.length - 1);
    all[next].querySelector("[data-row-key='o']").focus();
    all[next].scrollIntoView({ block: "nearest" });
  }

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing || !allowed()) return;
    if (event.key.length !== 1 || typing(event.target) || document.querySelector("dialog[open]")) return;
    if (event.key === "j" || event.key === "k") {
      if (rows().length) event.preventDefault();
      move(event.key === "j" ? 1 : -1);
      return;
    }
    const within = here() || (rows().length ? rows()[0] : null);
    const act = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`) || (within && within.querySelector(`[data-row-key="${CSS.escape(event.key)}"]`));
    if (!act) return;
    event.preventDefault();
    act.click();
  });

  // Who does not want single keys switches them off, on this device.
  for (const box of document.querySelectorAll("[data-keys-on]")) {
    box.checked = allowed();
    box.addEventListener("change", () => { try { localStorage.setItem(KEEP, box.checked ? "on" : "off"); } catch { /* not kept */ } });
  }

  // A form that was sent back stands open in the page; here it is a dialog like any other.
  for (const open of document.querySelectorAll("dialog[open]")) {
    open.removeAttribute("open");
    open.showModal();
    const wrong = open.querySelector(".error-summary");
    if (wrong) wrong.focus();
  }

  // The words of a template go into their field, in place of what stood there; Ctrl+Z brings that back.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-fills]");
    const field = link && document.getElementById(link.dataset.fills);
    if (!field || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    field.focus();
    field.select();
    if (!document.execCommand("insertText", false, link.dataset.text)) field.value = link.dataset.text;
  });

  // The statement comes into a dialog. What cannot be signed comes back as a page, as it would without this.
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    const dialog = form.dataset.signs && document.getElementById(form.dataset.signs);
    if (!dialog) return;
    event.preventDefault();
    let answer = null;
    try {
      answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)), headers: { "HX-Request": "true" } });
    } catch { /* nobody answers: the browser says so */ }
    if (!answer || !answer.ok || answer.redirected) { form.submit(); return; }
    dialog.innerHTML = await answer.text();
    dialog.dispatchEvent(new Event("part", { bubbles: true }));
    dialog.showModal();
    const first = dialog.querySelector("input[type=password]") || dialog.querySelector(".signs button");
    first.focus();
  }, true);
})();

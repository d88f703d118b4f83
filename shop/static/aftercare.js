// What pages do by themselves where there is JavaScript. Without it everything works, in more steps.
"use strict";

(() => {
  // Dialogs: an element with data-opens shows the dialog of that id instead of leading elsewhere.
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-opens]");
    if (opener) {
      const dialog = document.getElementById(opener.dataset.opens);
      if (dialog) {
        event.preventDefault();
        dialog.showModal();
      }
      return;
    }
    if (event.target.matches("[data-closes]")) {
      const dialog = event.target.closest("dialog");
      if (dialog) dialog.close();
      return;
    }
    // A menu that drops down closes when one clicks beside it.
    for (const menu of document.querySelectorAll("details.drop[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
    const print = event.target.closest("[data-print]");
    if (print) window.print();
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of document.querySelectorAll("details.drop[open]")) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });

  // What was refused is read first, and a link of the summary leads into its field.
  const summary = document.querySelector(".error-summary");
  if (summary) summary.focus();
  document.addEventListener("click", (event) => {
    const link = event.target.closest(".error-summary a[href^='#']");
    const field = link && document.getElementById(decodeURIComponent(link.hash.slice(1)));
    if (!field) return;
    event.preventDefault();
    const control = field.matches("input, select, textarea") ? field : field.querySelector("input, select, textarea") || field;
    for (let fold = control.closest("details:not([open])"); fold; fold = fold.parentElement.closest("details:not([open])")) fold.open = true;
    control.scrollIntoView({ block: "center" });
    control.focus();
  });

  // A swap by htmx must not lose the place of who works by keyboard.
  let place = null;
  document.addEventListener("htmx:before:swap", () => {
    const active = document.activeElement;
    place = active && active.id ? { id: active.id, start: active.selectionStart, end: active.selectionEnd } : null;
  });
  document.addEventListener("htmx:after:swap", () => {
    if (!place || (document.activeElement && document.activeElement !== document.body)) return;
    const again = document.getElementById(place.id);
    if (!again) return;
    again.focus({ preventScroll: true });
    if (typeof place.start === "number" && again.setSelectionRange) {
      try { again.setSelectionRange(place.start, place.end); } catch { /* a field without a cursor */ }
    }
  });

  // A form is sent once: a second click on its button does nothing while the first is on its way.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post") return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "1";
  });
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  });
})();

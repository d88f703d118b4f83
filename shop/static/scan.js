// The scan field: what a keyboard wedge sends, a tone for right and wrong, the cursor back where it was.
// Without it a scan is a form like any other.
"use strict";

(() => {
  const QUICK = 60; // ms between two keys: slower is a person
  const TONES = { ok: [[880, 0, 0.09]], warn: [[587, 0, 0.1], [587, 0.16, 0.1]], stop: [[220, 0, 0.18], [165, 0.2, 0.28]] };
  const fields = "input[data-scan]";
  let audio = null, keys = [];

  const muted = () => { try { return localStorage.getItem("scan-muted") === "1"; } catch { return false; } };

  function play(kind) {
    if (muted() || !TONES[kind] || !window.AudioContext) return;
    audio = audio || new AudioContext();
    if (audio.state === "suspended") audio.resume();
    for (const [pitch, after, long] of TONES[kind]) {
      const tone = audio.createOscillator(), loud = audio.createGain(), from = audio.currentTime + after;
      tone.type = kind === "ok" ? "sine" : "square";
      tone.frequency.value = pitch;
      loud.gain.setValueAtTime(kind === "ok" ? 0.2 : 0.08, from);
      loud.gain.exponentialRampToValueAtTime(0.001, from + long);
      tone.connect(loud).connect(audio.destination);
      tone.start(from);
      tone.stop(from + long);
    }
    if (kind === "stop" && navigator.vibrate) navigator.vibrate([120, 60, 120]);
  }

  function show() {
    for (const button of document.querySelectorAll("[data-mute]")) {
      const words = button.querySelector("span");
      button.hidden = false;
      button.setAttribute("aria-pressed", String(muted()));
      words.textContent = muted() ? words.dataset.off : words.dataset.on;
    }
  }

  // The answer to a scan is heard, and the next one can come at once.
  function heard(root) {
    show();
    const verdict = root.querySelector("[data-heard]");
    if (verdict) play(verdict.dataset.heard);
  }

  function submit(input) {
    const button = input.form && [...input.form.elements].find((one) => one.type === "submit");
    if (button) button.click();
  }

  document.addEventListener("keydown", (event) => {
    const input = event.target;
    if (!(input instanceof HTMLInputElement) || !input.matches(fields)) { keys = []; return; }
    // Scanners send FNC1 as the keys Ctrl and ], which browsers swallow. Here they become the signs ^], which can be seen.
    if (event.ctrlKey && (event.key === "]" || event.code === "BracketRight")) {
      event.preventDefault();
      input.setRangeText("^]", input.selectionStart, input.selectionEnd, "end");
    }
    // Some scanners end with Tab: after keys as quick as no fingers are it means Enter. A person's Tab goes on to the next field.
    const quick = keys.length > 3 && keys.every((time, place) => !place || time - keys[place - 1] < QUICK)
      && event.timeStamp - keys[keys.length - 1] < QUICK;
    if (event.key === "Tab" && !event.shiftKey && quick && input.value.trim()) {
      event.preventDefault();
      submit(input);
    }
    keys = event.key.length === 1 && !event.ctrlKey ? [...keys.slice(-11), event.timeStamp] : [];
  }, true);

  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-mute]")) return;
    try { localStorage.setItem("scan-muted", muted() ? "0" : "1"); } catch { /* a browser that keeps nothing */ }
    show();
    play("ok");
  });

  document.addEventListener("htmx:after:swap", () => {
    heard(document);
    const input = document.querySelector(`${fields}[autofocus]`) || document.querySelector(fields);
    const first = document.querySelector("[data-next]") || input;
    if (first) { first.focus(); if (first.select) first.select(); }
  });

  heard(document);
})();

// Passkeys (WebAuthn): a device makes one, or shows it instead of the password. Without JavaScript,
// or where a browser knows none, the password does all of it.
"use strict";

(() => {
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (sign) => sign.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

  // What the server asks, as the browser wants it (parse…OptionsFromJSON, where it is known).
  const asked = (options) => {
    const named = (list) => (list || []).map((one) => ({ ...one, id: bytes(one.id) }));
    const read = { ...options, challenge: bytes(options.challenge) };
    if (options.user) read.user = { ...options.user, id: bytes(options.user.id) };
    if (options.excludeCredentials) read.excludeCredentials = named(options.excludeCredentials);
    if (options.allowCredentials) read.allowCredentials = named(options.allowCredentials);
    return read;
  };

  // What the device answers, as the server reads it (toJSON, where it is known and right).
  const told = (credential) => {
    const given = credential.response;
    const response = { clientDataJSON: text(given.clientDataJSON) };
    for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (given[name]) response[name] = text(given[name]);
    }
    if (given.getTransports) response.transports = given.getTransports();
    return { id: credential.id, rawId: text(credential.rawId), type: credential.type, response, clientExtensionResults: {} };
  };

  const send = async (path, token, body) => {
    const headers = { "Content-Type": "application/json", "X-CSRFToken": token };
    const answer = await fetch(`/api/v1${path}`, { method: "POST", headers, body: body ? JSON.stringify(body) : undefined });
    const said = answer.headers.get("Content-Type") || "";
    const read = said.includes("json") ? await answer.json() : {};
    if (!answer.ok) throw new Error(read.detail || "");
    return read;
  };

  const ROADS = {
    "sign-in": ["/session/passkey/options", "/session/passkey"],
    fresh: ["/session/fresh/passkey/options", "/session/fresh/passkey"],
    register: ["/me/passkeys/options", "/me/passkeys"],
  };

  const run = async (place) => {
    const kind = place.dataset.passkey;
    const [ask, answer] = ROADS[kind];
    const token = document.querySelector("input[name=csrf_token]").value;
    const question = await send(ask, token);
    const publicKey = asked(question.options);
    const credential = kind === "register" ? await navigator.credentials.create({ publicKey }) : await navigator.credentials.get({ publicKey });
    const body = { credential: told(credential) };
    if (kind === "register") body.name = place.querySelector("input[name=name]").value;
    const done = await send(answer, question.csrf_token || token, body);
    if ("submits" in place.dataset) {
      const form = place.closest("form");
      for (const field of form.querySelectorAll("input[type=password]")) field.required = false;
      form.requestSubmit();
      return;
    }
    window.location.assign(place.dataset.next || done.home || "/account");
  };

  const begin = async (place) => {
    const button = place.querySelector("button");
    const wrong = place.querySelector("[data-wrong]");
    if (button.disabled) return;
    button.disabled = true;
    wrong.hidden = true;
    try {
      await run(place);
    } catch (error) {
      // Given up by her, or no passkey there: the browser tells neither apart, nor do we.
      const known = error instanceof DOMException ? place.dataset[error.name === "InvalidStateError" ? "known" : "failed"] : error.message;
      wrong.textContent = known || place.dataset.failed;
      wrong.hidden = false;
      button.disabled = false;
      button.focus();
    }
  };

  const ready = (part) => {
    if (!window.PublicKeyCredential || !navigator.credentials) return;
    for (const place of part.querySelectorAll("[data-passkey]")) {
      place.hidden = false;
      if (window.location.origin !== place.dataset.origin) {
        const elsewhere = place.querySelector("[data-elsewhere]");
        elsewhere.querySelector("a").href = place.dataset.origin + window.location.pathname + window.location.search;
        elsewhere.hidden = false;
        for (const inner of place.querySelectorAll("button, .field")) inner.hidden = true;
      } else if (place.tagName === "FORM") {
        place.addEventListener("submit", (event) => { event.preventDefault(); begin(place); });
      } else {
        place.querySelector("button").addEventListener("click", () => begin(place));
      }
    }
  };

  ready(document);
  document.addEventListener("part", (event) => ready(event.target)); // what another script has put in
})();

// The shop's pages of a client. Without JavaScript each form has a button that does the same.
"use strict";

(() => {
  // What the visitor has folded open stays open when the filters are counted anew.
  let open = null;
  document.addEventListener("htmx:before:swap", () => {
    const facets = document.getElementById("facets");
    open = facets ? new Map([...facets.querySelectorAll("details[id]")].map((one) => [one.id, one.open])) : null;
  });
  document.addEventListener("htmx:after:swap", () => {
    for (const [id, was] of open || []) {
      const fold = document.getElementById(id);
      if (fold) fold.open = was || fold.open;
    }
    // The address says what is shown, so that it can be kept, sent and come back to.
    const finder = document.getElementById("finder");
    if (finder) {
      const filled = [...new FormData(finder)].filter(([, value]) => value !== "");
      const asked = new URLSearchParams(filled).toString();
      window.history.replaceState(null, "", asked ? `/?${asked}` : "/");
    }
  });
})();

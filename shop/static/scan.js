// Scanners send FNC1 as the keys Ctrl and ], which browsers swallow. Here they become the signs ^], which can be seen.
document.querySelectorAll("[data-scan]").forEach(function (input) {
  input.addEventListener("keydown", function (event) {
    if (!event.ctrlKey || (event.key !== "]" && event.code !== "BracketRight")) return;
    event.preventDefault();
    input.setRangeText("^]", input.selectionStart, input.selectionEnd, "end");
  });
});

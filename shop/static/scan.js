// Scanners send FNC1 as the keys Ctrl and ], which browsers swallow. Here it becomes a sign that can be seen.
document.querySelectorAll("[data-scan]").forEach(function (input) {
  input.addEventListener("keydown", function (event) {
    if (!event.ctrlKey || (event.key !== "]" && event.code !== "BracketRight")) return;
    event.preventDefault();
    input.setRangeText("\u241d", input.selectionStart, input.selectionEnd, "end");
  });
});

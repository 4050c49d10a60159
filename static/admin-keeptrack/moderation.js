// Reports by keyboard. In the list j and k go from one to the next, Enter opens it. On a report's page 1 to 6 put the
// usual reasons into the box, h hides, d dismisses, n goes on to the next one, r goes to the box and Escape leaves it.
(() => {
  "use strict";

  const form = document.querySelector("form[data-decide]");
  const box = form?.querySelector("[name=reason]");
  const words = [...(form?.querySelectorAll("[data-words]") ?? [])];
  const links = [...document.querySelectorAll("#result_list tbody th a")];

  const fill = (button) => {
    box.value = button.dataset.words;
  };
  for (const button of words) button.addEventListener("click", () => fill(button));

  const step = (by) => {
    const at = links.indexOf(document.activeElement);
    links[at < 0 ? 0 : Math.max(0, Math.min(links.length - 1, at + by))]?.focus();
  };

  const act = (key) => {
    if (links.length && (key === "j" || key === "k")) return step(key === "j" ? 1 : -1);
    if (!form) return undefined;
    if (words[key - 1]) return fill(words[key - 1]);
    if (key === "r") return box.focus();
    return form.querySelector(`[data-key="${CSS.escape(key)}"]`)?.click();
  };

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && event.target === box) box.blur();
    const typing = event.target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]");
    if (typing || event.ctrlKey || event.altKey || event.metaKey || event.repeat || !/^[1-9a-z]$/.test(event.key)) return;
    if (event.key === "r") event.preventDefault(); // the letter itself does not go into the box
    act(event.key);
  });
})();

/* A button that copies what a field holds, where the browser lets it. */

const button = document.querySelector("[data-copy]");
const field = document.getElementById(button.dataset.copy);
const said = document.querySelector("[data-copied]");

button.hidden = !navigator.clipboard;
field.addEventListener("focus", () => field.select());
if (document.activeElement === field) field.select();
button.addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(field.value);
    said.textContent = "Copied.";
  } catch {
    field.select();
    said.textContent = "The browser did not allow it. It is selected now: copy it by hand.";
  }
});

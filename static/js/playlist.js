/* Lets entries of a playlist be moved in place: dragged by their grip, by the arrow keys on it, or by their buttons.
   The server decides; what it refuses goes back. Without scripts the same buttons send their forms. */

const list = document.querySelector("[data-entries]");
const said = document.querySelector("[data-said]");
const token = document.querySelector("[name=csrfmiddlewaretoken]")?.value;
const CHANGED = "Somebody else changed this playlist. Reload the page to see it as it is now.";
const BROKEN = "That did not work. Check the connection and try again.";
const EDGE = 80; // px from the window's edge where dragging scrolls
let held = null; // the entry that is dragged
let from = null; // what stood behind it when it was taken up
let waiting = Promise.resolve(); // one change after the other, each on the version that the one before left

const rows = () => [...list.children];
const title = (row) => row.querySelector("[data-entry-title]").textContent;
const grip = (row) => row.querySelector("[data-grip]");

function say(words, bad = false) {
  said.textContent = words;
  said.classList.toggle("field-error", bad);
}

/** Sends one change; what fails puts everything back by `back`. */
function send(row, method, body, done, back) {
  waiting = waiting.then(async () => {
    try {
      const answer = await fetch(row.dataset.entry, {
        method,
        body: body && JSON.stringify(body),
        headers: { "Content-Type": "application/json", "X-CSRFToken": token, "If-Match": `"${list.dataset.version}"` },
      });
      if (!answer.ok) throw new Error(answer.status === 412 ? CHANGED : (await answer.json()).detail);
      list.dataset.version = answer.headers.get("ETag").replaceAll('"', "");
      say(done);
    } catch (failure) {
      back();
      say(failure instanceof TypeError || failure instanceof SyntaxError ? BROKEN : failure.message, true);
    }
    number();
  });
}

/** Which buttons lead nowhere, and what their forms would send. */
function number() {
  const first = Number(list.dataset.first);
  rows().forEach((row, at) => {
    for (const form of row.querySelectorAll("[data-step]")) {
      const place = first + at + Number(form.dataset.step);
      form.elements.position.value = place;
      form.querySelector("button").disabled = place < 0 || place >= Number(list.dataset.count);
    }
  });
}

/** The entry stands where it should already: tell the server. `behind` is where it goes back to. */
function moved(row, behind) {
  const at = rows().indexOf(row);
  const place = Number(list.dataset.first) + at;
  const back = () => list.insertBefore(row, behind);
  send(row, "PATCH", { position: place }, `${title(row)} is number ${place + 1} now.`, back);
}

function step(row, by) {
  const there = by < 0 ? row.previousElementSibling : row.nextElementSibling;
  if (!there) return false;
  const behind = row.nextElementSibling;
  list.insertBefore(row, by < 0 ? there : there.nextElementSibling);
  moved(row, behind);
  return true;
}

function take(event) {
  const row = event.target.closest("[data-grip]")?.closest("[data-entry]");
  if (!row || event.button) return;
  event.preventDefault();
  held = row;
  from = row.nextElementSibling;
  grip(row).focus();
  grip(row).setPointerCapture(event.pointerId);
  row.classList.add("is-held");
}

function drag(event) {
  if (!held) return;
  if (event.clientY < EDGE) window.scrollBy(0, -12);
  if (event.clientY > window.innerHeight - EDGE) window.scrollBy(0, 12);
  const over = rows().find((row) => row !== held && within(row.getBoundingClientRect(), event.clientY));
  if (!over) return;
  const above = rows().indexOf(over) < rows().indexOf(held);
  list.insertBefore(held, above ? over : over.nextElementSibling);
  grip(held).setPointerCapture(event.pointerId); // who is moved in the page lets go of it
}

/** The middle half of a row, so that rows of different heights do not swap to and fro. */
const within = ({ top, height }, y) => y > top + height / 4 && y < top + (height * 3) / 4;

function drop(event) {
  if (!held) return;
  const [row, behind] = [held, from];
  row.classList.remove("is-held");
  held = from = null;
  if (event.type === "pointerup" && row.nextElementSibling !== behind) moved(row, behind);
  else list.insertBefore(row, behind);
}

function keyed(event) {
  if (event.key === "Escape") return drop(event);
  const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  const row = event.target.closest("[data-grip]")?.closest("[data-entry]");
  if (!row || !by || held) return;
  event.preventDefault();
  if (step(row, by)) grip(row).focus();
}

function sent(event) {
  const [form, row] = [event.target, event.target.closest("[data-entry]")];
  if ("step" in form.dataset && step(row, Number(form.dataset.step))) {
    event.preventDefault();
    form.querySelector("button").focus();
  } else if ("remove" in form.dataset) {
    event.preventDefault();
    remove(row);
  }
}

function remove(row) {
  const behind = row.nextElementSibling;
  const next = behind ?? row.previousElementSibling;
  row.remove();
  list.dataset.count -= 1;
  if (next) grip(next).focus();
  send(row, "DELETE", null, `${title(row)} is out of the playlist.`, () => {
    list.insertBefore(row, behind);
    list.dataset.count = Number(list.dataset.count) + 1;
  });
}

if (list) {
  for (const row of rows()) grip(row).hidden = false;
  list.addEventListener("pointerdown", take);
  list.addEventListener("pointermove", drag);
  list.addEventListener("pointerup", drop);
  list.addEventListener("pointercancel", drop);
  list.addEventListener("keydown", keyed);
  list.addEventListener("submit", sent);
}

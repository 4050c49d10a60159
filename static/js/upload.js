/* Sends the upload form to the API with visible progress, then follows the upload until it is ready or refused. */

const STATES = {
  received: "Checking the file…",
  checked: "Your track plays already. Making the smaller copy, the preview and the waveform…",
  compressed: "Nearly there…",
  ready: "Your track is ready.",
};
const BROKEN = "The connection broke off. Check it and upload the file again.";
const UNKNOWN = "The upload did not work. Try again in a moment.";

const form = document.querySelector("[data-upload]");
const progress = document.querySelector("[data-progress]");
const file = form.elements.file;
const title = form.elements.title;
const bar = progress.querySelector("progress");
const part = (name) => document.querySelector(`[data-${name}]`);
let sending = null; // the request under way
let followed = null; // the id of the upload whose state is shown
let named = ""; // the title that was made from a file's name

function size(bytes) {
  const [unit, digits] = bytes < 1e6 ? [1024, 0] : [1024 * 1024, 1];
  return `${(bytes / unit).toFixed(digits)} ${unit === 1024 ? "KB" : "MB"}`;
}

function complain(words) {
  part("error").textContent = words;
  part("error").hidden = !words;
}

function tooLarge(one) {
  return one.size > Number(form.dataset.limit);
}

function chosen() {
  const [one] = file.files;
  complain(one && tooLarge(one) ? form.dataset.tooLarge : "");
  if (!one) return;
  if (!title.value || title.value === named) title.value = named = one.name.replace(/\.[^.]*$/, "");
}

function dropped(event) {
  event.preventDefault();
  part("drop").classList.remove("is-over");
  if (event.dataTransfer.files.length !== 1) return complain("Drop one file at a time.");
  file.files = event.dataTransfer.files;
  chosen();
}

function send(event) {
  event.preventDefault();
  const [one] = file.files;
  if (tooLarge(one)) return;
  const body = new FormData(form);
  body.set("is_public", form.elements.is_public.checked);
  complain("");
  open(title.value || one.name);
  sending = new XMLHttpRequest();
  sending.upload.addEventListener("progress", ({ loaded, total }) => sent(loaded, total));
  sending.upload.addEventListener("load", () => say(STATES.received));
  sending.addEventListener("load", answered);
  sending.addEventListener("error", () => close(BROKEN));
  sending.addEventListener("abort", () => close(""));
  sending.open("POST", form.dataset.api);
  sending.setRequestHeader("X-CSRFToken", form.elements.csrfmiddlewaretoken.value);
  sending.setRequestHeader("Accept", "application/json");
  sending.setRequestHeader("Idempotency-Key", `${Date.now()}-${Math.random()}`);
  sending.send(body);
}

function open(name) {
  form.hidden = true;
  progress.hidden = false;
  part("name").textContent = name;
  part("cancel").hidden = false;
  part("open").hidden = part("again").hidden = true;
  bar.value = 0;
  bar.hidden = false;
  part("sent").textContent = "";
  say("Sending…");
  part("cancel").focus();
}

/** Back to the form, with words when there is something to say. */
function close(words) {
  followed = null;
  progress.hidden = true;
  form.hidden = false;
  complain(words);
  part("send").focus();
}

function sent(loaded, total) {
  bar.value = (100 * loaded) / total;
  part("sent").textContent = `${Math.floor(bar.value)} % of ${size(total)}`;
}

function say(words) {
  part("state").textContent = words;
}

function answered() {
  const answer = parsed(sending.responseText);
  if (sending.status === 201) follow(answer);
  else close(answer.detail || UNKNOWN);
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {}; // a proxy's page instead of the API's words
  }
}

async function follow(upload) {
  followed = upload.id;
  part("cancel").hidden = true;
  part("again").hidden = false;
  part("sent").textContent = "";
  bar.removeAttribute("value");
  for (let wait = 800; followed === upload.id; wait = Math.min(wait * 1.4, 8000)) {
    say(upload.state === "refused" ? upload.error_message : STATES[upload.state]);
    if (upload.track && part("open").hidden) offer(upload.track);
    if (upload.state === "ready" || upload.state === "refused") break;
    await new Promise((resolve) => setTimeout(resolve, wait));
    upload = await looked(upload);
  }
  if (followed === upload.id) bar.hidden = true;
}

function offer(track) {
  part("open").href = `/tracks/${track}`;
  part("open").hidden = false;
  if (document.activeElement === document.body) part("open").focus(); // the cancel button left with the focus
}

/** The upload as it stands now; as it stood when the question got lost. */
async function looked(upload) {
  try {
    const answer = await fetch(`${form.dataset.api}/${upload.id}`);
    return answer.ok ? await answer.json() : upload;
  } catch {
    return upload;
  }
}

function again() {
  form.reset();
  named = "";
  close("");
  file.focus();
}

form.addEventListener("submit", send);
file.addEventListener("change", chosen);
part("drop").addEventListener("dragover", (event) => (event.preventDefault(), part("drop").classList.add("is-over")));
part("drop").addEventListener("dragleave", () => part("drop").classList.remove("is-over"));
part("drop").addEventListener("drop", dropped);
part("cancel").addEventListener("click", () => sending.abort());
part("again").addEventListener("click", again);
document.documentElement.classList.add("has-script");

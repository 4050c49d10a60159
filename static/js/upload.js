/* Sends chosen files one after the other, each in a row of its own that can pause and goes on after a break or a reload,
   then follows what becomes of it. */

const form = document.querySelector("[data-upload]");
// By the address that the page gives: a file's name holds a digest of its content, and an import cannot know it.
const { Sending, Stopped, end, forget, reached, unfinished } = await import(form.dataset.module);
const file = form.elements.file;
const title = form.elements.title;
const token = form.elements.csrfmiddlewaretoken.value;
const person = form.dataset.person;
const list = document.querySelector("[data-sendings]");
const part = (name) => document.querySelector(`[data-${name}]`);
const advice = JSON.parse(form.dataset.words);
const begun = []; // rows of what an earlier page left behind
const waiting = []; // rows whose turn has not come
let atWork = null; // the row that is being sent
let isTold = false; // whether one upload is followed by events: a server has few seats, and so has a browser

// Refused for what they are: going on with the same file would not help.
const FINAL = new Set(["QUOTA_EXCEEDED", "FILE_TOO_LARGE", "EMPTY_FILE", "INVALID", "CHECKSUM_MISMATCH"]);
const OVER = new Set(["ready", "refused"]);
const AWAY = "The connection broke off. It goes on by itself.";

/** As pages write sizes: in powers of ten, with one digit at most. */
function size(bytes) {
  if (bytes < 1000) return `${bytes} byte${bytes === 1 ? "" : "s"}`;
  const units = ["kB", "MB", "GB", "TB"];
  const power = Math.max(1, units.findIndex((_, at) => bytes < 999.95 * 1000 ** (at + 1)) + 1 || units.length);
  return `${(bytes / 1000 ** power).toFixed(1).replace(/\.0$/, "")}\u00a0${units[power - 1]}`;
}

/** One file on the page: what is shown of it and what can be done with it. */
class Row {
  constructor(name, bytes) {
    this.shown = part("row").content.firstElementChild.cloneNode(true);
    this.size = bytes;
    this.at("name").textContent = this.name = name;
    this.on("pause", () => this.pause());
    this.on("resume", () => queue(this));
    this.on("cancel", () => this.cancel());
    this.on("remove", () => this.close());
    this.on("keep", () => this.close());
    list.append(this.shown);
  }

  at(name) {
    return this.shown.querySelector(`[data-${name}]`);
  }

  on(name, act) {
    this.at(name).addEventListener("click", act);
  }

  /** Words, what to do about them, and the buttons that there are now. */
  say(words, { hint = "", bad = false, keys = [] } = {}) {
    if (this.at("state").textContent !== words) this.at("state").textContent = words;
    this.at("advice").textContent = hint;
    this.shown.classList.toggle("is-bad", bad);
    const focused = this.shown.contains(document.activeElement);
    for (const key of ["open", "post", "add", "keep", "resume", "pause", "cancel", "remove"]) {
      this.at(key).hidden = !keys.includes(key);
    }
    // The button that was pressed may have gone, and the focus with it.
    if (focused && keys.length && !document.activeElement?.offsetParent) this.at(keys[0]).focus();
  }

  bar(percent) {
    this.shown.querySelector("progress").value = percent;
  }

  sent(bytes) {
    const percent = Math.floor((100 * bytes) / this.size);
    this.bar(0.7 * percent);
    this.at("sent").textContent = `${percent} % of ${size(this.size)}`;
  }

  close() {
    this.shown.remove();
    (list.querySelector("a:not([hidden]), button:not([hidden])") ?? file).focus();
  }

  pause() {
    this.sending.pause();
    this.say("Paused.", { keys: ["resume", "cancel"] });
    left(this);
  }

  async cancel() {
    const i = waiting.indexOf(this);
    if (i >= 0) waiting.splice(i, 1);
    this.say("Cancelling…");
    try {
      await (this.sending ? this.sending.cancel() : ended(this.kept));
    } catch {
      // What is not told now expires by itself.
    }
    left(this);
    this.close();
    quota();
  }

  /** It is this row's turn. */
  go() {
    this.say("Sending…", { keys: ["pause", "cancel"] });
    this.sending.start();
  }

  hear(event, detail) {
    if (event === "sent") {
      this.sent(detail);
      this.say("Sending…", { keys: ["pause", "cancel"] });
    } else if (event === "waiting") {
      this.say(detail || AWAY, { hint: advice.NETWORK_ERROR, keys: ["pause", "cancel"] });
    } else if (event === "stopped") {
      const over = FINAL.has(detail.code);
      const keys = over ? ["remove"] : ["resume", "cancel"];
      this.shown.querySelector("progress").hidden = over;
      this.say(detail.message, { hint: advice[detail.code], bad: true, keys });
      left(this);
    } else {
      left(this);
      follow(this, `${form.dataset.api}/${detail.split("/").pop()}`);
    }
  }

  /** The upload as the server tells it. */
  show(upload) {
    const { percent, words, advice: hint } = upload.progress;
    const keys = upload.track ? ["open", "post", "add", "keep"] : OVER.has(upload.state) ? ["remove"] : [];
    if (upload.track) {
      this.at("open").href = `/tracks/${upload.track}`;
      this.at("add").href = `/tracks/${upload.track}#add-to`;
      this.at("post").href = `${form.dataset.feed}?new=${upload.track}#new`;
    }
    this.at("name").textContent = upload.title || this.name;
    this.at("sent").textContent = "";
    this.bar(percent);
    this.shown.querySelector("progress").hidden = OVER.has(upload.state);
    this.say(words, { hint, keys, bad: upload.state === "refused" });
  }
}

function queue(row) {
  row.say("Waits until the one before is sent.", { keys: ["cancel"] });
  waiting.push(row);
  next();
}

function next() {
  if (atWork || !waiting.length) return;
  atWork = waiting.shift();
  atWork.go();
}

function left(row) {
  if (atWork !== row) return;
  atWork = null;
  next();
  quota();
}

async function follow(row, url) {
  row.bar(70);
  row.say("Checking the file.");
  for (let wait = 1000; ; wait = Math.min(wait * 1.4, 8000)) {
    let upload = null;
    if (!isTold) {
      isTold = true;
      upload = await told(row, `${url}/events`);
      isTold = false;
    }
    upload ??= await looked(url);
    if (upload) row.show(upload);
    if (upload && OVER.has(upload.state)) break;
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
  quota();
}

/** Shows what the server tells until it is over, which is returned, or until it tells no more. */
function told(row, url) {
  const source = new EventSource(url);
  return new Promise((resolve) => {
    source.addEventListener("progress", ({ data }) => {
      const upload = JSON.parse(data);
      row.show(upload);
      if (OVER.has(upload.state)) resolve(upload);
    });
    source.addEventListener("error", () => source.readyState === EventSource.CLOSED && resolve(null));
  }).finally(() => source.close());
}

async function looked(url) {
  try {
    const answer = await fetch(url);
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

async function quota() {
  const now = await looked(form.dataset.quota);
  if (!now) return;
  const meter = document.querySelector(".quota meter");
  Object.assign(meter, { max: now.limit, value: now.used });
  part("used").textContent = size(now.used);
  part("left").textContent = size(now.left);
}

function complain(words, code = "") {
  part("error-words").textContent = words;
  part("error-advice").textContent = advice[code] ?? "";
  part("error").hidden = !words;
}

const chosen = () => [...file.files];
const tooLarge = (one) => one.size > Number(form.dataset.limit);

function chose() {
  const over = chosen().find(tooLarge);
  complain(over ? `${over.name}: ${form.dataset.tooLarge}` : "", "FILE_TOO_LARGE");
  title.disabled = chosen().length > 1;
  if (title.disabled) title.value = "";
}

function dropped(event) {
  event.preventDefault();
  part("drop").classList.remove("is-over");
  if (!event.dataTransfer.files.length) return;
  file.files = event.dataTransfer.files;
  chose();
}

function send(event) {
  event.preventDefault();
  if (chosen().some(tooLarge)) return chose();
  for (const one of chosen()) add(one);
  form.reset();
  chose();
}

function add(one) {
  begun.find((row) => row.name === one.name && row.size === one.size)?.shown.remove();
  const row = new Row(one.name, one.size);
  const facts = { title: title.value, is_public: form.elements.is_public.checked };
  const told = (event, detail) => row.hear(event, detail);
  row.sending = new Sending(one, { endpoint: form.dataset.tus, person, token, facts, told });
  queue(row);
}

async function ended(kept) {
  forget(kept.key);
  await end(kept.url, token);
}

/** What a closed page left behind: it goes on when the same file is chosen. */
async function remember(kept) {
  const row = new Row(kept.name, kept.size);
  row.kept = kept;
  begun.push(row);
  try {
    const bytes = await reached(kept.url);
    if (bytes < 0) throw new Stopped();
    if (bytes === kept.size) {
      forget(kept.key);
      return follow(row, `${form.dataset.api}/${kept.url.split("/").pop()}`);
    }
    row.sent(bytes);
  } catch (trouble) {
    if (trouble instanceof Stopped) {
      forget(kept.key);
      return row.shown.remove();
    }
  }
  row.say("Not all of it is here yet.", { hint: "Choose the same file again and it goes on.", keys: ["cancel"] });
}

const localTime = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long", hour: "2-digit", minute: "2-digit" });
for (const time of document.querySelectorAll("[data-local]")) {
  time.textContent = `${localTime.format(new Date(time.dateTime))} your time`;
}

file.multiple = true;
file.addEventListener("change", chose);
form.addEventListener("submit", send);
part("drop").addEventListener("dragover", (event) => (event.preventDefault(), part("drop").classList.add("is-over")));
part("drop").addEventListener("dragleave", () => part("drop").classList.remove("is-over"));
part("drop").addEventListener("drop", dropped);
document.documentElement.classList.add("has-script");
for (const kept of unfinished(person)) remember(kept);

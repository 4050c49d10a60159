/* The page's one player: an <audio> and its controls in [data-player]. Every [data-play] button carries what it plays
   (catalog/_play.html): an address, where in the track that sound lies, and words. */

const CANNOT = "This track cannot be played right now.";
const PREVIEW = "Preview. The full track is for pro members.";

const HEARD_S = 30; // a track counts as played when so much of it was heard, or half of what there is to hear
const player = document.querySelector("[data-player]");
const audio = player?.querySelector("audio");
const wave = player?.querySelector("wave-form");
const part = (name) => player.querySelector(`[data-${name}]`);
const inOrder = () => [...document.querySelectorAll("[data-play]")]; // a page may let them be moved
const buttons = inOrder();
const session = navigator.mediaSession;
let current = null; // the button whose track is loaded
let heard = 0; // seconds that sounded of it
let was = 0; // where the sound was at the last look
let told = false;

/** Where the sound begins in its track, in seconds: not at 0 for a preview. */
const begins = () => Number(current?.dataset.start) || 0;
const neighbour = (by) => inOrder()[inOrder().indexOf(current) + by];
const isBar = () => Boolean(part("now-title"));

function load(button) {
  if (current) show(false);
  current = button;
  const track = button.dataset;
  heard = was = 0;
  told = false;
  audio.src = track.src;
  wave.setAttribute("duration", track.duration);
  wave.setAttribute("from", track.start);
  wave.setAttribute("to", track.end);
  wave.setAttribute("label", `Position in ${track.title}`);
  wave.setAttribute("src", track.wave || "");
  wave.time = begins();
  player.hidden = false;
  say(isBar() && track.part === "preview" ? PREVIEW : "");
  if (isBar()) introduce(track);
  tick();
}

function introduce(track) {
  part("now-title").textContent = track.title;
  part("now-title").href = track.page;
  part("now-by").textContent = track.by;
  part("length").textContent = track.duration ? wave.clock(Number(track.duration)) : "";
  const cover = current.parentElement.querySelector(".cover").cloneNode(true);
  cover.dataset.nowCover = "";
  part("now-cover").replaceWith(cover);
  for (const key of player.querySelectorAll("[data-step]")) key.disabled = !neighbour(Number(key.dataset.step));
}

async function play(button = current) {
  if (button !== current) load(button);
  else if (audio.error) retry();
  try {
    await audio.play();
  } catch {
    // Refused by the browser or cut short by the next choice; a broken sound speaks through `error`.
  }
}

function retry() {
  const at = wave.time - begins();
  audio.load();
  audio.currentTime = at;
  say("");
}

function toggle(button) {
  if (button === current && !audio.paused && !audio.error) audio.pause();
  else play(button);
}

function show(playing) {
  for (const button of [current, part("toggle")]) {
    button?.classList.toggle("is-playing", playing);
    button?.setAttribute("aria-label", `${playing ? "Pause" : "Play"} ${current.dataset.title}`);
  }
  if (session) session.playbackState = playing ? "playing" : "paused";
}

function tick() {
  if (!audio.error && !audio.seeking) wave.time = begins() + audio.currentTime;
  part("elapsed").textContent = wave.clock();
}

/** Adds up what sounded, wherever in the track it lies: a jump is no listening. */
function count() {
  const step = audio.currentTime - was;
  was = audio.currentTime;
  if (!audio.seeking && step > 0 && step < 2) heard += step;
  const whole = (Number(current.dataset.end) || audio.duration) - begins();
  if (!told && heard >= Math.min(HEARD_S, (whole || Infinity) / 2)) tell();
}

/** Once per loading of a track; what the house makes of it is its own affair (it counts once in a while). */
function tell() {
  told = true;
  const token = document.querySelector("[name=csrfmiddlewaretoken]")?.value;
  const headers = token ? { "X-CSRFToken": token } : {};
  fetch(current.dataset.plays, { method: "POST", headers, keepalive: true }).catch(() => {});
}

function say(words) {
  part("note").textContent = words;
  part("note").classList.toggle("is-bad", words === CANNOT);
}

/** To the lock screen and the media keys. */
function announce() {
  if (!session) return;
  const { title, by, cover } = current.dataset;
  session.metadata = new MediaMetadata({ title, artist: by, artwork: cover ? [{ src: cover }] : [] });
}

function ended() {
  const next = isBar() && neighbour(1);
  if (next) play(next);
  else audio.currentTime = 0;
}

function broke() {
  show(false);
  say(CANNOT);
}

/** A generated track may not know its length before it plays. */
function measured() {
  if (current.dataset.duration || !Number.isFinite(audio.duration)) return;
  wave.setAttribute("duration", audio.duration);
  part("length").textContent = wave.clock(audio.duration);
}

function listen() {
  audio.addEventListener("play", () => {
    show(true);
    announce();
  });
  audio.addEventListener("pause", () => show(false));
  audio.addEventListener("timeupdate", tick);
  audio.addEventListener("timeupdate", count);
  audio.addEventListener("seeked", tick);
  audio.addEventListener("ended", ended);
  audio.addEventListener("durationchange", measured);
  audio.addEventListener("error", broke);
  wave.addEventListener("seek", (event) => {
    audio.currentTime = event.detail - begins();
    part("elapsed").textContent = wave.clock();
  });
}

function offerKeys() {
  for (const button of buttons) {
    button.hidden = false;
    button.addEventListener("click", () => toggle(button));
  }
  part("toggle")?.addEventListener("click", () => toggle(current));
  for (const key of player.querySelectorAll("[data-step]")) {
    key.addEventListener("click", () => play(neighbour(Number(key.dataset.step))));
  }
  session?.setActionHandler("play", () => play());
  session?.setActionHandler("pause", () => audio.pause());
}

function offerVolume() {
  const slider = part("volume");
  const mute = part("mute");
  slider.value = audio.volume = remembered();
  slider.addEventListener("input", () => {
    audio.muted = false;
    audio.volume = slider.value;
    remember(slider.value);
  });
  mute.addEventListener("click", () => (audio.muted = !audio.muted));
  audio.addEventListener("volumechange", () => mute.setAttribute("aria-pressed", audio.muted || audio.volume === 0));
}

function remember(volume) {
  try {
    localStorage.setItem("volume", volume);
  } catch {
    // Storage is switched off: the next page starts loud again.
  }
}

function remembered() {
  try {
    const volume = Number.parseFloat(localStorage.getItem("volume"));
    return volume >= 0 && volume <= 1 ? volume : 1;
  } catch {
    return 1;
  }
}

if (player) {
  listen();
  offerKeys();
  offerVolume();
  if ("ready" in player.dataset) load(buttons[0]);
}

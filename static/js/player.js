/* The page's one player: an <audio> and its controls in [data-player]. Every [data-play] button carries what it plays
   (catalog/_play.html): an address, where in the track that sound lies, and words. */

const CANNOT = "This track cannot be played right now.";
const PREVIEW = "Preview. The full track is for pro members.";

const player = document.querySelector("[data-player]");
const part = (name) => player.querySelector(`[data-${name}]`);
const buttons = [...document.querySelectorAll("[data-play]")];
let current = null; // the button whose track is loaded

if (player) start();

function start() {
  const audio = player.querySelector("audio");
  const wave = player.querySelector("wave-form");
  const begins = () => Number(current?.dataset.start) || 0;

  function load(button) {
    if (current) show(false);
    current = button;
    const track = button.dataset;
    audio.src = track.src;
    for (const [name, value] of Object.entries({
      duration: track.duration, from: track.start, to: track.end, label: `Position in ${track.title}`, src: track.wave || "",
    })) wave.setAttribute(name, value);
    wave.time = begins();
    player.hidden = false;
    say(track.part === "preview" && part("now-title") ? PREVIEW : "");
    if (part("now-title")) introduce(track, button);
    tick();
  }

  function introduce(track, button) {
    part("now-title").textContent = track.title;
    part("now-title").href = track.page;
    part("now-by").textContent = track.by;
    part("now-cover").replaceWith(copyOfCover(button));
    part("length").textContent = track.duration ? wave.clock(Number(track.duration)) : "";
    for (const key of player.querySelectorAll("[data-step]")) key.disabled = !neighbour(Number(key.dataset.step));
  }

  function copyOfCover(button) {
    const cover = button.parentElement.querySelector(".cover").cloneNode(true);
    cover.dataset.nowCover = "";
    return cover;
  }

  function neighbour(by) {
    return buttons[buttons.indexOf(current) + by];
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
      if (!button) continue;
      button.classList.toggle("is-playing", playing);
      button.setAttribute("aria-label", `${playing ? "Pause" : "Play"} ${current.dataset.title}`);
    }
    if ("mediaSession" in navigator) navigator.mediaSession.playbackState = playing ? "playing" : "paused";
  }

  function tick() {
    if (!audio.error && !audio.seeking) wave.time = begins() + audio.currentTime;
    part("elapsed").textContent = wave.clock();
  }

  function say(words) {
    part("note").textContent = words;
    part("note").classList.toggle("is-bad", words === CANNOT);
  }

  function announce() {
    if (!("mediaSession" in navigator)) return;
    const { title, by, cover } = current.dataset;
    navigator.mediaSession.metadata = new MediaMetadata({ title, artist: by, artwork: cover ? [{ src: cover }] : [] });
  }

  audio.addEventListener("play", () => (show(true), announce()));
  audio.addEventListener("pause", () => show(false));
  audio.addEventListener("timeupdate", tick);
  audio.addEventListener("seeked", tick);
  audio.addEventListener("playing", () => part("note").textContent === CANNOT && say(""));
  audio.addEventListener("ended", () => {
    const next = part("now-title") && neighbour(1);
    if (next) play(next);
    else audio.currentTime = 0;
  });
  audio.addEventListener("durationchange", () => {
    if (current.dataset.duration || !Number.isFinite(audio.duration)) return;
    wave.setAttribute("duration", audio.duration);
    part("length").textContent = wave.clock(audio.duration);
  });
  audio.addEventListener("error", () => {
    if (!audio.getAttribute("src")) return;
    show(false);
    say(CANNOT);
  });
  wave.addEventListener("seek", (event) => {
    audio.currentTime = event.detail - begins();
    part("elapsed").textContent = wave.clock();
  });

  for (const button of buttons) {
    button.hidden = false;
    button.addEventListener("click", () => toggle(button));
  }
  part("toggle")?.addEventListener("click", () => toggle(current));
  for (const key of player.querySelectorAll("[data-step]")) {
    key.addEventListener("click", () => play(neighbour(Number(key.dataset.step))));
  }
  if ("mediaSession" in navigator) {
    navigator.mediaSession.setActionHandler("play", () => play());
    navigator.mediaSession.setActionHandler("pause", () => audio.pause());
  }
  controlVolume(audio);
  if ("ready" in player.dataset) load(buttons[0]);
}

function controlVolume(audio) {
  const slider = part("volume");
  const mute = part("mute");
  const set = (volume) => {
    audio.volume = slider.value = volume;
    remember(volume);
  };
  slider.addEventListener("input", () => ((audio.muted = false), set(Number(slider.value))));
  mute.addEventListener("click", () => (audio.muted = !audio.muted));
  audio.addEventListener("volumechange", () => mute.setAttribute("aria-pressed", audio.muted || audio.volume === 0));
  set(remembered());
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
    const volume = Number.parseFloat(localStorage.getItem("volume") ?? "1");
    return volume >= 0 && volume <= 1 ? volume : 1;
  } catch {
    return 1;
  }
}

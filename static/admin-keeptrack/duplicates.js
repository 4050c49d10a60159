// Two tracks side by side: one plays at a time, 1 and 2 choose, s goes on with the other one at the same place.
(() => {
  "use strict";

  const page = document.querySelector("[data-twins]");
  if (!page) return;
  const sides = [...page.querySelectorAll("[data-side]")].map((side) => ({
    audio: side.querySelector("audio"),
    wave: side.querySelector("wave-form"),
  }));
  const heard = sides.filter((side) => side.audio);
  let last = heard[0]; // the one that played last

  const play = (side, at) => {
    if (!side?.audio) return;
    if (at !== undefined) side.audio.currentTime = at;
    side.audio.play().catch(() => {});
  };

  for (const side of heard) {
    side.audio.addEventListener("play", () => {
      last = side;
      for (const other of heard) if (other !== side) other.audio.pause();
    });
    side.audio.addEventListener("timeupdate", () => side.wave && (side.wave.time = side.audio.currentTime));
    side.wave?.addEventListener("seek", (event) => (side.audio.currentTime = event.detail));
  }

  const keys = {
    1: () => play(sides[0]),
    2: () => play(sides[1]),
    s: () => play(heard.find((side) => side !== last), last?.audio.currentTime),
    " ": () => (last?.audio.paused ? play(last) : last?.audio.pause()),
  };

  document.addEventListener("keydown", (event) => {
    const act = keys[event.key];
    const busy = event.target.closest("input, textarea, select, button, a, audio, wave-form, [contenteditable]");
    if (!act || event.ctrlKey || event.altKey || event.metaKey || (busy && (event.key === " " || busy.matches("input:not([type=radio]), textarea, select")))) return;
    event.preventDefault();
    act();
  });
  page.querySelector("[data-hint]").hidden = heard.length === 0;

  // Until somebody chooses a fact themselves, those that both have go with the one that stays.
  for (const fact of page.querySelectorAll("input[name^=fact-]")) {
    fact.addEventListener("change", () => (fact.closest("tr").dataset.chosen = "1"));
  }
  for (const keep of page.querySelectorAll("input[name=keep]")) {
    keep.addEventListener("change", () => {
      for (const row of page.querySelectorAll("tbody tr:not([data-chosen])")) {
        const mine = row.querySelector(`input[value="${keep.value}"]`);
        if (mine && !row.querySelector("td.empty")) mine.checked = true;
      }
    });
  }
})();

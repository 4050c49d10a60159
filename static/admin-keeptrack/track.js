// The track page by keyboard: play and seek, save, go through the list one came from, mark sections while listening.
(() => {
  "use strict";

  const KEPT = "keeptrack.tracks";
  const PAGE = /\/[^/]+\/change\/$/;
  const SEEK = 5; // seconds

  // --- The list one came from -----------------------------------------------------------------------------------
  const linksOf = (page) =>
    [...page.querySelectorAll("#result_list tr :is(th, td) > a[href*='/change/'], #result_list .field-name a[href*='/change/']")]
      .map((link) => link.getAttribute("href"))
      .filter((href, n, all) => all.indexOf(href) === n);

  const keep = (list) => sessionStorage.setItem(KEPT, JSON.stringify(list));

  const kept = () => {
    try {
      return JSON.parse(sessionStorage.getItem(KEPT));
    } catch {
      return null;
    }
  };

  const pageOf = (address) => Number(new URL(address, location).searchParams.get("p")) || 1;

  /** Links of another page of the list; none behind its end. */
  const fetched = async (address) => {
    const answer = await fetch(address);
    if (!answer.ok || answer.redirected) return [];
    return linksOf(new DOMParser().parseFromString(await answer.text(), "text/html"));
  };

  const turned = (address, page) => {
    const url = new URL(address, location);
    url.searchParams.set("p", page);
    return url.pathname + url.search;
  };

  /** The list this page was opened from: as it was then, so that what leaves a queue does not lose one's place. */
  const listOf = async (here) => {
    const known = kept();
    if (known?.links.some((href) => href.startsWith(here))) return known;
    const filters = new URLSearchParams(location.search).get("_changelist_filters") ?? "";
    const address = `${here.replace(PAGE, "/")}?${filters}`;
    return { address, first: pageOf(address), last: pageOf(address), links: await fetched(address) };
  };

  const step = async (by) => {
    const here = location.pathname;
    const list = await listOf(here);
    let at = list.links.findIndex((href) => href.startsWith(here));
    if (by > 0 && at === list.links.length - 1) {
      list.links.push(...(await fetched(turned(list.address, ++list.last))));
    } else if (by < 0 && at === 0 && list.first > 1) {
      const before = await fetched(turned(list.address, --list.first));
      list.links.unshift(...before);
      at += before.length;
    }
    const next = at < 0 ? list.links[0] : list.links[at + by];
    keep(list);
    if (next) location.assign(next);
    else say(by > 0 ? "This was the last of the list." : "This is the first of the list.");
  };

  const result = document.getElementById("result_list");
  if (result) {
    const address = location.pathname + location.search;
    keep({ address, first: pageOf(address), last: pageOf(address), links: linksOf(document) });
  }

  // --- The page ---------------------------------------------------------------------------------------------------
  const listen = document.querySelector("[data-listen]");
  if (!listen) return;

  const audio = listen.querySelector("audio");
  const wave = listen.querySelector("wave-form");
  const help = listen.querySelector("dialog");
  const said = listen.querySelector("[data-said]");
  const form = document.getElementById("track_form");

  const say = (words) => {
    said.textContent = words;
  };

  const seek = (seconds) => {
    const time = Math.max(0, Math.min(seconds, wave?.duration || seconds));
    if (audio) audio.currentTime = time;
    if (wave) wave.time = time;
  };
  const now = () => audio?.currentTime ?? wave?.time ?? 0;
  const play = () => (audio?.paused ? audio.play().catch(() => say("It cannot be played.")) : audio?.pause());

  audio?.addEventListener("timeupdate", () => wave && (wave.time = audio.currentTime));
  wave?.addEventListener("seek", (event) => audio && (audio.currentTime = event.detail));
  listen.addEventListener("click", (event) => {
    const mark = event.target.closest("[data-seek]");
    if (mark) seek(Number(mark.dataset.seek));
    if (event.target.closest("[data-keys]")) help.showModal();
  });

  // --- Sections, marked while listening -----------------------------------------------------------------------------
  const clock = (seconds) => {
    const whole = Math.round(seconds * 1000);
    return `${Math.floor(whole / 60000)}:${((whole % 60000) / 1000).toFixed(3).padStart(6, "0")}`;
  };
  const rowsOf = (table) =>
    [...document.querySelectorAll(`#${table}-group tr.form-row`)].filter(
      (row) => !row.closest(".empty-form") && !row.querySelector("input[name$=-DELETE]:checked"),
    );
  const field = (row, name) => row.querySelector(`[name$="-${name}"]`);

  /** Writes the playhead into the row that has the cursor, else into the first that lacks it, else into a new one. */
  const mark = (name) => {
    const free = () => rowsOf("sections").find((row) => field(row, name) && !field(row, name).value);
    let row = free();
    if (!row) {
      document.querySelector("#sections-group .add-row a, #sections-group a.add-row")?.click();
      row = free();
    }
    if (!row) return say("Sections cannot be changed here.");
    field(row, name).value = clock(now());
    row.scrollIntoView({ block: "nearest" });
    say(`${name === "start_ms" ? "Start" : "End"} of a section at ${clock(now())}.`);
  };

  // --- Shares of each role ------------------------------------------------------------------------------------------
  const shares = document.querySelector("[data-shares]");
  const total = () => {
    const sums = new Map();
    for (const row of rowsOf("credits")) {
      const [role, split] = ["role", "split"].map((name) => field(row, name)?.value ?? "");
      const hundredths = Math.round(Number(split.replace(",", ".")) * 100);
      if (role && split && Number.isFinite(hundredths)) sums.set(role, (sums.get(role) ?? 0) + hundredths);
    }
    shares.replaceChildren(
      ...[...sums].map(([role, sum]) => {
        const part = document.createElement("span");
        part.textContent = `${role} ${(sum / 100).toFixed(2)} %`;
        part.className = sum > 10000 ? "over" : sum < 10000 ? "under" : "whole";
        return part;
      }),
    );
  };
  if (shares) {
    total();
    for (const happening of ["input", "change"]) form?.addEventListener(happening, total);
  }

  // --- Keys ---------------------------------------------------------------------------------------------------------
  const KEYS = {
    " ": play,
    k: play,
    j: () => seek(now() - SEEK),
    l: () => seek(now() + SEEK),
    s: () => form?.querySelector("[name=_continue]")?.click() ?? document.querySelector("[name=_continue]")?.click(),
    n: () => step(1),
    p: () => step(-1),
    e: () => form?.querySelector("input:not([type=hidden]), textarea, select")?.focus(),
    "[": () => mark("start_ms"),
    "]": () => mark("end_ms"),
    "?": () => help.showModal(),
  };
  const typing = (target) => target.closest("input:not([type=checkbox]), textarea, select, [contenteditable], dialog");
  const pressable = (target) => target.closest("button, a, summary, audio, input");

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.key === "Escape" && typing(event.target) && !help.open) return event.target.blur();
    if (typing(event.target) || (event.key === " " && pressable(event.target)) || document.querySelector("dialog[open]")) return;
    const act = KEYS[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
})();

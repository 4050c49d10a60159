// A part of a page that is in work asks for itself again, until it comes back without asking to.
(() => {
  "use strict";

  const EVERY_MS = 600;

  const renew = async (part) => {
    try {
      const answer = await fetch(part.dataset.poll, { headers: { "X-Requested-With": "fetch" } });
      if (!answer.ok || answer.redirected) return;
      const holder = document.createElement("template");
      holder.innerHTML = await answer.text();
      const next = holder.content.firstElementChild;
      if (next) part.replaceWith(next);
    } catch {
      // The server was away for a moment: the next time tells.
    }
  };

  const look = async () => {
    await Promise.all([...document.querySelectorAll("[data-poll]")].map(renew));
    if (document.querySelector("[data-poll]")) setTimeout(look, EVERY_MS);
  };

  setTimeout(look, EVERY_MS);
})();

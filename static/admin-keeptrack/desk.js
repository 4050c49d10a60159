// Two habits of the desk: buttons post at once where nothing is to ask, and one player serves a whole list.
(() => {
  "use strict";

  const post = (address) => {
    const token = document.querySelector("input[name=csrfmiddlewaretoken]");
    if (!token) return false;
    const form = document.createElement("form");
    form.method = "post";
    form.action = address;
    for (const [name, value] of [["csrfmiddlewaretoken", token.value], ["next", location.pathname + location.search + location.hash]]) {
      const input = document.createElement("input");
      Object.assign(input, { type: "hidden", name, value });
      form.append(input);
    }
    document.body.append(form);
    form.submit();
    return true;
  };

  const player = new Audio();
  let playing = null;

  const show = (button) => {
    playing?.classList.remove("on");
    playing = button;
    playing?.classList.add("on");
  };

  const toggle = (button) => {
    if (playing === button) {
      player.pause();
      return;
    }
    document.querySelectorAll("audio").forEach((other) => other.pause());
    player.src = button.dataset.play;
    show(button);
    player.play().catch(() => show(null));
  };

  for (const end of ["pause", "ended", "error"]) player.addEventListener(end, () => show(null));

  document.addEventListener("play", () => player.pause(), true);

  document.addEventListener("click", (event) => {
    const act = event.target.closest("a[data-post]");
    if (act && post(act.href)) event.preventDefault();
    const play = event.target.closest("button[data-play]");
    if (play) toggle(play);
  });
})();

/* Likes and follows without leaving the page: the form's button says what it does, the API does it. */

const METHOD = { like: "PUT", unlike: "DELETE", follow: "PUT", unfollow: "DELETE" };
const OPPOSITE = { like: "unlike", unlike: "like", follow: "unfollow", unfollow: "follow" };

for (const form of document.querySelectorAll("form[data-toggle-api]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    toggle(form, form.querySelector("button"));
  });
}

async function toggle(form, button) {
  button.disabled = true;
  try {
    const answer = await fetch(form.dataset.toggleApi, {
      method: METHOD[button.value],
      headers: { "X-CSRFToken": form.elements.csrfmiddlewaretoken.value },
    });
    if (!answer.ok) throw new Error(answer.status);
    show(form, button, await answer.json());
  } catch {
    // Whatever it was, the page says it.
    send(form, button);
    return;
  }
  button.disabled = false;
  button.focus();
}

function show(form, button, now) {
  button.value = OPPOSITE[button.value];
  const on = now.liked_by_user ?? now.following;
  button.setAttribute("aria-pressed", String(on));
  if ("like_count" in now) button.querySelector("[data-count]").textContent = now.like_count;
  if ("follower_count" in now) {
    button.textContent = on ? form.dataset.on : form.dataset.off;
    button.classList.toggle("button-quiet", on);
    document.querySelector("[data-followers]").textContent = now.follower_count;
  }
}

/** As without this script; a form that is sent by a script leaves its button's word out. */
function send(form, button) {
  const word = document.createElement("input");
  Object.assign(word, { type: "hidden", name: button.name, value: button.value });
  form.append(word);
  form.submit();
}

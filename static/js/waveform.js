/* <wave-form src duration from to label disabled>: the outline of a track and a slider over it.

   `src` answers with the peaks as {length, data: [min, max, …]}; without it a flat line stands in. Times are seconds;
   `from` and `to` bound what can be heard. Set `time`; a `seek` event carries the time that the listener chose. */

const STEP = 4; // px from bar to bar
const KEYS = { ArrowRight: 5, ArrowUp: 5, ArrowLeft: -5, ArrowDown: -5, PageUp: 30, PageDown: -30 };
const SVG = "http://www.w3.org/2000/svg";

class WaveForm extends HTMLElement {
  static observedAttributes = ["src", "duration", "from", "to", "label"];
  #peaks = [];
  #time = 0;
  #dragging = false;
  #bars = ["wave-all", "wave-heard", "wave-played"].map((name) => {
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("class", name);
    svg.append(document.createElementNS(SVG, "path"));
    return svg;
  });

  connectedCallback() {
    this.append(...this.#bars);
    this.setAttribute("role", "slider");
    new ResizeObserver(() => this.#draw()).observe(this);
    this.addEventListener("keydown", (event) => this.#key(event));
    this.addEventListener("pointerdown", (event) => this.#grab(event));
    this.addEventListener("pointermove", (event) => this.#dragging && this.#show(this.#at(event)));
    this.addEventListener("pointerup", (event) => this.#release(event));
    this.addEventListener("pointercancel", () => (this.#dragging = false));
    this.#describe();
  }

  attributeChangedCallback(name, before, after) {
    if (before === after) return;
    if (name === "src") this.#load(after);
    else this.#describe();
  }

  get duration() { return Number(this.getAttribute("duration")) || 0; }
  get from() { return Number(this.getAttribute("from")) || 0; }
  get to() { return Number(this.getAttribute("to")) || this.duration; }
  get time() { return this.#time; }
  set time(seconds) { if (!this.#dragging) this.#show(seconds); }

  /** `3:07`, for the current time or another. */
  clock(seconds = this.#time) {
    const whole = Math.round(seconds);
    const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
    if (!parts[0]) parts.shift();
    return parts.map((part, i) => (i ? String(part).padStart(2, "0") : part)).join(":");
  }

  async #load(address) {
    this.#peaks = [];
    this.#draw();
    if (!address) return;
    try {
      const answer = await fetch(address);
      if (!answer.ok || address !== this.getAttribute("src")) return;
      this.#peaks = (await answer.json()).data;
      this.#draw();
    } catch {
      // The flat line stays; the sound does not need the picture.
    }
  }

  #describe() {
    this.tabIndex = this.duration ? 0 : -1;
    this.setAttribute("aria-label", this.getAttribute("label") || "Position");
    this.setAttribute("aria-valuemin", Math.round(this.from));
    this.setAttribute("aria-valuemax", Math.round(this.to));
    this.style.setProperty("--from", this.#share(this.from));
    this.style.setProperty("--to", this.#share(this.to));
    this.#show(Math.max(this.#time, this.from));
  }

  #share(seconds) { return `${this.duration ? (100 * seconds) / this.duration : 0}%`; }

  #show(seconds) {
    this.#time = Math.min(Math.max(seconds, this.from), this.to);
    this.style.setProperty("--at", this.#share(this.#time));
    if (this.getAttribute("aria-valuenow") === String(Math.round(this.#time))) return;
    this.setAttribute("aria-valuenow", Math.round(this.#time));
    this.setAttribute("aria-valuetext", `${this.clock()} of ${this.clock(this.duration)}`);
  }

  #draw() {
    const { clientWidth: width, clientHeight: height } = this;
    const count = Math.floor(width / STEP);
    if (!count) return;
    const loudest = this.#peaks.reduce((most, value) => Math.max(most, Math.abs(value)), 16);
    const scale = (height / 2 - 2) / loudest;
    const pairs = this.#peaks.length / 2;
    let path = "";
    for (let i = 0; i < count; i++) {
      const slice = this.#peaks.slice(
        2 * Math.floor((i * pairs) / count),
        2 * Math.max(Math.ceil(((i + 1) * pairs) / count), 1),
      );
      const high = Math.max(1, Math.max(0, ...slice) * scale);
      const low = Math.max(1, -Math.min(0, ...slice) * scale);
      path += `M${i * STEP + STEP / 2} ${(height / 2 - high).toFixed(1)}V${(height / 2 + low).toFixed(1)}`;
    }
    for (const svg of this.#bars) {
      svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
      svg.firstChild.setAttribute("d", path);
    }
  }

  #at(event) {
    const box = this.getBoundingClientRect();
    return ((event.clientX - box.left) / box.width) * this.duration;
  }

  #grab(event) {
    if (!this.duration || event.button !== 0) return;
    this.#dragging = true;
    this.setPointerCapture(event.pointerId);
    this.#show(this.#at(event));
  }

  #release(event) {
    if (!this.#dragging) return;
    this.#dragging = false;
    this.#seek(this.#at(event));
  }

  #key(event) {
    const by = KEYS[event.key];
    const to = { Home: this.from, End: this.to }[event.key] ?? (by && this.#time + by);
    if (to === undefined || event.ctrlKey || event.altKey || event.metaKey || !this.duration) return;
    event.preventDefault();
    this.#seek(to);
  }

  #seek(seconds) {
    this.#show(seconds);
    this.dispatchEvent(new CustomEvent("seek", { detail: this.#time }));
  }
}

customElements.define("wave-form", WaveForm);

/* Sends one file by tus 1.0.0: piece by piece, from where the server
   stands, however often the connection breaks. The browser remembers an upload's address until it is over, by what is
   in the file, so that the same file goes on after a reload too. */

const PIECE = 4 * 1024 * 1024;
const SILENCE_MS = 30_000; // nothing sent and nothing answered for so long is a broken connection
const WAITS_MS = [0, 1000, 2000, 4000, 8000, 15_000, 30_000];
const OUR_FAULTS = 8; // so many errors of the server one after the other, and a person is asked
const GONE = new Set([404, 410]);
const AGAIN = new Set([408, 409, 423, 425]); // somebody else is at it, or the piece broke: ask where to go on
const KEPT = "keeptrack-upload:";

export class Stopped extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

class Broken extends Error {}

/** What the browser remembers of a person's unfinished uploads: {key, url, name, size}. */
export function unfinished(person) {
  const found = [];
  for (let i = 0; i < localStorage.length; i++) {
    const key = localStorage.key(i);
    if (key.startsWith(`${KEPT}${person}:`)) found.push({ key, ...JSON.parse(localStorage.getItem(key)) });
  }
  return found;
}

export const forget = (key) => localStorage.removeItem(key);

/** How many bytes of it the server has; -1 when it knows nothing of it any more. */
export async function reached(url, signal) {
  const answer = await ask("HEAD", url, { signal });
  if (GONE.has(answer.status)) return -1;
  judge(answer);
  return Number(answer.getResponseHeader("Upload-Offset"));
}

export async function end(url, token) {
  const answer = await ask("DELETE", url, { headers: { "X-CSRFToken": token } });
  if (!GONE.has(answer.status)) judge(answer);
}

export class Sending {
  /** `told(event, detail)` hears "sent" with bytes, "waiting" with why, "done" with the address, "stopped" with a Stopped. */
  constructor(file, { endpoint, person, token, facts, told }) {
    Object.assign(this, { file, endpoint, person, token, facts, told, url: null, turn: null, sha256: null });
  }

  get running() {
    return this.turn !== null;
  }

  async start() {
    if (this.turn) return;
    const turn = (this.turn = new AbortController());
    try {
      await this.whole(turn.signal);
      forget(this.key);
      this.turn = null;
      this.told("done", this.url);
    } catch (trouble) {
      if (this.turn !== turn) return; // paused meanwhile: whoever paused it knows
      this.turn = null;
      this.told("stopped", trouble instanceof Stopped ? trouble : new Stopped("", String(trouble)));
    }
  }

  pause() {
    const turn = this.turn;
    this.turn = null;
    turn?.abort();
  }

  async cancel() {
    this.pause();
    if (this.key) forget(this.key);
    if (this.url) await end(this.url, this.token);
  }

  async whole(signal) {
    this.sha256 ??= await digest(this.file);
    const known = this.sha256 || `${this.file.name}/${this.file.size}/${this.file.lastModified}`;
    this.key = `${KEPT}${this.person}:${known}`;
    this.url ??= JSON.parse(localStorage.getItem(this.key) ?? "{}").url ?? null;
    for (let failures = 0, ours = 0; ; ) {
      const before = this.offset;
      try {
        await this.on(signal);
        return;
      } catch (trouble) {
        if (signal.aborted || trouble instanceof Stopped) throw trouble;
        if (!(trouble instanceof Broken)) throw trouble;
        if (this.offset !== before) failures = ours = 0;
        if (trouble.status >= 500 && ++ours === OUR_FAULTS) throw new Stopped(trouble.code, trouble.message);
        this.told("waiting", trouble.status ? trouble.message : "");
        await rest(trouble.after ?? WAITS_MS[Math.min(failures++, WAITS_MS.length - 1)], signal);
      }
    }
  }

  /** From where the server stands to the end; throws at the first trouble. */
  async on(signal) {
    let offset = this.url ? await reached(this.url, signal) : -1;
    if (offset < 0) offset = await this.create(signal);
    this.at(offset);
    while (offset < this.file.size) {
      const piece = this.file.slice(offset, offset + PIECE);
      const answer = await ask("PATCH", this.url, {
        headers: {
          "X-CSRFToken": this.token,
          "Upload-Offset": offset,
          "Content-Type": "application/offset+octet-stream",
        },
        body: piece,
        signal,
        sent: (bytes) => this.told("sent", offset + bytes),
      });
      if (GONE.has(answer.status)) {
        this.lost();
        throw new Broken("The upload is begun anew.");
      }
      judge(answer);
      offset = Number(answer.getResponseHeader("Upload-Offset"));
      this.at(offset);
    }
  }

  at(offset) {
    this.offset = offset;
    this.told("sent", offset);
  }

  lost() {
    forget(this.key);
    this.url = null;
  }

  async create(signal) {
    this.lost();
    const said = { filename: this.file.name, filetype: this.file.type, sha256: this.sha256, ...this.facts };
    const answer = await ask("POST", this.endpoint, {
      headers: { "X-CSRFToken": this.token, "Upload-Length": this.file.size, "Upload-Metadata": metadata(said) },
      signal,
    });
    judge(answer);
    this.url = new URL(answer.getResponseHeader("Location"), location.href).pathname;
    localStorage.setItem(this.key, JSON.stringify({ url: this.url, name: this.file.name, size: this.file.size }));
    return Number(answer.getResponseHeader("Upload-Offset")) || 0;
  }
}

/** One request; rejects with Broken when no answer comes. Not fetch: that does not tell how much is sent. */
function ask(method, url, { headers = {}, body = null, signal, sent = () => {} } = {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    let silence;
    const alive = () => {
      clearTimeout(silence);
      silence = setTimeout(() => request.abort(), SILENCE_MS);
    };
    const stop = () => request.abort();
    request.upload.addEventListener("progress", ({ loaded }) => (alive(), sent(loaded)));
    request.addEventListener("load", () => resolve(request));
    for (const end of ["error", "abort", "timeout"]) request.addEventListener(end, () => reject(new Broken()));
    request.addEventListener("loadend", () => (clearTimeout(silence), signal?.removeEventListener("abort", stop)));
    request.open(method, url);
    for (const [name, value] of Object.entries({ "Tus-Resumable": "1.0.0", ...headers })) {
      request.setRequestHeader(name, value);
    }
    signal?.addEventListener("abort", stop);
    alive();
    if (signal?.aborted) reject(new Broken());
    else request.send(body);
  });
}

/** Nothing for a success; Broken for what another try may mend, Stopped for what it will not. */
function judge(answer) {
  if (answer.status < 300) return;
  const { code = "", detail = "" } = parsed(answer.responseText);
  const rated = answer.status === 429 && code !== "TOO_MANY_UPLOADS";
  if (answer.status < 500 && !rated && !AGAIN.has(answer.status)) {
    throw new Stopped(code || words(answer.status), detail || "The upload was refused.");
  }
  if (code === "DISK_FULL") throw new Stopped(code, detail);
  const after = Number(answer.getResponseHeader("Retry-After")) * 1000 || undefined;
  throw Object.assign(new Broken(detail), { status: answer.status, code: code || "STORAGE_FAILED", after });
}

/** HEAD answers without a body. */
const words = (status) => ({ 401: "SIGN_IN_REQUIRED", 403: "FORBIDDEN" })[status] ?? "";

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {}; // a proxy's page instead of the API's words, or no body
  }
}

/** So long, or until the browser is back in its network. */
function rest(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done() {
      clearTimeout(timer);
      removeEventListener("online", done);
      signal.removeEventListener("abort", done);
      resolve();
    }
    addEventListener("online", done);
    signal.addEventListener("abort", done);
  });
}

function metadata(said) {
  const coded = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));
  const named = Object.entries(said).filter(([, value]) => value !== "" && value !== undefined);
  return named.map(([key, value]) => `${key} ${coded(String(value))}`).join(",");
}

/** SHA-256 in hex; "" where the browser does not let us, which is outside of https. */
async function digest(file) {
  if (!crypto.subtle) return "";
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

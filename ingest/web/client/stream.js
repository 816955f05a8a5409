// Where frames go: to a server over a WebSocket, or to the classifier on this
// phone. Both take the same frames and answer with the same messages.

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
const LIVE_MS = 10_000; // a connection that held so long was a good one
const KEPT_FRAMES = 30; // older ones do not help any more

const IDLE = 4408;

// How a stream ends that must not be opened again (docs/protocol.md).
const FINAL = new Map([
  [1000, "done"],
  [4400, "malformed"],
  [4403, "consent"],
  [4413, "malformed"],
]);

/**
 * Events of both kinds of stream:
 *   "estimate"  detail: the message
 *   "refused"   detail: the message
 *   "state"     detail: {state, code, reason, retryInMS}
 *   "sent"      detail: {bytes}
 */
class Stream extends EventTarget {
  state = "closed";

  setState(state, more = {}) {
    this.state = state;
    this.emit("state", { state, code: "", reason: "", retryInMS: 0, ...more });
  }

  emit(type, detail) { this.dispatchEvent(new CustomEvent(type, { detail })); }
}

/** A session at a server. It connects again by itself when it is cut off. */
export class ServerStream extends Stream {
  #gate;
  #socket = null;
  #queue = [];
  #failures = 0;
  #timer = null;
  #pause = 0; // that the server asked for
  #ending = false;
  #idle = false; // the server ended the stream for want of frames
  #wake = () => this.#hurry();

  /** @param {import("./consent.js").Tempogate} gate */
  constructor(gate) {
    super();
    this.#gate = gate;
  }

  open() {
    if (this.state !== "closed" && this.state !== "ended") return;
    this.#ending = false;
    this.#failures = 0;
    globalThis.addEventListener?.("online", this.#wake);
    this.#connect();
  }

  /** Sends a frame, or keeps it for half a minute while there is no connection. */
  send(frame) {
    if (this.state === "ended" || this.state === "closed") return;
    this.#queue.push(frame);
    if (this.#queue.length > KEPT_FRAMES) this.#queue.shift();
    if (this.#idle) this.#connect();
    else this.#flush();
  }

  /** Takes all consent back, on the stream itself. False when not connected. */
  withdraw() {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send('{"type":"withdraw"}');
    return true;
  }

  /** Says goodbye and closes. */
  close() {
    if (this.state === "closed" || this.state === "ended") return;
    this.#ending = true;
    this.#queue = [];
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send('{"type":"end"}');
    else this.#end("done", "");
  }

  #connect() {
    this.#idle = false;
    this.setState("connecting");
    const address = this.#gate.url.replace(/^http/, "ws") + "/v1/stream";
    const socket = new WebSocket(address, ["tempogate.v1", `bearer.${this.#gate.token}`]);
    this.#socket = socket;
    this.#pause = 0;
    let opened = 0;
    socket.addEventListener("open", () => {
      if (this.#ending) return void socket.send('{"type":"end"}');
      opened = performance.now();
      this.setState("live");
      this.#flush();
    });
    socket.addEventListener("message", ({ data }) => this.#take(data));
    socket.addEventListener("close", ({ code, reason }) => {
      if (socket !== this.#socket) return;
      this.#socket = null;
      if (opened && performance.now() - opened > LIVE_MS) this.#failures = 0;
      this.#closed(code, reason, opened > 0);
    });
  }

  #take(data) {
    let message;
    try {
      message = JSON.parse(data);
    } catch {
      return; // no message of this version
    }
    if (message.type === "estimate" || message.type === "refused") this.emit(message.type, message);
    if (message.type === "draining") this.#pause = 1000 * message.reconnect_after_s;
  }

  async #closed(code, reason, opened) {
    if (this.#ending) return this.#end("done", reason);
    if (FINAL.has(code)) return this.#end(FINAL.get(code), reason);
    if (code === IDLE) { // there is nothing to connect for before the next frame
      this.#idle = true;
      return this.setState("waiting", { reason });
    }
    // A browser does not say why an upgrade was refused: ask.
    const why = opened ? null : await this.#refusal();
    if (why) return this.#end(why.code, why.reason);
    if (this.#ending) return this.#end("done", "");
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#failures++);
    const wait = Math.max(this.#pause, pause * (0.5 + Math.random() / 2));
    this.setState("waiting", { reason, retryInMS: wait });
    this.#timer = setTimeout(() => this.#connect(), wait);
  }

  async #refusal() {
    try {
      const grant = await this.#gate.consent();
      if (grant?.state === "given" && grant.categories.includes("acceleration")) return null;
      return { code: "consent", reason: grant?.state ?? "never_asked" };
    } catch (error) {
      return error.status === 401 ? { code: "identity", reason: error.message } : null;
    }
  }

  // The network is back: no need to wait out the pause.
  #hurry() {
    if (this.state !== "waiting" || this.#pause > 0 || this.#idle) return;
    clearTimeout(this.#timer);
    this.#connect();
  }

  #flush() {
    while (this.#queue.length > 0 && this.#socket?.readyState === WebSocket.OPEN) {
      const frame = this.#queue.shift();
      this.#socket.send(frame);
      this.emit("sent", { bytes: frame.length });
    }
  }

  #end(code, reason) {
    clearTimeout(this.#timer);
    globalThis.removeEventListener?.("online", this.#wake);
    this.#queue = [];
    this.#socket = null;
    this.setState("ended", { code, reason });
  }
}

/** The classifier of the server, on this phone. Nothing leaves it. */
export class PhoneStream extends Stream {
  #worker = null;
  #source;

  /** @param {{worker?: string | URL}} [options] where worker.js is */
  constructor({ worker = new URL("./worker.js", import.meta.url) } = {}) {
    super();
    this.#source = worker;
  }

  open() {
    if (this.#worker) return;
    this.setState("connecting");
    this.#worker = new Worker(this.#source, { type: "module" });
    this.#worker.addEventListener("message", ({ data }) => this.#take(data));
    this.#worker.addEventListener("error", (event) => this.#end("failed", event.message ?? ""));
  }

  send(frame) {
    this.#worker?.postMessage({ frame });
  }

  /** Ends the worker, and with it all that it has in memory. */
  close() { if (this.#worker) this.#end("done", ""); }

  #take(data) {
    switch (data.type) {
      case "ready":
        return this.setState("live");
      case "failed":
        return this.#end("failed", data.reason);
      case "answers":
        this.lastFrameMS = data.ms;
        for (const message of data.messages) this.emit(message.type, message);
    }
  }

  #end(code, reason) {
    this.#worker.terminate();
    this.#worker = null;
    this.setState("ended", { code, reason });
  }
}

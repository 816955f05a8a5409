// Running mode: sensors into frames, frames into a stream, once a second.

import { Capture } from "./capture.js";
import { PackedEncoder } from "./packed.js";

const FRAME_MS = 1000;

/**
 * Ties a Capture to a stream.
 *
 * Events: those of the stream ("estimate", "refused", "state", "sent"), and
 * "capture" (detail: CaptureError) when readings stop coming.
 */
export class RunningMode extends EventTarget {
  /** What has gone into the stream since start. */
  totals = { readings: 0, fixes: 0, frames: 0, bytes: 0, since: 0 };
  running = false;
  #capture;
  #stream = null;
  #encoder = null;
  #timer = null;
  #forward = (event) => {
    if (event.type === "sent") this.totals.bytes += event.detail.bytes;
    this.dispatchEvent(new CustomEvent(event.type, { detail: event.detail }));
    if (event.type === "state" && event.detail.state === "ended") this.stop();
  };

  constructor({ capture = new Capture() } = {}) {
    super();
    this.#capture = capture;
    capture.addEventListener("lost", ({ detail }) => {
      this.stop();
      this.dispatchEvent(new CustomEvent("capture", { detail }));
    });
    capture.addEventListener("location", ({ detail }) => {
      this.dispatchEvent(new CustomEvent("capture", { detail }));
    });
  }

  /**
   * Starts. Call Capture.ask() before, in the handler of a tap. Rejects with a
   * CaptureError when there is no motion.
   */
  async start(stream, { location = false } = {}) {
    this.stop();
    this.totals = { readings: 0, fixes: 0, frames: 0, bytes: 0, since: Date.now() };
    this.#encoder = new PackedEncoder();
    this.#stream = stream;
    for (const type of ["estimate", "refused", "state", "sent"]) stream.addEventListener(type, this.#forward);
    this.running = true;
    try {
      await this.#capture.start({ location });
    } catch (error) {
      this.stop();
      throw error;
    }
    if (this.#stream !== stream) return; // stopped meanwhile
    stream.open();
    this.#timer = setInterval(() => this.#frame(), FRAME_MS);
  }

  /** Stops sensors and stream. */
  stop() {
    if (!this.#stream) return;
    this.running = false;
    clearInterval(this.#timer);
    this.#capture.stop();
    const stream = this.#stream;
    this.#stream = null;
    stream.close();
    if (stream.state === "ended" || stream.state === "closed") this.#leave(stream);
    else stream.addEventListener("state", ({ detail }) => { if (detail.state === "ended") this.#leave(stream); });
  }

  #leave(stream) {
    for (const type of ["estimate", "refused", "state", "sent"]) stream.removeEventListener(type, this.#forward);
  }

  /** Stops location alone. */
  stopLocation() { this.#capture.stopLocation(); }

  #frame() {
    const { samples, fixes } = this.#capture.take();
    if (samples.length + fixes.length === 0) return;
    const frame = this.#encoder.encode(samples, fixes);
    this.totals.readings += samples.length;
    this.totals.fixes += fixes.length;
    this.totals.frames++;
    this.#stream.send(frame);
  }
}

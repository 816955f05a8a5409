// A metronome on the audio clock: clicks are laid down a moment ahead, so that
// a busy page does not make them late.

const AHEAD_S = 0.3;
const TICK_MS = 100;

export class Metronome {
  #audio = null;
  #timer = null;
  #next = 0;
  /** Beats a minute; 0 is silence. */
  bpm = 0;

  get running() { return this.#timer !== null; }

  /** Call it in the handler of a tap: browsers let sound begin only there. */
  start() {
    this.#audio ??= new AudioContext();
    this.#audio.resume();
    this.#next = this.#audio.currentTime + 0.1;
    this.#timer = setInterval(() => this.#lay(), TICK_MS);
  }

  stop() {
    clearInterval(this.#timer);
    this.#timer = null;
    this.#audio?.suspend();
  }

  #lay() {
    const now = this.#audio.currentTime;
    if (this.bpm <= 0 || this.#next < now) this.#next = now + 0.05;
    if (this.bpm <= 0) return;
    while (this.#next < now + AHEAD_S) {
      this.#click(this.#next);
      this.#next += 60 / this.bpm;
    }
  }

  #click(at) {
    const tone = this.#audio.createOscillator();
    const volume = this.#audio.createGain();
    tone.frequency.value = 1100;
    volume.gain.setValueAtTime(0.0001, at);
    volume.gain.exponentialRampToValueAtTime(0.5, at + 0.002);
    volume.gain.exponentialRampToValueAtTime(0.0001, at + 0.06);
    tone.connect(volume).connect(this.#audio.destination);
    tone.start(at);
    tone.stop(at + 0.07);
  }
}

// The packed form of docs/protocol.md: readings in, one binary frame out.
//
// It chooses as the encoder in Go does (ingest/wire), so that both give the
// same bytes for the same readings; the browser tests compare them.

const GRAVITY = 9.80665;
const DEFAULT_STEP = GRAVITY / 4096; // the step of most phones
const FINEST_STEP = GRAVITY / 16384 * 0.95; // what is finer was computed
const MAX_ACCELERATION = 1000;
const STEP_SAMPLES = 8; // readings needed to find a step in
const STEP_TRIES = 8; // frames without a step before the search ends
const MAX_RICE = 25;
const ALL_ZERO = 31;
const ESCAPE_ZEROS = 20;
const ESCAPE_BITS = 32;
const TICK = 100_000n;

/** The most that one frame holds. */
export const MAX_SAMPLES = 4096;
export const MAX_FIXES = 64;

/** Makes the frames of one stream. It keeps the sensor's step between them. */
export class PackedEncoder {
  #step = 0;
  #tries = 0;
  #resolution;

  /** @param {{resolution?: number}} [options] */
  constructor({ resolution = 0 } = {}) {
    this.#resolution = resolution;
  }

  /**
   * Returns one frame. Times are nanoseconds as bigint, in order; what is
   * unknown of a fix is NaN.
   */
  encode(samples, fixes = []) {
    if (samples.length > MAX_SAMPLES || fixes.length > MAX_FIXES) {
      throw new RangeError(`a frame holds ${MAX_SAMPLES} samples and ${MAX_FIXES} fixes at most`);
    }
    const out = new ByteWriter();
    const base = samples.length > 0 ? samples[0].t : fixes.length > 0 ? fixes[0].t : 0n;
    out.byte(1);
    out.uvarint(samples.length);
    out.uvarint(fixes.length);
    out.int64(base);
    if (fixes.length > 0) {
      const inner = new ByteWriter();
      writeFixes(inner, fixes, ticks(base));
      out.uvarint(inner.length);
      out.append(inner);
    }
    if (samples.length > 0) this.#samples(out, samples);
    return out.bytes();
  }

  #samples(out, samples) {
    for (const { x, y, z } of samples) {
      // A NaN fails every comparison.
      if (!(Math.abs(x) <= MAX_ACCELERATION && Math.abs(y) <= MAX_ACCELERATION && Math.abs(z) <= MAX_ACCELERATION)) {
        throw new RangeError("acceleration must be a number of at most 1000 m/s²");
      }
    }
    let step = this.#stepOf(samples);
    const scale = scaleOf(step);
    out.byte(scale);
    if (scale === 0) {
      step = Math.fround(step);
      out.float32(step);
    } else {
      step = GRAVITY / 2 ** scale;
    }
    const n = samples.length;
    const most = Math.floor(MAX_ACCELERATION / step);
    const counted = (v) => Math.min(Math.max(roundAway(v / step), -most), most);
    const base = samples[0].t;
    const period = regularPeriod(samples);
    const channels = [
      samples.map(({ t }, i) => Number(ticks(t) - ticks(base + BigInt(i) * period))),
      samples.map(({ x }) => counted(x)),
      samples.map(({ y }) => counted(y)),
      samples.map(({ z }) => counted(z)),
    ];
    out.uvarint(Number(period));
    for (const axis of channels.slice(1)) out.uvarint(zigzag(axis[0]));
    if (n === 1) return;
    const bits = new BitWriter(out);
    for (const channel of channels) writeChannel(bits, channel);
    bits.close();
  }

  // The caller's step; or the one found in this frame or an earlier one, as
  // long as the readings lie on it; or the default.
  #stepOf(samples) {
    if (this.#resolution) return this.#resolution;
    if (this.#step && onSteps(samples, this.#step)) return this.#step;
    if (this.#tries < STEP_TRIES && samples.length >= STEP_SAMPLES) {
      const step = findStep(samples);
      if (step) {
        this.#step = step;
        this.#tries = 0;
        return step;
      }
      this.#tries++;
    }
    return DEFAULT_STEP;
  }
}

function writeFixes(out, fixes, previous) {
  for (const fix of fixes) {
    const moved = !Number.isNaN(fix.east) && !Number.isNaN(fix.north);
    out.byte((Number.isNaN(fix.speed) ? 0 : 1) | (moved ? 2 : 0) | (Number.isNaN(fix.accuracy) ? 0 : 4));
    const at = ticks(fix.t);
    out.uvarint(zigzag(Number(at - previous)));
    previous = at;
    if (!Number.isNaN(fix.speed)) out.uvarint(Math.round(fix.speed * 100));
    if (moved) {
      out.uvarint(zigzag(roundAway(fix.east * 10)));
      out.uvarint(zigzag(roundAway(fix.north * 10)));
    }
    if (!Number.isNaN(fix.accuracy)) out.uvarint(Math.ceil(fix.accuracy));
  }
}

// One channel: order, Rice parameter, residuals.
function writeChannel(bits, values) {
  const sums = [0, 0, 0, 0];
  const largest = [0, 0, 0, 0];
  let before = [values[0], 0, 0, 0];
  const residuals = [[], [], [], []];
  for (let i = 1; i < values.length; i++) {
    let d = values[i];
    for (let order = 0; order < 4; order++) {
      const u = zigzag(d);
      sums[order] += u;
      largest[order] = Math.max(largest[order], u);
      residuals[order].push(u);
      const last = before[order];
      before[order] = d;
      d -= last;
    }
  }
  let order = 0;
  for (let o = 1; o < 4; o++) {
    if (sums[o] < sums[order] && largest[o] < 2 ** ESCAPE_BITS) order = o;
  }
  if (largest[order] === 0) {
    bits.write(order | ALL_ZERO << 2, 7);
    return;
  }
  const chosen = residuals[order];
  // The parameter: near the logarithm of the mean, then by trying.
  let guess = 0;
  for (let mean = sums[order] / chosen.length; mean >= 1; mean /= 2) guess++;
  let rice = MAX_RICE;
  let best = Infinity;
  for (let k = Math.max(0, guess - 2); k <= Math.min(guess + 1, MAX_RICE); k++) {
    const total = chosen.reduce((sum, u) => sum + riceBits(u, k), 0);
    if (total < best) [best, rice] = [total, k];
  }
  bits.write(order | rice << 2, 7);
  for (const u of chosen) writeRice(bits, u, rice);
}

function riceBits(u, k) {
  const q = Math.floor(u / 2 ** k);
  return q >= ESCAPE_ZEROS ? ESCAPE_ZEROS + ESCAPE_BITS : q + 1 + k;
}

function writeRice(bits, u, k) {
  const q = Math.floor(u / 2 ** k);
  if (q >= ESCAPE_ZEROS) {
    bits.write(0, ESCAPE_ZEROS);
    bits.write(u, ESCAPE_BITS);
    return;
  }
  bits.write(2 ** q, q + 1);
  bits.write(u % 2 ** k, k);
}

function zigzag(v) { return v < 0 ? -2 * v - 1 : 2 * v; }

function ticks(ns) {
  const shifted = ns + TICK / 2n;
  const quotient = shifted / TICK; // towards zero
  return shifted < 0n && quotient * TICK !== shifted ? quotient - 1n : quotient;
}

// Halves go away from zero, as in Go; Math.round takes them upwards.
function roundAway(v) { return v < 0 ? -Math.round(-v) : Math.round(v); }

function regularPeriod(samples) {
  const gaps = BigInt(samples.length - 1);
  if (gaps === 0n) return 0n;
  const period = (samples.at(-1).t - samples[0].t + gaps / 2n) / gaps;
  const most = 1n << 40n;
  return period < 0n ? 0n : period > most ? most : period;
}

// The byte for a step that is standard gravity over a power of two, else 0.
function scaleOf(step) {
  const k = Math.round(Math.log2(GRAVITY / step));
  return k >= 4 && k <= 19 && Math.fround(GRAVITY / 2 ** k) === Math.fround(step) ? k : 0;
}

function axes(samples) { return samples.flatMap(({ x, y, z }) => [x, y, z]); }

// The step of which every axis of every reading is a multiple, or 0. The
// smallest difference between neighbours is the step or a few of it.
function findStep(samples) {
  let smallest = Infinity;
  for (let i = 1; i < samples.length; i++) {
    const a = samples[i - 1], b = samples[i];
    for (const d of [a.x - b.x, a.y - b.y, a.z - b.z]) {
      // A difference below 1e-6 is the rounding of a float.
      if (Math.abs(d) > 1e-6) smallest = Math.min(smallest, Math.abs(d));
    }
  }
  for (let part = 1; part <= 8; part++) {
    let step = smallest / part;
    if (!(step >= FINEST_STEP && step <= 1)) return 0;
    // Sharpened on ever larger values.
    for (let most = 8; most < MAX_ACCELERATION / FINEST_STEP; most *= 8) step = fitStep(samples, step, most);
    if (!onSteps(samples, step)) continue;
    const exact = GRAVITY / 2 ** Math.round(Math.log2(GRAVITY / step));
    return Math.abs(exact / step - 1) < 1e-5 && onSteps(samples, exact) ? exact : step;
  }
  return 0;
}

// The least-squares step of the values of at most so many steps.
function fitStep(samples, step, most) {
  let products = 0, squares = 0;
  for (const v of axes(samples)) {
    const n = roundAway(v / step);
    if (Math.abs(n) > most) continue;
    products += n * v;
    squares += n * n;
  }
  return squares === 0 ? step : products / squares;
}

// Whether all values are multiples of the step, give or take what printing
// with five decimals or a float of 32 bits does to them.
function onSteps(samples, step) {
  return axes(samples).every((v) => {
    const n = v / step;
    return Math.abs(n - roundAway(n)) <= 0.03 + 1e-6 * Math.abs(n);
  });
}

class ByteWriter {
  #bytes = new Uint8Array(256);
  length = 0;

  byte(b) {
    if (this.length === this.#bytes.length) {
      const larger = new Uint8Array(2 * this.length);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#bytes[this.length++] = b;
  }

  uvarint(v) {
    for (; v >= 128; v = Math.floor(v / 128)) this.byte(v % 128 + 128);
    this.byte(v);
  }

  int64(v) {
    const u = BigInt.asUintN(64, v);
    for (let i = 0n; i < 64n; i += 8n) this.byte(Number(u >> i & 255n));
  }

  float32(v) {
    const view = new DataView(new ArrayBuffer(4));
    view.setFloat32(0, v, true);
    for (let i = 0; i < 4; i++) this.byte(view.getUint8(i));
  }

  append(other) { for (const b of other.bytes()) this.byte(b); }

  bytes() { return this.#bytes.slice(0, this.length); }
}

// Writes fields lowest bit first. Numbers up to 2^52: no bit operators, which
// end at 32.
class BitWriter {
  #out;
  #pending = 0;
  #count = 0;

  constructor(out) { this.#out = out; }

  write(value, bits) {
    while (bits > 0) {
      const part = Math.min(bits, 8 - this.#count);
      this.#pending += value % 2 ** part * 2 ** this.#count;
      value = Math.floor(value / 2 ** part);
      bits -= part;
      if ((this.#count += part) === 8) {
        this.#out.byte(this.#pending);
        this.#pending = this.#count = 0;
      }
    }
  }

  close() { if (this.#count > 0) this.#out.byte(this.#pending); }
}

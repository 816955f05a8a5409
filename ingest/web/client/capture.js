// Motion and location from the browser: Generic Sensor where there is one,
// DeviceMotion elsewhere (all of iOS), Geolocation.

const EARTH_RADIUS = 6_371_008.8; // metres, mean
const SILENCE_MS = 4000; // without a first reading for so long, there is no sensor
const HELD_MS = 40; // between repetitions of a reading that holds
const LATE_MS = 250; // that a reading may come late: before, it is not known whether one holds
const MAX_PENDING = 60 * 200; // readings kept for a caller that does not fetch

/** Why readings cannot be had. code: see tempogate.d.ts. */
export class CaptureError extends Error {
  constructor(code, message) {
    super(message);
    this.name = "CaptureError";
    this.code = code;
  }
}

/**
 * Reads the sensors. Events: "lost" (detail: CaptureError) when the sensor of
 * motion goes away, "location" (detail: CaptureError) when only location cannot
 * be had.
 */
export class Capture extends EventTarget {
  #frequency;
  #samples = [];
  #fixes = [];
  #last = null; // position of the fix before, for the next displacement
  #stopMotion = null;
  #watch = null;
  #silence = null;
  #heard = false;
  #newest = null; // reading, of a sensor that reports changes only

  constructor({ frequency = 100 } = {}) {
    super();
    this.#frequency = frequency;
  }

  /**
   * Asks for permission where the browser wants to be asked from a tap (iOS).
   * Call it first thing in the handler of one, before anything is awaited.
   */
  static async ask() {
    const motion = globalThis.DeviceMotionEvent;
    if (typeof motion?.requestPermission !== "function") return;
    let answer;
    try {
      answer = await motion.requestPermission();
    } catch {
      throw new CaptureError("permission_needed", "The browser wants a tap before it asks for the motion sensor.");
    }
    if (answer !== "granted") throw denied();
  }

  /** Starts reading. Resolves with the first reading of motion. */
  async start({ location = false } = {}) {
    if (!globalThis.isSecureContext) {
      throw new CaptureError("insecure", "Browsers give motion to pages over https only.");
    }
    this.stop();
    await this.#startMotion();
    if (location) this.#startLocation();
  }

  /** Stops reading and forgets what was not fetched. */
  stop() {
    this.#stopMotion?.();
    this.#stopMotion = null;
    clearTimeout(this.#silence);
    this.stopLocation();
    this.#samples = [];
    this.#fixes = [];
    this.#heard = false;
    this.#newest = null;
  }

  /** Stops location alone. */
  stopLocation() {
    if (this.#watch !== null) navigator.geolocation.clearWatch(this.#watch);
    this.#watch = null;
    this.#last = null;
  }

  /** Returns the readings since the last call, in the order of time. */
  take() {
    this.#hold();
    const taken = { samples: this.#samples, fixes: this.#fixes };
    this.#samples = [];
    this.#fixes = [];
    return taken;
  }

  #startMotion() {
    const { promise, resolve, reject } = withResolvers();
    const heard = (ms, x, y, z) => {
      this.#add(ms, x, y, z);
      clearTimeout(this.#silence);
      this.#heard = true;
      resolve();
    };
    const fail = (error) => {
      const began = this.#heard;
      this.stop();
      if (began) this.dispatchEvent(new CustomEvent("lost", { detail: error }));
      else reject(error);
    };
    this.#silence = setTimeout(() => fail(silent()), SILENCE_MS);
    this.#stopMotion = this.#generic(heard, fail) ?? this.#deviceMotion(heard);
    return promise;
  }

  // The Generic Sensor API, or null where there is none.
  #generic(heard, fail) {
    if (!("Accelerometer" in globalThis)) return null;
    let sensor;
    let older = null; // the way to stop DeviceMotion, once it took over
    try {
      sensor = new Accelerometer({ frequency: this.#frequency, referenceFrame: "device" });
    } catch { // a policy of the page
      return null;
    }
    sensor.addEventListener("reading", () => {
      heard(sensor.timestamp, sensor.x, sensor.y, sensor.z);
      this.#newest = this.#samples.at(-1) ?? null;
    });
    sensor.addEventListener("error", ({ error }) => {
      if (error.name === "NotAllowedError") fail(denied());
      else older ??= this.#deviceMotion(heard); // no such sensor: perhaps the older way knows one
    });
    sensor.start();
    return () => {
      sensor.stop();
      older?.();
    };
  }

  #deviceMotion(heard) {
    const listen = (event) => {
      const a = event.accelerationIncludingGravity;
      if (a && a.x !== null && a.y !== null && a.z !== null) heard(event.timeStamp, a.x, a.y, a.z);
    };
    addEventListener("devicemotion", listen);
    return () => removeEventListener("devicemotion", listen);
  }

  #add(ms, x, y, z) {
    const t = nanoseconds(performance.timeOrigin + ms);
    const last = this.#samples.at(-1);
    if (last && t <= last.t || !Number.isFinite(x + y + z)) return; // a repeated or broken reading
    if (this.#samples.length === MAX_PENDING) this.#samples = [];
    this.#samples.push({ t, x, y, z });
  }

  // Chromium reports a reading only when it differs from the one before by a
  // tenth of a m/s²: of a phone at rest there is none. What was read last holds
  // until then, so it is repeated, as long as the page is seen at all.
  #hold() {
    if (!this.#newest || document.hidden) return;
    const until = nanoseconds(performance.timeOrigin + performance.now() - LATE_MS);
    const step = BigInt(HELD_MS) * 1_000_000n;
    const { x, y, z } = this.#newest;
    let t = this.#newest.t;
    if (until - t > 2_000_000_000n) t = until - 2_000_000_000n; // after a pause, from here on
    for (t += step; t < until && this.#samples.length < MAX_PENDING; t += step) {
      this.#newest = { t, x, y, z };
      this.#samples.push(this.#newest);
    }
  }

  #startLocation() {
    if (!navigator.geolocation) {
      this.#noLocation("no_sensor", "This browser has no location.");
      return;
    }
    this.#watch = navigator.geolocation.watchPosition(
      ({ coords, timestamp }) => this.#addFix(coords, timestamp),
      ({ code }) => {
        if (code === 1) this.#noLocation("permission_denied", "Location is not allowed for this page.");
      },
      { enableHighAccuracy: true, maximumAge: 0 },
    );
  }

  #noLocation(code, message) {
    this.stopLocation();
    this.dispatchEvent(new CustomEvent("location", { detail: new CaptureError(code, message) }));
  }

  // A place becomes metres moved at once; only the last one is kept.
  #addFix(coords, timestamp) {
    const now = performance.timeOrigin + performance.now();
    const ms = Math.abs(now - timestamp) < 10_000 ? timestamp : now; // both sensors share one clock
    const fix = { t: nanoseconds(ms), speed: known(coords.speed), east: NaN, north: NaN, accuracy: known(coords.accuracy) };
    const last = this.#last;
    if (last && fix.t <= last.t) return;
    if (last) {
      const radians = Math.PI / 180;
      fix.north = EARTH_RADIUS * radians * (coords.latitude - last.latitude);
      fix.east = EARTH_RADIUS * radians * (coords.longitude - last.longitude) *
        Math.cos((coords.latitude + last.latitude) / 2 * radians);
    }
    this.#last = { t: fix.t, latitude: coords.latitude, longitude: coords.longitude };
    if (this.#fixes.length < 60) this.#fixes.push(fix);
  }
}

function known(v) { return Number.isFinite(v) && v >= 0 ? v : NaN; }

function nanoseconds(ms) { return BigInt(Math.round(ms * 1000)) * 1000n; }

function denied() {
  return new CaptureError("permission_denied", "The motion sensor is not allowed for this page.");
}

function silent() {
  return new CaptureError("no_sensor", "No motion sensor answers. Phones have one; most computers have none.");
}

// Promise.withResolvers is younger than the browsers that this serves.
function withResolvers() {
  let resolve, reject;
  const promise = new Promise((yes, no) => [resolve, reject] = [yes, no]);
  return { promise, resolve, reject };
}

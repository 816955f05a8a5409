// Types of the tempogate client for browsers. docs/clients.md shows it in use.

/** One reading of the accelerometer. */
export interface Sample {
  /** Nanoseconds since the epoch, on the clock of this device. */
  t: bigint;
  /** m/s², gravity included, along the axes of the device; signs do not matter. */
  x: number;
  y: number;
  z: number;
}

/** One reading of the location, without a place. What is unknown is NaN. */
export interface Fix {
  /** Nanoseconds since the epoch, on the same clock as the samples. */
  t: bigint;
  /** m/s, as the device states it. */
  speed: number;
  /** Metres moved since the fix before. */
  east: number;
  north: number;
  /** Metres, 68 %. */
  accuracy: number;
}

export type Activity = "still" | "walk" | "run" | "cycle" | "transit" | "unknown";
export type Category = "acceleration" | "location";

/** What is said about one second. */
export interface Estimate {
  type: "estimate";
  /** Seconds since the epoch, of the newest reading used. */
  t: number;
  activity: Activity;
  /** Probabilities; all 0 while nothing is known. */
  p: Record<Exclude<Activity, "unknown">, number>;
  /** Steps a minute, both feet; null when there is no stepping. */
  cadence_spm: number | null;
  /** 0 to 1. */
  cadence_confidence: number;
  /** Tempo for music; follows the cadence, but moves only when the tempo really has. */
  bpm: number | null;
  /** m/s; null without usable fixes. */
  speed_mps: number | null;
}

/** Readings of a category arrive that the grant does not cover; they were dropped unread. */
export interface Refused {
  type: "refused";
  category: Category;
  code: "not_granted";
}

export interface Notice {
  id: string;
  version: string;
  sha256: string;
  language: string;
  purpose: string;
  controller: string;
  categories: { name: Category; required: boolean; why: string }[];
  recipients: { name: string; why: string }[];
  retention: string;
  storage_location: string;
  jurisdiction: string;
  withdrawal: string;
  fresh_consent: boolean;
  /** To be shown as it is. Paragraphs, the first a question, with empty lines between. */
  text: string;
}

export interface Grant {
  state: "given" | "refused" | "withdrawn" | "expired" | "invalidated";
  categories: Category[];
  recipients: string[];
  notice_version: string;
  notice_sha256: string;
  notice_language: string;
  given_at?: string;
  changed_at: string;
  expires_at?: string;
  revision: number;
}

/** The calls of a server, for one person. Each rejects with a TempogateError, or a TypeError without a network. */
export class Tempogate {
  /** @param options.url where the server is; that of the page when left out */
  constructor(options?: { url?: string | URL; token?: string });
  url: string;
  token: string;
  notice(language?: string): Promise<Notice>;
  noticeChanges(from: string): Promise<object>;
  /** An identity for this device, where the operator gives them out; its token is used from then on. */
  newIdentity(): Promise<{ token: string; expires_at: string }>;
  /** Says yes to a notice that was shown. Resolves with the signed receipt. */
  grant(notice: Notice, categories: Category[], recipients?: string[]): Promise<object>;
  /** Says no, so that nobody has to be asked again. */
  refuse(notice: Notice): Promise<object>;
  /** Where the consent stands; null when nobody has asked. */
  consent(): Promise<Grant | null>;
  /** Takes consent back, all of it when no category is named. On disk when it resolves. */
  withdraw(...categories: Category[]): Promise<void>;
  history(): Promise<object[]>;
  receipt(): Promise<object>;
  export(): Promise<object>;
  /** What the server has in memory of the person right now. */
  held(): Promise<{ sessions: number; readings: number }>;
  /** An address for an app that can only push, with the rows of its QR code. */
  newPushLink(): Promise<{ url: string; expires_at: string; qr: string[] }>;
  pushed(): Promise<{ live: boolean; pushes: number; last_s: number; waiting: number; estimate?: Estimate; refused?: string }>;
}

/** An answer that is not the one hoped for; message says what to mend. */
export class TempogateError extends Error {
  status: number;
  /** Stable, such as "no_grant". */
  code: string;
  /** More about the code, such as "withdrawn"; may be empty. */
  reason: string;
  /** Seconds; 0 when the server does not say. */
  retryAfter: number;
}

/**
 * closed      not opened yet
 * connecting  under way
 * live        frames are taken
 * waiting     cut off; tries again by itself in retryInMS, or with the next frame when that is 0
 * ended       for good: code is "done", "consent" (withdrawn, expired, or never
 *             given), "identity" (the token is not good), "malformed" (a fault
 *             of this client), or "failed" (the phone's classifier)
 */
export interface StreamState {
  state: "closed" | "connecting" | "live" | "waiting" | "ended";
  code: "" | "done" | "consent" | "identity" | "malformed" | "failed";
  reason: string;
  retryInMS: number;
}

export interface StreamEvents {
  estimate: CustomEvent<Estimate>;
  refused: CustomEvent<Refused>;
  state: CustomEvent<StreamState>;
  /** A frame has gone out to the network. */
  sent: CustomEvent<{ bytes: number }>;
}

/** An EventTarget whose events are known. */
declare class Emitter<Events> extends EventTarget {
  addEventListener<T extends keyof Events & string>(
    type: T, listener: (event: Events[T]) => void, options?: boolean | AddEventListenerOptions): void;
  addEventListener(
    type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions): void;
}

/** A session at a server. Connects again by itself, with growing pauses, and keeps half a minute of frames meanwhile. */
export class ServerStream extends Emitter<StreamEvents> {
  constructor(gate: Tempogate);
  readonly state: StreamState["state"];
  open(): void;
  /** Takes a packed frame. */
  send(frame: Uint8Array): void;
  /** Takes all consent back on the stream; false when there is no connection. Prefer Tempogate.withdraw. */
  withdraw(): boolean;
  close(): void;
}

/** The server's classifier on this phone, in a worker. Nothing leaves the phone. */
export class PhoneStream extends Emitter<StreamEvents> {
  constructor(options?: { worker?: string | URL });
  readonly state: StreamState["state"];
  /** What the newest frame cost, in milliseconds. */
  lastFrameMS: number;
  open(): void;
  send(frame: Uint8Array): void;
  close(): void;
}

/**
 * permission_denied  the person or a policy does not allow the sensor
 * permission_needed  the browser wants a tap before it asks
 * no_sensor          there is none, or it fell silent
 * insecure           the page did not come over https
 */
export class CaptureError extends Error {
  code: "permission_denied" | "permission_needed" | "no_sensor" | "insecure";
}

/** Reads motion and location. Events "lost" and "location" carry a CaptureError. */
export class Capture extends EventTarget {
  constructor(options?: { frequency?: number });
  /** Asks for permission where the browser wants a tap for it: call it first thing in a click handler. */
  static ask(): Promise<void>;
  /** Resolves with the first reading. */
  start(options?: { location?: boolean }): Promise<void>;
  stop(): void;
  stopLocation(): void;
  /** The readings since the last call. Of a sensor that reports changes only, what holds is repeated. */
  take(): { samples: Sample[]; fixes: Fix[] };
}

export interface RunningEvents extends StreamEvents {
  /** Readings, or those of location, do not come any more. */
  capture: CustomEvent<CaptureError>;
}

/** Sensors into frames, frames into a stream, once a second. */
export class RunningMode extends Emitter<RunningEvents> {
  constructor(options?: { capture?: Capture });
  readonly running: boolean;
  /** Since start; bytes are those that went out to the network, since is Date.now() then. */
  readonly totals: { readings: number; fixes: number; frames: number; bytes: number; since: number };
  /** Rejects with a CaptureError when there is no motion. */
  start(stream: ServerStream | PhoneStream, options?: { location?: boolean }): Promise<void>;
  stop(): void;
  stopLocation(): void;
}

/** Makes packed frames (docs/protocol.md). Keeps the sensor's step between them. */
export class PackedEncoder {
  /** @param options.resolution the smallest step of the sensor in m/s²; found in the samples when left out */
  constructor(options?: { resolution?: number });
  encode(samples: Sample[], fixes?: Fix[]): Uint8Array;
}

/** The classifier itself, for whoever wants it without a worker. */
export class Classifier {
  static load(url: string | URL): Promise<Classifier>;
  static from(module: WebAssembly.Module): Promise<Classifier>;
  /** Takes a packed frame and returns the lines that a server would answer. Throws for a malformed one. */
  take(frame: Uint8Array): string[];
}

export const MAX_SAMPLES: 4096;
export const MAX_FIXES: 64;

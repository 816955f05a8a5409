// tempogate for browsers: one import, no dependency, no build step.
//
//   import { Tempogate, RunningMode, ServerStream, Capture } from "./tempogate.js";
//
// tempogate.d.ts documents what is here; docs/clients.md shows it in use.

export { Capture, CaptureError } from "./capture.js";
export { Classifier } from "./classifier.js";
export { PackedEncoder, MAX_FIXES, MAX_SAMPLES } from "./packed.js";
export { PhoneStream, ServerStream } from "./stream.js";
export { RunningMode } from "./running.js";
export { Tempogate, TempogateError } from "./consent.js";

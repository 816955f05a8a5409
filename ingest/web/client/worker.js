// A worker that runs the classifier on this phone.
//
// It is the server's own code, decoder and all, compiled to WebAssembly: it
// takes the frames that would be sent, and answers with the same lines.
//
//   in   {frame: Uint8Array}
//   out  {type: "ready"} | {type: "failed", reason} | {type: "answers", messages, ms}

import { Classifier } from "./classifier.js";

const loading = Classifier.load(new URL("./classifier.wasm", import.meta.url));

loading.then(
  () => postMessage({ type: "ready" }),
  (error) => postMessage({ type: "failed", reason: String(error.message ?? error) }),
);

addEventListener("message", async ({ data: { frame } }) => {
  try {
    const classifier = await loading;
    const began = performance.now();
    const lines = classifier.take(frame);
    const ms = performance.now() - began;
    postMessage({ type: "answers", messages: lines.map((line) => JSON.parse(line)), ms });
  } catch (error) {
    postMessage({ type: "failed", reason: String(error.message ?? error) });
  }
});

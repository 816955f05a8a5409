// Loads classifier.wasm (ingest/web/wasm) and calls it. Works wherever there
// is WebAssembly: pages, workers, Node.

/** The classifier for one person's readings. */
export class Classifier {
  #exports;

  /** @param {WebAssembly.Exports} exports of an instance that has been initialised */
  constructor(exports) { this.#exports = exports; }

  /** Loads the classifier from an address. */
  static async load(url) {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`The classifier cannot be loaded: ${response.status}.`);
    return Classifier.from(await WebAssembly.compileStreaming(response));
  }

  /** Makes a classifier from a compiled module. */
  static async from(module) {
    let memory;
    const instance = await WebAssembly.instantiate(module, { wasi_snapshot_preview1: system(() => memory) });
    memory = instance.exports.memory;
    instance.exports._initialize();
    return new Classifier(instance.exports);
  }

  /**
   * Takes one binary frame and returns the lines that the server would answer
   * it with. Throws for a frame that a server would end the stream for.
   */
  take(frame) {
    const { memory, room, take, answer } = this.#exports;
    const at = room(frame.length);
    new Uint8Array(memory.buffer, at, frame.length).set(frame);
    const length = take(frame.length);
    const text = new TextDecoder().decode(new Uint8Array(memory.buffer, answer(), Math.abs(length)));
    if (length < 0) throw new Error(text);
    return text === "" ? [] : text.trimEnd().split("\n");
  }
}

// The few calls that Go's runtime makes of its system (WASI preview 1). There
// are no files, no arguments and no environment; what it prints is a fault.
function system(memory) {
  const GOOD = 0, BAD_FILE = 8;
  const view = () => new DataView(memory().buffer);
  const nothing = (count, size) => {
    view().setUint32(count, 0, true);
    view().setUint32(size, 0, true);
    return GOOD;
  };
  return {
    args_get: () => GOOD,
    args_sizes_get: nothing,
    environ_get: () => GOOD,
    environ_sizes_get: nothing,
    clock_time_get(_clock, _precision, at) {
      view().setBigUint64(at, BigInt(Math.round(performance.now() * 1e6)), true);
      return GOOD;
    },
    random_get(at, length) {
      crypto.getRandomValues(new Uint8Array(memory().buffer, at, length));
      return GOOD;
    },
    fd_write(_file, vectors, count, written) {
      let text = "", bytes = 0;
      for (let i = 0; i < count; i++) {
        const at = view().getUint32(vectors + 8 * i, true), length = view().getUint32(vectors + 8 * i + 4, true);
        text += new TextDecoder().decode(new Uint8Array(memory().buffer, at, length));
        bytes += length;
      }
      console.error(text);
      view().setUint32(written, bytes, true);
      return GOOD;
    },
    fd_close: () => BAD_FILE,
    fd_fdstat_get: () => BAD_FILE,
    fd_fdstat_set_flags: () => BAD_FILE,
    fd_prestat_get: () => BAD_FILE,
    fd_prestat_dir_name: () => BAD_FILE,
    poll_oneoff: () => GOOD,
    sched_yield: () => GOOD,
    proc_exit(code) { throw new Error(`The classifier stopped (${code}).`); },
  };
}

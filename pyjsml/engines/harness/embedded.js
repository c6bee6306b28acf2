// Runs a bundle in an engine inside the Python process. Bytes cross in ArrayBuffers, whose memory
// Python sees for as long as this side keeps them: `buffers` and `result` do. All else is strings,
// which every such engine passes.
globalThis.pyjsmlSession = (() => {
  const { pyjsml: runtime, pyjsmlModel: model, pyjsmlReport: report } = globalThis;
  const { pyjsmlTiming: timing } = globalThis;
  let buffers = {};
  let result;
  let executor;

  function attempt(action) {
    try {
      return action();
    } catch (error) {
      return JSON.stringify(report.failure(error));
    }
  }

  return {
    /** Make a buffer for Python to fill, in place of any earlier one of that name. */
    reserve(name, bytes) {
      return (buffers[name] = new ArrayBuffer(bytes));
    },

    /** Load the model from the buffers filled, named after its files; return what failed, or "". */
    create(isa) {
      return attempt(() => {
        executor = runtime.Executor.createSync(model, { files: buffers, ...(isa && { isa }) });
        buffers = {};
        return "";
      });
    },

    /**
     * Run on the safetensors file in the first `bytes` of the buffer `inputs`, and capture what
     * `names`, a JSON list, calls; return a safetensors file, or what failed.
     */
    run(bytes, names) {
      return attempt(() => {
        const feed = runtime.readSafetensors(new Uint8Array(buffers.inputs, 0, bytes));
        const results = executor.captureSync(feed, JSON.parse(names));
        return (result = report.success(runtime, results).buffer);
      });
    },

    /** Time runs on the same, `rounds` samples; return them as JSON, or what failed. */
    measure(bytes, rounds) {
      return attempt(() => {
        const feed = runtime.readSafetensors(new Uint8Array(buffers.inputs, 0, bytes));
        return JSON.stringify(timing.measure(runtime, executor, feed, rounds));
      });
    },

    /** Let go of all memory. */
    close() {
      executor?.dispose();
      executor = result = undefined;
      buffers = {};
    },
  };
})();

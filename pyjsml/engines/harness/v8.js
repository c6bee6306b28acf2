// Runs a bundle for mini-racer, which hands no bytes to JavaScript but shares an ArrayBuffer's
// memory with Python for as long as this side keeps it: `buffers` and `result` do.
globalThis.pyjsmlSession = (() => {
  const { pyjsml: runtime, pyjsmlModel: model, pyjsmlReport: report } = globalThis;
  let buffers = {};
  let executor;
  let result;

  function attempt(action) {
    try {
      return action();
    } catch (error) {
      return JSON.stringify(report.failure(error));
    }
  }

  return {
    /** Make a buffer for Python to fill. */
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
     * Run on the safetensors file in the first `bytes` of the buffer `inputs`; return such a file,
     * which lasts until the next run, or what failed.
     */
    run(bytes, capture) {
      return attempt(() => {
        const feed = runtime.readSafetensors(new Uint8Array(buffers.inputs, 0, bytes));
        return (result = report.success(runtime, executor.captureSync(feed, capture)).buffer);
      });
    },
  };
})();

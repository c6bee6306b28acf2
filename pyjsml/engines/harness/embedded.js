// Runs a bundle in an engine inside the Python process. Bytes cross in ArrayBuffers, whose memory
// Python sees for as long as this side keeps them: `buffers` and `result` do. All else is strings,
// which every such engine passes.
globalThis.pyjsmlSession = (() => {
  const { pyjsml: runtime, pyjsmlModel: model, pyjsmlReport: report } = globalThis;
  const { pyjsmlTiming: timing, pyjsmlExecutor: customize } = globalThis;
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

  /** Make a policy of Python's `dispatch`, which tells whether it has raised. */
  function calling(dispatch) {
    let binding;
    return {
      onStart(run) {
        binding = JSON.stringify(Object.fromEntries(run.binding));
      },
      dispatchSync(op, next) {
        const run = () =>
          attempt(() => {
            next();
            return "";
          });
        const { name, kind, origins, inputs, outputs } = op;
        const told = JSON.stringify({ name, kind, origins, inputs, outputs });
        if (dispatch(told, binding, run)) throw new Error("Python's dispatch has raised");
      },
    };
  }

  return {
    /** Make a buffer for Python to fill, in place of any earlier one of that name. */
    reserve(name, bytes) {
      return (buffers[name] = new ArrayBuffer(bytes));
    },

    /**
     * Load the model from the buffers filled, named after its files; return what failed, or "".
     * `dispatch`, if any, is a function of Python's that is called around each op.
     */
    create(isa, dispatch) {
      return attempt(() => {
        const policies = dispatch ? [calling(dispatch)] : [];
        const options = { files: buffers, policies, ...(isa && { isa }) };
        executor = customize
          ? runtime.createCustomSync(customize(runtime), model, options)
          : runtime.Executor.createSync(model, options);
        buffers = {};
        return "";
      });
    },

    /** Tell whether runs wait for what hooks do. */
    waits: () => executor.waits,

    /**
     * Run on the safetensors file in the first `bytes` of the buffer `inputs`, and capture what
     * `names`, a JSON list, calls; return a safetensors file, or what failed; where runs wait, a
     * promise of it.
     */
    run(bytes, names) {
      const keep = (results) => (result = report.success(runtime, results).buffer);
      return attempt(() => {
        const feed = runtime.readSafetensors(new Uint8Array(buffers.inputs, 0, bytes));
        const wanted = JSON.parse(names);
        if (!executor.waits) return keep(executor.captureSync(feed, wanted));
        return executor
          .capture(feed, wanted)
          .then(keep)
          .catch((error) => JSON.stringify(report.failure(error)));
      });
    },

    /** Return a tensor of the run under way as a safetensors file, or what failed. */
    read(name) {
      return attempt(() => {
        return (result = runtime.writeSafetensors({ tensor: executor.read(name) }).buffer);
      });
    },

    /** Replace it by that of the safetensors file in the first `bytes` of the buffer `inputs`. */
    write(name, bytes) {
      return attempt(() => {
        const file = new Uint8Array(buffers.inputs, 0, bytes);
        executor.write(name, runtime.readSafetensors(file).tensor);
        return "";
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

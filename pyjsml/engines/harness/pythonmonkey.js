// Runs a bundle for PythonMonkey. Tensors cross as typed arrays that share memory with numpy's and
// with Python's memoryviews; strings of JSON carry the rest, since reading an object's field from
// Python costs more than parsing it.
globalThis.pyjsmlSession = (() => {
  const { pyjsml: runtime, pyjsmlModel: model, pyjsmlReport: report } = globalThis;
  const CONSTRUCTORS = {
    float32: Float32Array,
    float64: Float64Array,
    float16: Uint16Array,
    int8: Int8Array,
    uint8: Uint8Array,
    int16: Int16Array,
    uint16: Uint16Array,
    int32: Int32Array,
    uint32: Uint32Array,
    int64: BigInt64Array,
    uint64: BigUint64Array,
    bool: Uint8Array,
  };
  let executor;
  // The last run's results. Python views their memory, which it can't keep alive by itself.
  let results = [];

  function attempt(action) {
    try {
      return JSON.stringify(action() ?? {});
    } catch (error) {
      return JSON.stringify(report.failure(error));
    }
  }

  return {
    /** Load the model; `names` is a JSON list of file names, and `files` are their bytes. */
    create(isa, names, ...files) {
      return attempt(() => {
        const entries = JSON.parse(names).map((name, index) => [name, files[index]]);
        executor = runtime.Executor.createSync(model, {
          files: Object.fromEntries(entries),
          ...(isa && { isa }),
        });
      });
    },

    /** Run; `request` is JSON: `{tensors: [[name, dtype, shape]], capture: [name]}`. */
    run(request, ...arrays) {
      return attempt(() => {
        const { tensors, capture } = JSON.parse(request);
        const feed = Object.fromEntries(
          tensors.map(([name, dtype, shape], index) => {
            const { buffer, byteOffset, byteLength } = arrays[index];
            const Constructor = CONSTRUCTORS[dtype];
            const length = byteLength / Constructor.BYTES_PER_ELEMENT;
            return [name, { dtype, shape, data: new Constructor(buffer, byteOffset, length) }];
          }),
        );
        const { outputs, captured } = executor.captureSync(feed, capture);
        const entries = [...Object.entries(outputs), ...Object.entries(captured)];
        results = entries.map(([, tensor]) => tensor.data);
        const describe = ([name, { dtype, shape }]) => [name, dtype, shape];
        return {
          outputs: Object.entries(outputs).map(describe),
          captured: Object.entries(captured).map(describe),
        };
      });
    },

    /** The data of the last run's result number `index`. */
    take(index) {
      return results[index];
    },

    /** Let go of the last run's results. */
    release() {
      results = [];
    },

    close() {
      executor?.dispose();
      executor = undefined;
      results = [];
    },
  };
})();

// Calls the kernels of one module on the same operands, to compare and to time them. A classic
// script, which defines globalThis.pyjsmlTune; all that crosses are strings.
globalThis.pyjsmlTune = (() => {
  const ALIGNMENT = 64;
  const TOLERANCE = 1e-4; // of float32: sums in another order
  const VIEWS = { float32: Float32Array, int32: Int32Array, int8: Int8Array, uint8: Uint8Array };
  let exports;
  let plan;
  let expected;

  /** Numbers from a seed, the same in every engine (xorshift32 of Marsaglia, 2003). */
  function* random(seed) {
    let state = seed;
    for (;;) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      yield state;
    }
  }

  function fill({ bytes, dtype, view }, seed) {
    new Uint8Array(view.buffer, view.byteOffset, bytes).fill(0);
    const numbers = random(seed);
    // Other integers may be indices, for which only zero is surely right.
    if (dtype === "float32") {
      for (let i = 0; i < view.length; i++) view[i] = numbers.next().value / 2 ** 31;
    } else if (dtype === "int8" || dtype === "uint8") {
      for (let i = 0; i < view.length; i++) view[i] = numbers.next().value >> 24;
    }
  }

  function results() {
    return plan.buffers.filter((buffer) => buffer.role === "output").map(({ view }) => view);
  }

  function near(found, wanted) {
    return (
      Object.is(found, wanted) ||
      Math.abs(found - wanted) <= TOLERANCE * Math.max(1, Math.abs(wanted))
    );
  }

  function run(name, times) {
    const kernel = exports[name];
    const { places, dims } = plan;
    for (let i = 0; i < times; i++) kernel(...places, ...dims, 0, plan.extents[name]);
  }

  return {
    run,

    /** Take a module, given as a list of bytes, and the plan of `bench.py`; run its reference. */
    load(bytes, given) {
      plan = given;
      const memory = new WebAssembly.Memory({ initial: plan.pages, maximum: 65536 });
      const module = new WebAssembly.Module(new Uint8Array(bytes));
      exports = new WebAssembly.Instance(module, { env: { memory } }).exports;
      let end = exports.__heap_base.value;
      plan.buffers.forEach((buffer, number) => {
        const place = Math.ceil(end / ALIGNMENT) * ALIGNMENT;
        const View = VIEWS[buffer.dtype] ?? Uint8Array;
        buffer.place = place;
        buffer.view = new View(memory.buffer, place, buffer.bytes / View.BYTES_PER_ELEMENT);
        if (buffer.role === "input") fill(buffer, number + 1);
        end = place + buffer.bytes;
      });
      plan.places = plan.buffers.map((buffer) => buffer.place);
      run(plan.reference, 1);
      expected = results().map((view) => view.slice());
      return "";
    },

    /** Say whether a kernel computes what the reference does. */
    check(name) {
      for (const view of results())
        new Uint8Array(view.buffer, view.byteOffset, view.byteLength).fill(0xcd);
      run(name, 1);
      const right = results().every((view, number) => {
        const wanted = expected[number];
        return view.every((value, i) =>
          view instanceof Float32Array ? near(value, wanted[i]) : value === wanted[i],
        );
      });
      return right ? "right" : "wrong";
    },
  };
})();

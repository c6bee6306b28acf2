// Runs a bundle's kernels without the runtime, the way one would by hand, from a listing of calls
// that the Python side makes. A classic script, because embedded engines refuse modules; it defines
// globalThis.pyjsmlLoop.
globalThis.pyjsmlLoop = (() => {
  const PAGE = 65536;
  const MOST_PAGES = 65536;
  /** For what a module keeps below its heap: constants and a stack. */
  const OWN_PAGES = 64;
  const align = (size, to) => Math.ceil(size / to) * to;

  /** Call `f` with these arguments; spelt out, as one does where speed is wanted. */
  function close(f, args) {
    const [a, b, c, d, e, g, h] = args;
    switch (args.length) {
      case 4:
        return () => f(a, b, c, d);
      case 5:
        return () => f(a, b, c, d, e);
      case 6:
        return () => f(a, b, c, d, e, g);
      case 7:
        return () => f(a, b, c, d, e, g, h);
      default:
        return () => f(...args);
    }
  }

  /** Load a model: each op's kernel and arguments, and how to feed it and what it gives. */
  function load(listing, wasm, weights) {
    const initial = OWN_PAGES + Math.ceil(listing.bytes / PAGE);
    const memory = new WebAssembly.Memory({ initial, maximum: MOST_PAGES });
    const module = new WebAssembly.Module(wasm);
    const { exports } = new WebAssembly.Instance(module, { env: { memory } });
    const base = align(exports.__heap_base.value, 64);
    if (base > OWN_PAGES * PAGE) throw new RangeError(`the heap begins at ${base}`);
    const bytes = new Uint8Array(memory.buffer);
    const write = (offset, { data }) => {
      const { buffer, byteOffset, byteLength } = data;
      bytes.set(new Uint8Array(buffer, byteOffset, byteLength), base + offset);
    };
    const argsOf = ({ operands, numbers }) => [
      ...operands.map((offset) => base + offset),
      ...numbers,
    ];
    for (const step of listing.load) {
      if (step.weight) write(step.offset, weights[step.weight]);
      else exports[step.kernel](...argsOf(step));
    }
    return {
      exports,
      calls: listing.main.map((call) => ({ kernel: call.kernel, args: argsOf(call) })),
      feed(inputs) {
        for (const [name, offset] of Object.entries(listing.inputs)) write(offset, inputs[name]);
      },
      results: () =>
        listing.outputs.map(([offset, size]) => bytes.slice(base + offset, base + offset + size)),
    };
  }

  /** A function that calls all kernels in a loop. */
  function looped({ exports, calls }) {
    const closed = calls.map(({ kernel, args }) => close(exports[kernel], args));
    return () => {
      for (const call of closed) call();
    };
  }

  return { load, looped };
})();

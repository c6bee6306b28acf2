// Makes one wasm function that calls kernels in order with constant arguments: what an executor
// could do instead of its loop. A classic script that defines globalThis.pyjsmlBlock.
globalThis.pyjsmlBlock = (() => {
  const I32 = 0x7f;
  const encoder = (text) => [...text].map((letter) => letter.charCodeAt(0));
  const vector = (items) => [...unsigned(items.length), ...items.flat()];
  const section = (id, body) => [id, ...unsigned(body.length), ...body];

  /** A number in LEB128. */
  function unsigned(number) {
    const bytes = [];
    for (; number >= 128; number = Math.floor(number / 128)) bytes.push((number % 128) + 128);
    return [...bytes, number];
  }

  /** The same with a sign, for numbers that have none. */
  function signed(number) {
    const bytes = [];
    for (; number >= 64; number = Math.floor(number / 128)) bytes.push((number % 128) + 128);
    return [...bytes, number];
  }

  /** The bytes of a module that imports each kernel as `k.NAME` and exports `run`. */
  function assemble(calls) {
    const arities = new Map(calls.map(({ kernel, args }) => [kernel, args.length]));
    const kernels = [...arities.keys()];
    const counts = [...new Set(arities.values())];
    const name = (text) => vector(encoder(text));
    const none = [0x60, 0, 0];
    const types = [none, ...counts.map((count) => [0x60, ...vector(Array(count).fill(I32)), 0])];
    const imports = kernels.map((kernel) => {
      return [...name("k"), ...name(kernel), 0, 1 + counts.indexOf(arities.get(kernel))];
    });
    const code = calls.flatMap(({ kernel, args }) => [
      ...args.flatMap((arg) => [0x41, ...signed(arg)]),
      ...[0x10, ...unsigned(kernels.indexOf(kernel))],
    ]);
    const body = [0, ...code, 0x0b];
    return new Uint8Array([
      ...[0, 97, 115, 109, 1, 0, 0, 0],
      ...section(1, vector(types)),
      ...section(2, vector(imports)),
      ...section(3, vector([0])),
      ...section(7, vector([[...name("run"), 0, ...unsigned(kernels.length)]])),
      ...section(10, vector([[...unsigned(body.length), ...body]])),
    ]);
  }

  /** A function that calls all kernels of a model that `pyjsmlLoop` has loaded. */
  return ({ exports, calls }) => {
    const module = new WebAssembly.Module(assemble(calls));
    return new WebAssembly.Instance(module, { k: exports }).exports.run;
  };
})();

// Counts wasm memory by who was loading when it was made. Import it before any of them.

const found = new Map();
let owner = "";

const note = (memory) => {
  if (!found.has(memory)) found.set(memory, owner);
  return memory;
};

const NativeMemory = WebAssembly.Memory;
WebAssembly.Memory = new Proxy(NativeMemory, {
  construct: (target, args) => note(new target(...args)),
});

/** Most modules export their own memory instead of importing one. */
function noteExports(result) {
  const instance = result.instance ?? result;
  for (const value of Object.values(instance.exports ?? {})) {
    if (value instanceof NativeMemory) note(value);
  }
  return result;
}

for (const name of ["instantiate", "instantiateStreaming"]) {
  const native = WebAssembly[name];
  WebAssembly[name] = async (...args) => noteExports(await native.apply(WebAssembly, args));
}
WebAssembly.Instance = new Proxy(WebAssembly.Instance, {
  construct: (target, args) => noteExports(new target(...args)),
});

/** From now on, memories belong to `name`. */
export function own(name) {
  owner = name;
}

/** The bytes of all memories of `name`: as memories never shrink, their peak. */
export function memoryOf(name) {
  const sizes = [...found].filter(([, who]) => who === name).map(([m]) => m.buffer.byteLength);
  return sizes.reduce((sum, size) => sum + size, 0);
}

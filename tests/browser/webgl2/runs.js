// What runs give, on models of shaders that are written by hand.
import { Executor, tensor, Trace } from "/bundle/runtime/index.js";
import { failure, first, floats, numbers, WEBGL2 } from "./common.js";
import { chain, layered } from "./models.js";

/** Run `chain(dtype, shape, steps)` on `data`, both without and with blocking. */
export async function run({ dtype, shape, steps, data }) {
  const executor = await Executor.create(chain(dtype, shape, steps), WEBGL2);
  const x = tensor(dtype, shape, dtype.endsWith("64") ? data.map(BigInt) : data);
  const later = first(await executor.run({ x }));
  const now = first(executor.runSync({ x }));
  executor.dispose();
  return { dtype: later.dtype, later: numbers(later), now: numbers(now) };
}

/** The same, and what it fails with. */
export function fail(options) {
  return failure(() => run(options));
}

/** Run a model whose op has passes with temporaries, layers and several outputs. */
export async function passes(length) {
  const executor = await Executor.create(layered(length), WEBGL2);
  const outputs = await executor.run({ x: floats(length) });
  executor.dispose();
  return Object.values(outputs).map(numbers);
}

/** Run a dynamic model at each of `lengths`; tell the bytes of textures after each. */
export async function grow({ lengths, steps }) {
  const dims = [{ name: "n", min: 1, max: null }];
  const executor = await Executor.create(chain("float32", ["n"], steps, { dims }), WEBGL2);
  const { total: before } = executor.describe().memory;
  const found = [];
  for (const length of lengths) {
    const x = tensor("float32", [length], floats(length));
    const y = numbers(first(await executor.run({ x })));
    found.push({ y, bytes: executor.describe().memory.total - before });
  }
  executor.dispose();
  return found;
}

/** Run on values that are no numbers, then on some that are: nothing of the former may be left. */
export async function poison({ length, steps }) {
  const executor = await Executor.create(chain("float32", [length], steps), WEBGL2);
  await executor.run({ x: new Float32Array(length).fill(NaN) });
  const y = first(await executor.run({ x: floats(length) }));
  executor.dispose();
  return numbers(y);
}

/** Run in a worker, which has no canvas but an OffscreenCanvas. */
export function inWorker(options) {
  const worker = new Worker("/worker.js", { type: "module" });
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = reject;
    worker.postMessage(options);
  }).finally(() => worker.terminate());
}

/** Trace a run, with and without giving up control. */
export async function traced({ length, steps }) {
  const executor = await Executor.create(chain("float32", [length], steps), WEBGL2);
  const trace = new Trace();
  await executor.run({ x: floats(length) }, { trace });
  executor.runSync({ x: floats(length) }, { trace });
  executor.dispose();
  return trace.spans.map(({ op, device, start, end }) => [op, device, end >= start]);
}

/** Whether a run without blocking asks the GPU for anything that blocks. */
export async function blocking({ length, steps }) {
  const { prototype } = WebGL2RenderingContext;
  const { readPixels, finish, getError, clientWaitSync } = prototype;
  const executor = await Executor.create(chain("float32", [length], steps), WEBGL2);
  const x = floats(length);
  await executor.run({ x }); // Where frames are made, memory is checked.
  const calls = [];
  for (const [name, original] of Object.entries({ readPixels, finish, getError, clientWaitSync })) {
    prototype[name] = function (...options) {
      const intoBuffer = name === "readPixels" && typeof options[6] === "number";
      if (!intoBuffer) calls.push(name);
      return original.apply(this, options);
    };
  }
  await executor.run({ x });
  const later = calls.splice(0);
  executor.runSync({ x });
  Object.assign(prototype, { readPixels, finish, getError, clientWaitSync });
  executor.dispose();
  return { later, now: calls };
}

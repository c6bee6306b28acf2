// Runs a bundle with its ops placed, ordered and interrupted at random.

/** Numbers from 0 to below 1, the same ones every time. */
function* random(seed) {
  for (let state = seed; ;) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state / 2 ** 32;
  }
}

/**
 * Run the bundle at `folder` on each of `inputs`, `{shape, data}`, with a share of its ops on webgl2,
 * first on what is no number; return the outputs, and how many ops were on each device.
 */
export async function run({ folder, runtime, seed, share, inputs }) {
  const { Executor, tensor } = await import(`${folder}/${runtime}`);
  const { model } = await import(`${folder}/index.js`);
  const numbers = random(seed);
  const next = () => numbers.next().value;
  class Split extends Executor {
    place(op) {
      const wanted = next() < share ? "webgl2" : "wasm";
      return op.devices.includes(wanted) ? wanted : undefined;
    }
    order(ready) {
      return ready[Math.floor(next() * ready.length)];
    }
  }
  const executor = await Split.create(model, { devices: ["webgl2", "wasm"] });
  const [{ name }] = model.inputs;
  const outputs = [];
  for (const { shape, data } of inputs) {
    const x = tensor("float32", shape, data);
    await executor.run({
      [name]: tensor("float32", shape, new Float32Array(data.length).fill(NaN)),
    });
    const later = Object.values(await executor.run({ [name]: x }))[0];
    const now = Object.values(executor.runSync({ [name]: x }))[0];
    const y = Array.from(later.data);
    outputs.push({ y, same: y.every((each, i) => each === now.data[i]), shape: later.shape });
  }
  const count = { wasm: 0, webgl2: 0 };
  for (const { device } of executor.describe().ops) count[device]++;
  executor.dispose();
  return { outputs, count };
}

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
    const same = (other) => y.every((each, i) => each === other.data[i]);
    const inTwo = await runInTwo(executor, { [name]: x }, next());
    outputs.push({ y, same: same(now), inTwo: same(inTwo), shape: later.shape });
  }
  const count = { wasm: 0, webgl2: 0 };
  for (const { device } of executor.describe().ops) count[device]++;
  executor.dispose();
  return { outputs, count };
}

/**
 * Run up to an op and keep what the others read of it, then run those on that; `where`, from 0 to 1,
 * says which op. Return the output.
 */
async function runInTwo(executor, inputs, where) {
  const order = executor.describe().ops.map(({ name }) => name);
  const cut = 1 + Math.floor(where * (order.length - 1));
  const ops = new Map(executor.ops.map((op) => [op.name, op]));
  const namesOf = (names, side) => names.flatMap((name) => ops.get(name)[side].map((v) => v.name));
  const written = new Set(namesOf(order.slice(0, cut), "outputs"));
  const read = new Set(namesOf(order.slice(cut), "inputs"));
  const kept = [...read].filter((name) => written.has(name));
  const [to, from] = [order[cut - 1], order[cut]];
  const { captured } = await executor.capture(inputs, kept, { to });
  if (!from) return Object.values(await executor.run(inputs))[0];
  return Object.values(await executor.run(inputs, { from, feed: captured }))[0];
}

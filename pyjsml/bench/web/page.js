// The page that runs contenders: `{name, adapter, config}`, each with the path of an adapter, a
// module whose `create(config, feed)` gives `{run, trace?}`; `run` feeds the inputs and gives the
// outputs' data, in the model's order.
import { memoryOf, own } from "./memory.js";
import { ownContexts, texturesOf } from "./textures.js";
import { readTensors } from "./tensors.js";
import { race } from "./timing.js";

const ready = new Map();

async function inputs(path) {
  return readTensors(await (await fetch(path)).arrayBuffer());
}

const story = (error) => `${error?.name ?? "Error"}: ${error?.message ?? error}`;

/** Load a contender; return `{}`, or `{error}` in words. */
export async function prepare({ name, adapter, feed, config }) {
  own(name);
  ownContexts(name);
  try {
    const { create } = await import(adapter);
    const made = await create(config, await inputs(feed));
    await made.run();
    ready.set(name, made);
    return {};
  } catch (error) {
    return { error: story(error) };
  }
}

/** Time all contenders that are ready; post the outputs that each gave last. */
export async function compete(limits) {
  const last = {};
  const runs = {};
  for (const [name, { run }] of ready) runs[name] = async () => (last[name] = await run());
  const samples = await race(runs, limits);
  for (const [name, outputs] of Object.entries(last)) {
    for (const [index, data] of outputs.entries()) {
      const body = new Blob([data]);
      await fetch(`/outputs/${name}/${index}`, { method: "POST", body });
    }
  }
  const byName = (of) => Object.fromEntries([...ready.keys()].map((name) => [name, of(name)]));
  return { samples, memory: byName(memoryOf), textures: byName(texturesOf) };
}

/** Trace a contender's ops. */
export function trace(name, runs) {
  return ready.get(name).trace(runs);
}

/** Load one contender and run it once; times are milliseconds since the page was asked for. */
export async function coldStart(contender) {
  const opened = performance.now();
  const failure = await prepare(contender);
  if (failure.error) return failure;
  return { opened, ms: performance.now() };
}

import { expect, test } from "vitest";
import type { Op, Placement, Policy } from "../src/index.js";
import { useRuntime } from "./built.js";
import { FakeDevice } from "./fake-device.js";
import {
  evaluateGraph,
  type Graph,
  graphFiles,
  randomFrom,
  randomGraph,
  SIZE,
  WORTH_SHARING,
} from "./graph.js";

/**
 * Any schedule is right: random models under random orders, devices, threads, pins, accelerators,
 * blocks, hooks and cancels give the same bits as the ops computed one by one in JavaScript.
 */

const { runtime } = await useRuntime();

const RUNS = 6;

type Random = () => number;
const below = (random: Random, end: number) => Math.floor(random() * end);
const pick = <T>(random: Random, from: readonly T[]) => from[below(random, from.length)] as T;

/** An input that is different for each run. */
const inputOf = (random: Random) =>
  Float32Array.from({ length: SIZE }, () => (random() - 0.5) * 100);

/** Where each op goes, by name. */
function placeSomewhere(random: Random, model: Graph, threads: number) {
  const gpu = new runtime.Accelerator("gpu");
  const places = new Map<string, Placement>();
  for (const [, target] of model.main) {
    const name = model.ops[target]?.name as string;
    const lease = random() < 0.1 ? { accelerator: gpu } : {};
    const wasm = { ...lease, device: "wasm" } as const;
    const kind = random();
    if (kind < 0.2) places.set(name, { ...lease, device: "webgl2" });
    else if (kind < 0.5) places.set(name, { ...wasm, thread: below(random, threads) });
    else if (kind < 0.7) places.set(name, { ...wasm, threads: 1 + below(random, threads) });
    else places.set(name, wasm);
  }
  return places;
}

/** Some ranges of ops that are on one device and under one claim, which may run as blocks. */
function findBlocks(random: Random, model: Graph, places: ReadonlyMap<string, Placement>) {
  const names = model.main.map(([, target]) => model.ops[target]?.name as string);
  const termsOf = (name: string) => {
    const place = places.get(name) as Exclude<Placement, string>;
    return `${place.device} ${place.accelerator !== undefined}`;
  };
  const blocks: { from: string; to: string }[] = [];
  for (let first = 0; first < names.length;) {
    let end = first + 1 + below(random, 5);
    const terms = termsOf(names[first] as string);
    const other = names.findIndex((name, i) => i > first && i < end && termsOf(name) !== terms);
    if (other > 0) end = other;
    end = Math.min(end, names.length);
    if (random() < 0.3) {
      blocks.push({ from: names[first] as string, to: names[end - 1] as string });
    }
    first = end;
  }
  return blocks;
}

/** The last three bring a value to a block where another one of the block lay before. */
const seeds = [...Array.from({ length: 40 }, (_, seed) => seed), 1102, 1326, 1389];

test.each(seeds)("schedule %d", { timeout: 60_000 }, async (seed) => {
  const random = randomFrom(seed);
  const model = randomGraph(random, 1 + below(random, 30), random() < 0.5 ? WORTH_SHARING : 0);
  const threads = 1 + below(random, 3);
  const places = placeSomewhere(random, model, threads);
  const fake = new FakeDevice(random() < 0.5);
  const kept = random() < 0.3;
  const policies: Policy[] = [
    { place: ({ name }) => places.get(name) },
    ...(kept ? [] : [{ order: (ready: readonly Op[]) => pick(random, ready) }]),
    ...(random() < 0.5 ? [{ dispatchSync: (_op: Op, next: () => void) => next() }] : []),
  ];
  const options = { files: graphFiles, threads, devices: ["wasm", fake] as const, policies };
  using executor = await runtime.Executor.create(model, options);
  if (random() < 0.5) executor.lazy(...findBlocks(random, model, places));
  for (let run = 0; run < RUNS; run++) {
    const x = inputOf(random);
    const all = evaluateGraph(model, x);
    const check = (outputs: Readonly<Record<string, { data: unknown } | undefined>>) => {
      for (const { name, value } of model.outputs) expect(outputs[name]?.data).toEqual(all[value]);
    };
    switch (below(random, 5)) {
      case 0:
        check(executor.runSync({ x }));
        break;
      case 1:
        check(await executor.run({ x }, { yieldEvery: 0 }));
        break;
      case 2: {
        const stop = new AbortController();
        const cancelled = executor.run({ x: inputOf(random) }, { signal: stop.signal });
        const delay = below(random, 4);
        for (let i = 0; i < delay; i++) await new Promise((resolve) => setTimeout(resolve, 0));
        stop.abort(new RangeError("enough"));
        // It may have been faster.
        await cancelled.catch((error: unknown) => expect(error).toEqual(new RangeError("enough")));
        check(await executor.run({ x }));
        break;
      }
      case 3: {
        const most = below(random, model.main.length);
        let done = 0;
        for await (const _ of executor.step({ x: inputOf(random) })) if (++done > most) break;
        check(await executor.run({ x }));
        break;
      }
      default: {
        for await (const op of executor.step({ x })) {
          for (const { name } of op.outputs) {
            const value = model.values.findIndex((one) => one.name === name);
            expect(executor.read(name).data).toEqual(all[value]);
          }
        }
        check(await executor.run({ x }, { trace: new runtime.Trace() }));
      }
    }
  }
});

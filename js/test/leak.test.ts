import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test, vi } from "vitest";
import type * as Runtime from "../src/index.js";
import { useRuntime } from "./built.js";
import { graphFiles, randomFrom, randomGraph, SIZE } from "./graph.js";
import { dynamicModel, modelFiles } from "./model.js";

vi.setConfig({ testTimeout: 240_000 });

const RUNS = 10_000;
const CYCLES = 200;
/** What one leaked object per run would take many times over. */
const LEEWAY = 400_000;
/** Node keeps up to 2 kB of an ended thread; an executor of 5 ops has 24 kB, and its memory. */
const THREADS_LEEWAY = CYCLES * 5_000;

const { runtime } = await useRuntime();

const collect = (() => {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as () => void;
  return async () => {
    for (let round = 0; round < 3; round++) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      gc();
    }
  };
})();

/** The bytes that are in use once all garbage is gone: objects, and the memories of arrays. */
async function bytesInUse(): Promise<number> {
  await collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const rows = (n: number) => ({
  x: runtime.tensor("float32", [n, 3], new Float32Array(n * 3)),
  k: runtime.tensor("int64", [n], new BigInt64Array(n)),
});

describe(`${RUNS} runs leave nothing behind`, () => {
  test.each([
    ["at once", {}, "runSync"],
    ["that may wait", { dispatch: (_op: unknown, next: Runtime.Next) => next() }, "run"],
    ["with hooks", { dispatchSync: (_op: unknown, next: () => void) => next() }, "run"],
  ] as const)("%s", async (_, policy, method) => {
    const executor = runtime.Executor.createSync(dynamicModel, {
      files: modelFiles(),
      policies: [policy],
    });
    const go = async (runs: number) => {
      for (let run = 0; run < runs; run++) await executor[method](rows(1 + (run % 4)));
    };
    await go(RUNS / 5);
    const { total } = executor.describe().memory;
    const before = await bytesInUse();
    await go(RUNS);
    expect((await bytesInUse()) - before).toBeLessThan(LEEWAY);
    expect(executor.describe().memory.total).toBe(total);
    executor.dispose();
  });

  test("on threads, some of which are aborted", async () => {
    const model = randomGraph(randomFrom(3), 5);
    const executor = await runtime.Executor.create(model, {
      files: graphFiles,
      threads: 2,
      policies: [{ place: () => ({ thread: 1 }) }],
    });
    const x = new Float32Array(SIZE);
    let aborts = 0;
    const go = async (runs: number) => {
      for (let run = 0; run < runs; run++) {
        if (run % 10) {
          executor.runSync({ x });
          continue;
        }
        const stop = new AbortController();
        const aborted = executor.run({ x }, { signal: stop.signal });
        stop.abort(new RangeError("enough"));
        // To expect this of each would keep something of each.
        await aborted.then(
          () => expect.unreachable(),
          () => aborts++,
        );
      }
    };
    await go(RUNS / 5);
    const before = await bytesInUse();
    await go(RUNS);
    expect((await bytesInUse()) - before).toBeLessThan(LEEWAY);
    expect(aborts).toBe((RUNS + RUNS / 5) / 10);
    executor.dispose();
  });
});

describe(`${CYCLES} executors, made and disposed of, leave nothing behind`, () => {
  /** Look on as memories and threads are made; tell how many of them are left. */
  function watch() {
    const memories: WeakRef<WebAssembly.Memory>[] = [];
    const { Memory } = WebAssembly;
    const Watched = new Proxy(Memory, {
      construct(target, given) {
        const memory = new target(given[0] as WebAssembly.MemoryDescriptor);
        memories.push(new WeakRef(memory));
        return memory;
      },
    });
    vi.stubGlobal("WebAssembly", Object.create(WebAssembly, { Memory: { value: Watched } }));
    const { Worker } = process.getBuiltinModule("node:worker_threads");
    const { terminate } = Worker.prototype;
    // A spy would keep the workers.
    const ends: Promise<number>[] = [];
    Worker.prototype.terminate = function () {
      const end = terminate.call(this);
      ends.push(end);
      return end;
    };
    return async () => {
      vi.unstubAllGlobals();
      await Promise.all(ends);
      Worker.prototype.terminate = terminate;
      const left = () => memories.filter((memory) => memory.deref()).length;
      // A thread lets go of its memory a while after it has ended.
      for (let round = 0; round < 100 && left() > 1; round++) await collect();
      return { made: memories.length, left: left(), ended: ends.length };
    };
  }

  test("with one thread", async () => {
    const cycle = async () => {
      const executor = await runtime.Executor.create(dynamicModel, { files: modelFiles() });
      await executor.run(rows(3));
      executor.dispose();
    };
    for (let i = 0; i < CYCLES / 5; i++) await cycle();
    const before = await bytesInUse();
    const count = watch();
    for (let i = 0; i < CYCLES; i++) await cycle();
    const { made, left } = await count();
    expect(made).toBe(CYCLES);
    expect(left).toBeLessThanOrEqual(1);
    expect((await bytesInUse()) - before).toBeLessThan(LEEWAY);
  });

  test("with threads", async () => {
    const model = randomGraph(randomFrom(3), 5);
    const cycle = async () => {
      const executor = await runtime.Executor.create(model, { files: graphFiles, threads: 2 });
      await executor.run({ x: new Float32Array(SIZE) });
      executor.dispose();
    };
    for (let i = 0; i < CYCLES / 2; i++) await cycle();
    const before = await bytesInUse();
    const count = watch();
    for (let i = 0; i < CYCLES; i++) await cycle();
    const { made, left, ended } = await count();
    expect([made, ended]).toEqual([CYCLES, CYCLES]);
    expect(left).toBeLessThanOrEqual(1);
    expect((await bytesInUse()) - before).toBeLessThan(THREADS_LEEWAY);
  });
});

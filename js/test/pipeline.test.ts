import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { describe, expect, expectTypeOf, test } from "vitest";
import { Executor, OptionError, type Pipeline, pipeline, tensor } from "../src/index.js";
import { ticks } from "./accelerator.js";
import { expected, modelFiles, staticModel } from "./model.js";

const K = tensor("int64", [2], [10n, 20n]);
const image = (first: number) => tensor("float32", [2, 3], [first, 2, 3, 4, 5, 6]);
const wanted = (first: number) => expected([first, 2, 3, 4, 5, 6], [10, 20]);
const make = () => Executor.createSync(staticModel, { files: modelFiles() });

/** A stage that says when it begins and ends, by a clock that counts such events. */
class Recorder {
  readonly intervals: { stage: string; item: number; start: number; end: number }[] = [];
  #events = 0;

  stage(stage: string, turns: number): (item: number) => Promise<number> {
    return async (item) => {
      const start = this.#events++;
      await ticks(turns);
      this.intervals.push({ stage, item, start, end: this.#events++ });
      return item;
    };
  }

  of(stage: string, item: number) {
    const found = this.intervals.find((each) => each.stage === stage && each.item === item);
    if (!found) throw new Error(`${stage} has not had ${item}`);
    return found;
  }
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);

describe("a pipeline", () => {
  test("gives what executors and functions make, in order", async () => {
    using executor = make();
    const outputs = pipeline([1, 2, 3])
      .through((first) => ({ x: image(first), k: K }))
      .through(executor)
      .through(({ y }) => Array.from(y.data));
    expectTypeOf(outputs).toEqualTypeOf<Pipeline<number[]>>();
    expect(await collect(outputs)).toEqual([1, 2, 3].map(wanted));
  });

  test("has its stages at work side by side, each with one item at a time", async () => {
    const recorder = new Recorder();
    // The stage in the middle is the slow one, so those around it wait for it.
    const items = pipeline(numbers(20))
      .through(recorder.stage("a", 2))
      .through(recorder.stage("b", 9))
      .through(recorder.stage("c", 3));
    expect(await collect(items)).toEqual(numbers(20));
    for (const stage of ["a", "b", "c"]) {
      for (let item = 1; item < 20; item++) {
        expect(recorder.of(stage, item).start).toBeGreaterThan(recorder.of(stage, item - 1).end);
      }
    }
    for (let item = 1; item < 20; item++) {
      for (const [early, late] of [
        ["a", "b"],
        ["b", "c"],
      ] as const) {
        const next = recorder.of(early, item);
        const previous = recorder.of(late, item - 1);
        expect(next.start).toBeLessThan(previous.end);
      }
      // c has an item while b has the next one.
      expect(recorder.of("b", item).start).toBeLessThan(recorder.of("c", item - 1).end);
      expect(recorder.of("c", item - 1).start).toBeLessThan(recorder.of("b", item).end);
    }
  });

  test("has a worker at an item while an executor has the next one", async () => {
    // The worker gives an item back only when the executor is done with the next one.
    const done = new Int32Array(new SharedArrayBuffer(4));
    const worker = new Worker(
      `const { parentPort, workerData: done } = require("node:worker_threads");
       parentPort.on("message", (item) => {
         while (Atomics.load(done, 0) < Math.min(item + 2, 8)) Atomics.wait(done, 0, item + 1, 10);
         parentPort.postMessage(item);
       });`,
      { eval: true, workerData: done },
    );
    using executor = make();
    const items = pipeline(numbers(8))
      .through(async (item) => {
        const { y } = await executor.run({ x: image(item), k: K });
        expect(Array.from(y.data)).toEqual(wanted(item));
        Atomics.add(done, 0, 1);
        Atomics.notify(done, 0);
        return item;
      })
      .through(async (item): Promise<number> => {
        worker.postMessage(item);
        const [answer] = await once(worker, "message");
        return answer;
      });
    try {
      expect(await collect(items)).toEqual(numbers(8));
    } finally {
      await worker.terminate();
    }
  });

  test.each([1, 2, 5])("asks the source for no more than its depth of %i", async (depth) => {
    let asked = 0;
    let most = 0;
    async function* source() {
      for (const item of numbers(12)) {
        asked++;
        yield item;
      }
    }
    const items = pipeline(source(), { depth })
      .through((item) => item)
      .through((item) => item);
    let taken = 0;
    for await (const item of items) {
      expect(item).toBe(taken++);
      await ticks(20); // Time enough for everything that may be on its way.
      most = Math.max(most, asked - taken);
    }
    expect([taken, most]).toEqual([12, depth]);
  });

  test("gives the items of a source as they are, where it has no stages", async () => {
    expect(await collect(pipeline(new Set([3, 1])))).toEqual([3, 1]);
    expect(await collect(pipeline([]).through(() => 1))).toEqual([]);
  });
});

describe("a pipeline ends", () => {
  /** A source and stages that tell what is left of them. */
  function rig() {
    const state = { closed: false, running: 0, aborted: 0, begun: 0 };
    async function* source() {
      try {
        for (let item = 0; ; item++) yield item;
      } finally {
        state.closed = true;
      }
    }
    const stage = async (item: number, { signal }: { signal: AbortSignal | undefined }) => {
      state.running++;
      state.begun++;
      await ticks(3);
      if (signal?.aborted) state.aborted++;
      state.running--;
      return item;
    };
    const check = async () => {
      const { begun } = state;
      expect(state).toMatchObject({ closed: true, running: 0 });
      await ticks(50);
      expect(state.begun).toBe(begun);
    };
    return { source: source(), stage, state, check };
  }

  test.each([0, 3])(
    "with the error of a stage at item %i, after the items before it",
    async (bad) => {
      const { source, stage, check } = rig();
      const items = pipeline(source, { depth: 4 })
        .through(stage)
        .through((item) => {
          if (item === bad) throw new RangeError("too bright");
          return item;
        })
        .through(stage);
      const found: number[] = [];
      const all = (async () => {
        for await (const item of items) found.push(item);
      })();
      await expect(all).rejects.toThrow(new RangeError("too bright"));
      expect(found).toEqual(numbers(bad));
      await check();
    },
  );

  test("with the error of its source", async () => {
    async function* source() {
      yield 1;
      throw new RangeError("no camera");
    }
    const items = pipeline(source(), { depth: 3 }).through((item) => item);
    const found: number[] = [];
    const all = (async () => {
      for await (const item of items) found.push(item);
    })();
    await expect(all).rejects.toThrow("no camera");
    expect(found).toEqual([1]);
  });

  test("when the loop is left", async () => {
    const { source, stage, check } = rig();
    for await (const item of pipeline(source, { depth: 3 }).through(stage).through(stage)) {
      if (item === 4) break;
    }
    await check();
  });

  test.each([0, 1, 7])("when the signal aborts at item %i", async (last) => {
    const { source, stage, state, check } = rig();
    const control = new AbortController();
    const items = pipeline(source, { depth: 3, signal: control.signal })
      .through(stage)
      .through(async (item, options) => {
        if (item === last) control.abort(new RangeError("enough"));
        return stage(item, options);
      });
    await expect(collect(items)).rejects.toThrow("enough");
    expect(state.aborted).toBeGreaterThan(0);
    await check();
  });

  test("at once, where the signal has aborted before", async () => {
    const { source, stage, state } = rig();
    const signal = AbortSignal.abort(new RangeError("enough"));
    await expect(collect(pipeline(source, { signal }).through(stage))).rejects.toThrow("enough");
    expect(state.begun).toBe(0);
  });

  test("when the signal aborts while the source owes an item", async () => {
    const control = new AbortController();
    const source = {
      next: () => new Promise<never>(() => {}),
      [Symbol.asyncIterator]: () => source,
    };
    const items = collect(pipeline<number>(source, { signal: control.signal }));
    await ticks(3);
    control.abort(new RangeError("enough"));
    await expect(items).rejects.toThrow("enough");
  });

  test("and leaves its executor fit for the next run", async () => {
    using executor = make();
    const items = pipeline(numbers(9))
      .through((first) => ({ x: image(first), k: K }))
      .through(executor)
      .through(() => {
        throw new RangeError("too bright");
      });
    await expect(collect(items)).rejects.toThrow("too bright");
    expect(Array.from(executor.runSync({ x: image(5), k: K }).y.data)).toEqual(wanted(5));
  });
});

describe("a pipeline refuses", () => {
  test.each([0, -1, 1.5, NaN, "2"])("a depth of %s", (depth) => {
    expect(() => pipeline([], { depth: depth as number })).toThrow(OptionError);
  });

  test.each([undefined, null, 3, {}])("%s as a stage", (stage) => {
    expect(() => pipeline([1]).through(stage as never)).toThrow(OptionError);
  });

  test("stages that do not fit, when it is compiled", () => {
    using executor = make();
    // @ts-expect-error: the executor takes named tensors
    pipeline([1]).through(executor);
    const outputs = pipeline([{ x: image(1), k: K }]).through(executor);
    // @ts-expect-error: the model has no output called z
    outputs.through(({ z }) => z);
    // @ts-expect-error: a Float32Array is no string
    outputs.through(({ y }: { y: { data: string } }) => y);
  });
});

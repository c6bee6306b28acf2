import { expect, test } from "vitest";
import { Accelerator, Executor, Owner, type Policy } from "../src/index.js";
import { FakeDevice } from "./fake-device.js";
import {
  evaluateGraph,
  type Graph,
  graphFiles,
  graphX as x,
  randomFrom,
  randomGraph,
} from "./graph.js";

const ABORTS = 1000;
const PER_MODEL = 25;

/** Lets go of the thread as a host does, and can be told to do something then. */
class Pauses {
  /** How many pauses are left until `job`. */
  left = Infinity;
  job = () => {};
  #time = 0;

  readonly host = {
    now: () => ++this.#time * 100,
    rest: () => this.#pause(),
    yield: () => this.#pause(),
  };

  async #pause(): Promise<void> {
    await Promise.resolve();
    if (!this.left--) this.job();
    await Promise.resolve();
  }
}

/** An executor whose ops and pauses are counted, and where an abort can come from. */
class Bench {
  readonly pauses = new Pauses();
  readonly fake: FakeDevice;
  readonly executor: Executor<Graph>;
  /** How many ops have been called since it was set to 0. */
  called = 0;
  /** Called around each op, with how many were before. */
  around: (when: "before" | "after", op: number) => void = () => {};
  #op = 0;

  constructor(random: () => number, model: Graph) {
    this.fake = new FakeDevice(random() < 0.5);
    const waits = random() < 0.5;
    const outer: Policy = {
      onStart: () => void (this.#op = 0),
      ...(waits && {
        dispatch: async (_op, next) => {
          this.around("before", this.#op);
          await next();
          this.around("after", this.#op++);
        },
      }),
      dispatchSync: (_op, next) => {
        this.around("before", this.#op);
        next();
        this.around("after", this.#op++);
      },
    };
    const counting: Policy = { dispatchSync: (_op, next) => (next(), void this.called++) };
    const order = (ready: readonly unknown[]) => ready[Math.floor(random() * ready.length)];
    this.executor = Executor.createSync(model, {
      files: graphFiles,
      host: this.pauses.host,
      devices: ["wasm", this.fake],
      policies: [
        { place: () => (random() < 0.7 ? "wasm" : "webgl2"), order: order as Policy["order"] & {} },
        outer,
        counting,
      ],
    });
  }

  /** Begin a run or steps, which end with the signal; give what is there in the end. */
  async go(steps: boolean, signal: AbortSignal): Promise<unknown> {
    if (!steps) return this.executor.run({ x }, { signal });
    for await (const _ of this.executor.step({ x }, { signal }));
    return undefined;
  }
}

test("1,000 aborts at random moments end runs within one op, and leave nothing behind", async ({
  annotate,
}) => {
  const times: number[] = [];
  for (let seed = 0; times.length < ABORTS; seed++) {
    const random = randomFrom(seed);
    const model = randomGraph(random, 2 + Math.floor(random() * 30));
    const wanted = evaluateGraph(model, x);
    const bench = new Bench(random, model);
    const { executor, fake, pauses } = bench;
    executor.runSync({ x });
    const before = { memory: executor.describe().memory, rooms: fake.rooms };
    for (let i = 0; i < PER_MODEL; i++) {
      const stop = new AbortController();
      const reason = new RangeError(`abort ${i}`);
      let calledThen = 0;
      let time = 0;
      const abort = () => {
        if (stop.signal.aborted) return;
        calledThen = bench.called;
        time = performance.now();
        stop.abort(reason);
      };
      const at = Math.floor(random() * model.main.length);
      const when = (["before", "after", "pause", "queue"] as const)[Math.floor(random() * 4)];
      bench.around = (now, op) => {
        if (now === when && op === at) abort();
      };
      pauses.job = abort;
      pauses.left = when === "pause" ? Math.floor(random() * (model.main.length - 1)) : Infinity;
      const ahead = when === "queue" ? executor.run({ x }) : undefined;
      const run = bench.go(random() < 0.5, stop.signal);
      if (when === "queue") abort();
      await expect(run).rejects.toBe(reason);
      times.push(performance.now() - time);
      // A hook that aborts before its op can't take it back; whoever is ahead has ops of its own.
      if (ahead) await ahead;
      else expect(bench.called - calledThen).toBeLessThanOrEqual(when === "before" ? 1 : 0);
      expect(() => executor.read("x")).toThrow("no run is under way");
      bench.around = () => {};
      pauses.left = Infinity;
      const outputs = random() < 0.5 ? executor.runSync({ x }) : await executor.run({ x });
      for (const { name, value } of model.outputs) {
        expect(outputs[name]?.data).toEqual(wanted[value]);
      }
    }
    expect({ memory: executor.describe().memory, rooms: fake.rooms }).toEqual(before);
    executor.dispose();
    expect(fake.rooms).toBe(0);
  }
  times.sort((a, b) => a - b);
  const p99 = times[Math.floor(times.length * 0.99)] as number;
  await annotate(`p99 from abort to rejection: ${p99.toFixed(3)} ms`);
});

test("an abort that comes with a lease ends the run within its op", async () => {
  const model = randomGraph(randomFrom(3), 6);
  const wanted = evaluateGraph(model, x);
  const gpu = new Accelerator("gpu");
  const called: string[] = [];
  const executor = Executor.createSync(model, {
    files: graphFiles,
    policies: [
      { place: () => ({ accelerator: gpu }) },
      { dispatch: (_op, next) => next(), dispatchSync: (_op, next) => next() },
      { dispatchSync: ({ name }, next) => (called.push(name), next()) },
    ],
  });
  const other = new Owner("other");
  for (const abortFirst of [false, true]) {
    called.length = 0;
    const lease = await gpu.acquire({ owner: other });
    const stop = new AbortController();
    const run = executor.run({ x }, { signal: stop.signal });
    await new Promise((resolve) => setTimeout(resolve, 0));
    if (abortFirst) stop.abort(new RangeError("enough"));
    lease.release();
    if (!abortFirst) stop.abort(new RangeError("enough"));
    const next = executor.run({ x });
    await expect(run).rejects.toThrow("enough");
    const outputs = await next;
    for (const { name, value } of model.outputs) expect(outputs[name]?.data).toEqual(wanted[value]);
    const names = model.main.map(([, op]) => model.ops[op]?.name);
    expect(called).toEqual(abortFirst ? names : [names[0], ...names]);
    const free = gpu.tryAcquire({ owner: other });
    expect(free).toBeDefined();
    free?.release();
  }
});

test("one signal ends all the runs that have it, queued ones too", async () => {
  const model = randomGraph(randomFrom(1), 5);
  const executor = Executor.createSync(model, { files: graphFiles });
  const stop = new AbortController();
  const runs = [0, 1, 2].map(() => executor.run({ x }, { signal: stop.signal }));
  stop.abort(new RangeError("all of them"));
  for (const run of runs) await expect(run).rejects.toThrow("all of them");
  const outputs = await executor.run({ x });
  expect(Object.keys(outputs)).toEqual(model.outputs.map(({ name }) => name));
});

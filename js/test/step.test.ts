import { describe, expect, test } from "vitest";
import {
  Executor,
  InputError,
  type Next,
  type Op,
  type Policy,
  StateError,
  tensor,
  Trace,
} from "../src/index.js";
import { FakeDevice } from "./fake-device.js";
import { evaluateGraph, graphFiles, graphX as x, randomFrom, randomGraph } from "./graph.js";
import {
  expected,
  inputs,
  K,
  modelFiles,
  numbers,
  OPS,
  staticModel,
  type StaticNet,
  wanted,
} from "./model.js";

const files = modelFiles();

const make = (...policies: Policy[]) => Executor.createSync(staticModel, { files, policies });

/** Both kinds of run are right: the executor is as good as new. */
async function checkRuns(executor: Executor<StaticNet>) {
  expect(numbers((await executor.run(inputs)).y)).toEqual(wanted);
  expect(numbers(executor.runSync(inputs).y)).toEqual(wanted);
  expect(() => executor.read("y")).toThrow("no run is under way");
}

/** Go through all steps by hand. */
async function walk(executor: Executor<StaticNet>, options = {}) {
  const steps = executor.step(inputs, options);
  const names: string[] = [];
  let step = await steps.next();
  for (; !step.done; step = await steps.next()) names.push(step.value.name);
  return { names, y: numbers(step.value.y as { data: unknown }), steps };
}

test("step gives op after op when it is done, and returns the outputs", async () => {
  const executor = make();
  const { names, y, steps } = await walk(executor);
  expect(names).toEqual(OPS);
  expect(y).toEqual(wanted);
  expect(await steps.next()).toEqual({ done: true, value: undefined });
  await checkRuns(executor);
});

test("its ops are the executor's, in the order that it chose, with its hooks around", async () => {
  const log: string[] = [];
  const trace = new Trace();
  const executor = make({
    onStart: () => void log.push("start"),
    onFinish: () => void log.push("finish"),
    async dispatch({ name }, next) {
      log.push(`before ${name}`);
      await next();
      log.push(`after ${name}`);
    },
    dispatchSync: (_op, next) => next(),
  });
  for await (const op of executor.step(inputs, { trace })) {
    expect(executor.ops).toContain(op);
    log.push(op.name);
  }
  const around = OPS.flatMap((name) => [`before ${name}`, `after ${name}`, name]);
  expect(log).toEqual(["start", ...around, "finish"]);
  expect(trace.spans.map(({ op }) => op)).toEqual(OPS);
  await checkRuns(executor);
});

test("steps and runs take turns", async () => {
  const executor = make();
  const log: string[] = [];
  const steps = executor.step(inputs);
  await steps.next();
  const run = executor.run({ ...inputs, x: new Float32Array(6) }).then(({ y }) => {
    log.push("run");
    return y;
  });
  const late = (async () => {
    for await (const op of executor.step(inputs)) log.push(`late ${op.name}`);
  })();
  expect(() => executor.runSync(inputs)).toThrow(StateError);
  let step = await steps.next();
  while (!step.done) {
    log.push("step");
    step = await steps.next();
  }
  expect(numbers(step.value.y)).toEqual(wanted);
  expect(numbers(await run)).toEqual(expected([0, 0, 0, 0, 0, 0], K));
  await late;
  expect(log).toEqual(["step", "step", "run", ...OPS.map((name) => `late ${name}`)]);
});

describe("steps end well", () => {
  /** A policy that counts the runs that have begun and ended. */
  const counting = () => {
    const count = { begun: 0, ended: 0 };
    const policy: Policy = {
      onStart: () => void count.begun++,
      onFinish: () => void count.ended++,
    };
    return { count, policy };
  };

  test.each([0, 1, 2])("where the loop is left after %d more", async (more) => {
    const { count, policy } = counting();
    const executor = make(policy);
    const queued: Promise<unknown>[] = [];
    let left = more;
    for await (const _ of executor.step(inputs)) {
      queued.push(executor.run(inputs));
      if (!left--) break;
    }
    await Promise.all(queued);
    await checkRuns(executor);
    expect(count).toEqual({ begun: 3 + queued.length, ended: 3 + queued.length });
  });

  test("where the loop throws, with what it threw", async () => {
    const executor = make({
      onFinish: () => {
        throw new RangeError("finish");
      },
    });
    const loop = (async () => {
      for await (const op of executor.step(inputs)) throw new TypeError(op.name);
    })();
    await expect(loop).rejects.toThrow(new TypeError("add"));
    const left = (async () => {
      for await (const _ of executor.step(inputs)) break;
    })();
    await expect(left).rejects.toThrow("finish");
  });

  test("before they begin, and by throw", async () => {
    const { count, policy } = counting();
    const executor = make(policy);
    await executor.step(inputs).return({ y: tensor("float32", [6]) });
    expect(count.begun).toBe(0);
    const steps = executor.step(inputs);
    await steps.next();
    await expect(steps.throw(new RangeError("enough"))).rejects.toThrow("enough");
    expect(count).toEqual({ begun: 1, ended: 1 });
    await checkRuns(executor);
  });

  test("where an op or the inputs fail", async () => {
    let bad = true;
    const executor = make({
      dispatchSync: (op, next) => {
        if (bad && op.name === "flatten") throw new RangeError("bad hook");
        next();
      },
    });
    await expect(walk(executor)).rejects.toThrow("bad hook");
    bad = false;
    await expect(executor.step({ ...inputs, x: new Float32Array(5) }).next()).rejects.toThrow(
      InputError,
    );
    await checkRuns(executor);
  });

  test.each<[string, Policy]>([
    ["did not call next for the op add", { dispatchSync: () => {} }],
    ["did not call next for the op add", { dispatch: async () => {} }],
    ["called next twice for the op add", { dispatchSync: (_, next) => (next(), next()) }],
    [
      "called next twice for the op add",
      {
        dispatch: async (_, next) => {
          await next();
          await next();
        },
      },
    ],
    [
      "no start",
      {
        onStart: () => {
          throw new RangeError("no start");
        },
      },
    ],
  ])("where a hook breaks its promise: %s", async (says, bad) => {
    let current: Policy = bad;
    const executor = make(
      {
        onStart: (run) => current.onStart?.(run),
        dispatch: (op, next) => current.dispatch?.(op, next) ?? next(),
        dispatchSync: (op, next) =>
          current.dispatchSync ? current.dispatchSync(op, next) : next(),
      },
      {
        dispatchSync: (op, next) =>
          current.dispatchSync ? current.dispatchSync(op, next) : next(),
      },
    );
    await expect(walk(executor)).rejects.toThrow(says);
    current = {};
    await checkRuns(executor);
    expect((await walk(executor)).y).toEqual(wanted);
  });

  test("with a signal: before, between, and within an op", async () => {
    let hang = false;
    const stuck: Next[] = [];
    const executor = make({
      dispatch: (_op, next) => {
        if (!hang) return next();
        stuck.push(next);
        return new Promise(() => {});
      },
      dispatchSync: (_op, next) => next(),
    });
    const enough = new RangeError("enough");
    const gone = { signal: AbortSignal.abort(enough) };
    await expect(executor.step(inputs, gone).next()).rejects.toThrow(enough);
    const between = new AbortController();
    const steps = executor.step(inputs, { signal: between.signal });
    await steps.next();
    between.abort(enough);
    await expect(steps.next()).rejects.toThrow(enough);
    expect(await steps.next()).toEqual({ done: true, value: undefined });
    const last = new AbortController();
    const loop = (async () => {
      for await (const op of executor.step(inputs, { signal: last.signal })) {
        if (op.name === "mul") last.abort(enough);
      }
    })();
    await expect(loop).rejects.toThrow(enough);
    hang = true;
    const within = new AbortController();
    const step = executor.step(inputs, { signal: within.signal }).next();
    setTimeout(() => within.abort(enough), 0);
    await expect(step).rejects.toThrow(enough);
    hang = false;
    await checkRuns(executor);
    for (const next of stuck) await expect(next()).rejects.toThrow(StateError);
  });

  test("where the executor is disposed of, and so do those who wait for them", async () => {
    const executor = make();
    const steps = executor.step(inputs);
    await steps.next();
    const queued = executor.run(inputs);
    executor.dispose();
    await expect(queued).rejects.toThrow("disposed");
    expect(() => executor.read("sum")).toThrow("disposed");
    await expect(steps.next()).rejects.toThrow("disposed");
    await expect(executor.step(inputs).next()).rejects.toThrow("disposed");
  });

  test("where they are left and disposed of at once", async () => {
    const steps: AsyncGenerator<Op>[] = [];
    {
      await using executor = make();
      steps.push(executor.step(inputs));
      await steps[0]?.next();
      await steps[0]?.return(undefined);
    }
    expect(await steps[0]?.next()).toEqual({ done: true, value: undefined });
  });
});

test("an early exit takes the output that is sure", async () => {
  /** Stop at `exit` if it is sure, else go on to the end. */
  async function classify(executor: Executor<StaticNet>, exit: string, isSure: boolean) {
    const done: string[] = [];
    for await (const op of executor.step(inputs)) {
      done.push(op.name);
      if (op.name === exit && isSure) return { done, result: executor.read(exit) };
      if (op.name === "mul") return { done, result: executor.read("y") };
    }
    throw new Error("the model has no such op");
  }
  const executor = make();
  const early = await classify(executor, "add", true);
  expect(early.done).toEqual(["add"]);
  expect(numbers(early.result)).toEqual([11, 12, 13, 24, 25, 26]);
  const late = await classify(executor, "add", false);
  expect(late.done).toEqual(OPS);
  expect(numbers(late.result)).toEqual(wanted);
});

test("steps of random models on random devices are right", async () => {
  for (let seed = 0; seed < 40; seed++) {
    const random = randomFrom(seed);
    const model = randomGraph(random, 1 + Math.floor(random() * 30));
    const all = evaluateGraph(model, x);
    using executor = Executor.createSync(model, {
      files: graphFiles,
      devices: ["wasm", new FakeDevice(seed % 2 > 0)],
      policies: [{ place: () => (random() < 0.5 ? "wasm" : "webgl2") }],
    });
    const count = Math.floor(random() * 40);
    for (const most of [count, Infinity]) {
      let done = 0;
      for await (const op of executor.step({ x })) {
        for (const { name } of op.outputs) {
          const value = model.values.findIndex((one) => one.name === name);
          expect(executor.read(name).data).toEqual(all[value]);
        }
        if (++done > most) break;
      }
      const outputs = await executor.run({ x });
      for (const { name, value } of model.outputs) expect(outputs[name]?.data).toEqual(all[value]);
    }
  }
});

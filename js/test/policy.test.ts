import { describe, expect, test } from "vitest";
import {
  Accelerator,
  Executor,
  type Model,
  type Next,
  OptionError,
  type Op,
  Owner,
  PlacementError,
  type Policy,
  type Run,
  StateError,
} from "../src/index.js";
import { Room, ticks } from "./accelerator.js";
import { inputs, modelFiles, OPS, staticModel, type StaticNet, wanted } from "./model.js";

const files = modelFiles();

const make = (...policies: Policy[]) => Executor.createSync(staticModel, { files, policies });
const fail = (message: string) => (): never => {
  throw new RangeError(message);
};

async function checkRun(executor: Executor<StaticNet>) {
  expect(Array.from((await executor.run(inputs)).y.data)).toEqual(wanted);
}

function checkRunSync(executor: Executor<StaticNet>) {
  expect(Array.from(executor.runSync(inputs).y.data)).toEqual(wanted);
}

/** A policy that logs all it hears. */
function logging(name: string, log: string[]): Required<Omit<Policy, "order">> {
  return {
    place: ({ name: op }) => void log.push(`${name} place ${op}`),
    onStart: ({ id }) => void log.push(`${name} start ${id}`),
    onFinish: ({ id }) => void log.push(`${name} finish ${id}`),
    async dispatch(op, next) {
      log.push(`${name} ${op.name}`);
      await next();
      await ticks(3);
      log.push(`${name} done`);
    },
    dispatchSync(op, next) {
      log.push(`${name} sync ${op.name}`);
      next();
      log.push(`${name} sync done`);
    },
  };
}

test("policies are a list", () => {
  const policies = {} as Policy[];
  expect(() => Executor.createSync(staticModel, { files, policies })).toThrow(OptionError);
});

describe("policies nest in their order, within the executor's class, in a", () => {
  const log: string[] = [];
  const own = logging("own", log);
  class Own<M extends Model> extends Executor<M> {
    override dispatch(op: Op<M>, next: Next) {
      return own.dispatch(op, next);
    }
    override dispatchSync(op: Op<M>, next: () => void) {
      own.dispatchSync(op, next);
    }
    override onStart(run: Run) {
      own.onStart(run);
    }
    override onFinish(run: Run) {
      own.onFinish(run);
    }
  }
  const policies = [logging("a", log), logging("b", log)];
  const executor = Own.createSync(staticModel, { files, policies });

  test.each(["", "sync "])("%srun", async (form) => {
    const id = form ? 1 : 0;
    log.length = 0;
    if (form) checkRunSync(executor);
    else await checkRun(executor);
    const names = ["own", "a", "b"];
    const back = [...names].reverse();
    expect(log).toEqual([
      ...names.map((name) => `${name} start ${id}`),
      ...OPS.flatMap((op) => [
        ...names.map((name) => `${name} ${form}${op}`),
        ...back.map((name) => `${name} ${form}done`),
      ]),
      ...back.map((name) => `${name} finish ${id}`),
    ]);
  });
});

test("the first policy that places an op decides, and none needs to", () => {
  const log: string[] = [];
  const nowhere = { place: () => "abacus" as "wasm" };
  const executor = make(logging("a", log), { place: () => "wasm" }, nowhere);
  expect(log).toEqual(OPS.map((op) => `a place ${op}`));
  expect(executor.describe().ops.map(({ device }) => device)).toEqual(["wasm", "wasm", "wasm"]);
  expect(() => make(nowhere)).toThrow(PlacementError);
  expect(
    make({})
      .describe()
      .ops.map(({ device }) => device),
  ).toEqual(["wasm", "wasm", "wasm"]);
});

test("a run that waits calls dispatchSync of a policy without dispatch, within the others", async () => {
  const log: string[] = [];
  const { dispatchSync } = logging("sync", log);
  const { dispatch } = logging("wait", log);
  await checkRun(make({ dispatchSync }, { dispatch }));
  const around = (op: string) => [`wait ${op}`, `sync sync ${op}`, "sync sync done", "wait done"];
  expect(log).toEqual(OPS.flatMap(around));
});

test("a run at once refuses a policy that can only wait", () => {
  const executor = make({ dispatch: (_, next) => next() }, { dispatchSync: (_, next) => next() });
  expect(() => executor.runSync(inputs)).toThrow(StateError);
});

test("hooks hear of the run, and may not start another at once", async () => {
  const runs: Run[] = [];
  let nested: unknown;
  const executor: Executor<StaticNet> = make({
    onStart: (run) => void runs.push(run),
    dispatchSync: (_, next) => {
      next();
      try {
        executor.runSync(inputs);
      } catch (error) {
        nested = error;
      }
    },
  });
  const { signal } = new AbortController();
  await executor.run(inputs, { signal });
  checkRunSync(executor);
  expect(nested).toBeInstanceOf(StateError);
  expect(runs.map((run) => [run.id, run.signal])).toEqual([
    [0, signal],
    [1, undefined],
  ]);
  expect(runs[0]?.binding).toEqual(new Map());
});

describe("a bad hook ends the run, and leaves the next one right:", () => {
  const nextTwice = async (_: Op, next: Next) => {
    await next();
    await next();
  };
  test.each<[string, Policy]>([
    ["throws at once", { dispatchSync: fail("throws at once") }],
    ["throws", { dispatch: async () => fail("throws")() }],
    ["did not call next", { dispatchSync: () => {} }],
    ["did not call next", { dispatch: async () => {} }],
    ["called next twice", { dispatchSync: (_, next) => (next(), next()) }],
    ["called next twice", { dispatch: nextTwice }],
    ["does not start", { onStart: fail("does not start") }],
    ["does not finish", { onFinish: fail("does not finish") }],
  ])("%s %o", async (message, bad) => {
    const good: Policy = {
      dispatch: (_, next) => next(),
      dispatchSync: (_, next) => next(),
      onStart: () => {},
      onFinish: () => {},
    };
    let current = bad;
    const policy = Object.fromEntries(
      Object.keys(bad).map((hook) => [
        hook,
        (...given: unknown[]) =>
          (current[hook as keyof Policy] as (...given: unknown[]) => unknown)(...given),
      ]),
    ) as Policy;
    const executor = make({}, policy);
    await expect(executor.run(inputs)).rejects.toThrow(message);
    current = good;
    await checkRun(executor);
  });

  test("no hook can hide what fails within it", async () => {
    const inner = { dispatchSync: fail("within") };
    const hides: Policy = {
      dispatchSync: (_, next) => {
        try {
          next();
        } catch {}
      },
    };
    const waits: Policy = { dispatch: (_, next) => next().catch(() => {}) };
    expect(() => make(hides, inner).runSync(inputs)).toThrow("within");
    await expect(make(waits, inner).run(inputs)).rejects.toThrow("within");
  });

  // What nobody waits for ends a process where it fails.
  test.each([1, 2])(
    "a hook that fails with what is in it leaves no rejection: in %i",
    async (depth) => {
      const hasty: Policy = {
        async dispatch(_op, next) {
          void next();
          throw new RangeError("hasty");
        },
      };
      const passing: Policy = { dispatch: (_op, next) => next() };
      const failing: Policy = { dispatchSync: fail("inside") };
      using executor = make(hasty, ...[passing].slice(0, depth - 1), failing);
      await expect(executor.run(inputs)).rejects.toThrow("hasty");
      await ticks(20);
    },
  );

  test("next may not be called once the op is over", async () => {
    const kept: (() => void)[] = [];
    const executor = make({
      dispatchSync: (_, next) => {
        next();
        kept.push(next);
      },
    });
    checkRunSync(executor);
    expect(kept.length).toBe(OPS.length);
    for (const next of kept) expect(next).toThrow(StateError);
  });
});

describe("onFinish", () => {
  test("that throws does not hide why a run failed, nor keep others from hearing", async () => {
    const heard: string[] = [];
    const executor = make(
      { onFinish: () => void heard.push("a") },
      { onFinish: fail("finish"), dispatchSync: fail("the run's own") },
      { onFinish: () => void heard.push("b") },
    );
    await expect(executor.run(inputs)).rejects.toThrow("the run's own");
    expect(heard).toEqual(["b", "a"]);
    const { signal } = new AbortController();
    await expect(executor.run(inputs, { signal })).rejects.toThrow("the run's own");
    expect(() => executor.runSync(inputs)).toThrow("the run's own");
    expect(heard).toEqual(["b", "a", "b", "a", "b", "a"]);
  });

  test("is called for those whose onStart was, where a later one throws", async () => {
    const log: string[] = [];
    const { onStart, onFinish } = logging("a", log);
    const late = logging("late", log);
    const executor = make(
      { onStart, onFinish },
      { onStart: fail("no"), onFinish: fail("x") },
      late,
    );
    log.length = 0;
    await expect(executor.run(inputs)).rejects.toThrow("no");
    expect(log).toEqual(["a start 0", "a finish 0"]);
  });
});

test("an abort ends a run whose hook never comes back", async () => {
  const abort = new AbortController();
  let late: Next | undefined;
  const executor = make({
    dispatch: (_, next) => {
      if (late) return next();
      late = next;
      return new Promise(() => {});
    },
  });
  const run = executor.run(inputs, { signal: abort.signal });
  setTimeout(() => abort.abort(new RangeError("enough")), 0);
  await expect(run).rejects.toThrow("enough");
  await checkRun(executor);
  await expect(late?.()).rejects.toThrow(StateError);
});

describe("yieldEvery", () => {
  let yields = 0;
  let time = 0;
  const host = { now: () => (time += 5), yield: async () => void yields++ };
  const executor = Executor.createSync(staticModel, { files, host });

  test.each([
    [0, 3],
    [5, 3],
    [6, 1],
    [1000, 0],
  ])("of %d ms gives the thread back between ops", async (yieldEvery, times) => {
    yields = 0;
    const { y } = await executor.run(inputs, { yieldEvery });
    expect(Array.from(y.data)).toEqual(wanted);
    expect(yields).toBe(times);
  });

  test("that is no duration is refused", async () => {
    for (const yieldEvery of [-1, NaN]) {
      await expect(executor.run(inputs, { yieldEvery })).rejects.toThrow(OptionError);
    }
  });

  test("lets others run by the host's own means", async () => {
    let others = 0;
    const executor = make({
      dispatchSync: (op, next) => {
        if (op.name === OPS.at(-1)) expect(others).toBe(OPS.length - 1);
        next();
        void Promise.resolve().then(() => others++);
      },
    });
    await executor.run(inputs, { yieldEvery: 0 });
    expect(others).toBe(OPS.length);
  });
});

describe("an accelerator's policies", () => {
  /** An op that takes a while on a device that is not this thread. */
  const slow = (room: Room, name: string): Policy => ({
    async dispatch(_op, next) {
      room.enter(name);
      await ticks(5);
      await next();
      await ticks(5);
      room.leave();
    },
  });

  test("keep two executors apart, op by op", async () => {
    const room = new Room();
    const gpu = new Accelerator("gpu");
    const names = ["camera", "background"];
    const executors = names.map((name, index) => {
      const lease = gpu.policy({ owner: new Owner(name), priority: 1 - index });
      return Executor.create(staticModel, { files, policies: [lease, slow(room, name)] });
    });
    const models = (await Promise.all(executors)).map(async (executor) => {
      for (let i = 0; i < 20; i++) await checkRun(executor);
    });
    await Promise.all(models);
    expect(room).toMatchObject({ inside: 0, most: 1 });
    expect(room.entered.length).toBe(2 * 20 * OPS.length);
    const changes = room.entered.filter((name, i) => i && name !== room.entered[i - 1]);
    expect(changes.length).toBeGreaterThan(10);
  });

  test("are what keeps them apart", async () => {
    const room = new Room();
    await Promise.all(["a", "b"].map((name) => checkRun(make(slow(room, name)))));
    expect(room.most).toBe(2);
  });

  test("wait no longer than the run, and work at once where it is free", async () => {
    const gpu = new Accelerator("gpu");
    const executor = make(gpu.policy({ owner: new Owner("mine") }));
    const lease = await gpu.acquire({ owner: new Owner("camera") });
    expect(() => executor.runSync(inputs)).toThrow("camera holds it");
    const stop = new AbortController();
    const run = executor.run(inputs, { signal: stop.signal });
    setTimeout(() => stop.abort(new RangeError("enough")), 0);
    await expect(run).rejects.toThrow("enough");
    lease.release();
    checkRunSync(executor);
    await checkRun(executor);
  });
});

import { describe, expect, test } from "vitest";
import { PATIENCE } from "../src/accelerator/line.js";
import {
  Accelerator,
  Executor,
  type LeaseRequest,
  type Model,
  type Next,
  type NextSync,
  type Op,
  Owner,
  StateError,
} from "../src/index.js";
import { dice, FairLocks, Room, ticks } from "./accelerator.js";
import { inputs, modelFiles, staticModel, type StaticNet, wanted } from "./model.js";

const OPS = staticModel.main.length;
const files = modelFiles();

/** What one dispatch saw of the accelerator. */
interface Stay {
  readonly name: string;
  /** How many ops of others ended, or began and ended, while this one waited. */
  readonly waited: number;
}

/** An accelerator, and a record of who is on it. */
class Machine {
  readonly room = new Room();
  readonly stays: Stay[] = [];
  readonly #roll = dice(20_011);
  readonly #accelerator: Accelerator | undefined;
  #ended = 0;

  constructor(accelerator?: Accelerator) {
    this.#accelerator = accelerator;
  }

  /** Do an op that takes a while, as on a device that is not this thread. */
  async dispatch(request: LeaseRequest, next: Next): Promise<void> {
    const { name } = request.owner;
    const ended = this.#ended;
    const job = async () => {
      this.stays.push({ name, waited: this.#ended - ended });
      this.room.enter(name);
      await ticks(this.#roll(4));
      await next();
      await ticks(this.#roll(4));
      this.room.leave();
      this.#ended++;
    };
    await (this.#accelerator ? this.#accelerator.hold(request, job) : job());
  }

  /** The waits of the ops of `name`, in ops of others, the longest last. */
  waits(name: string): number[] {
    const stays = this.stays.filter((stay) => stay.name === name);
    return stays.map(({ waited }) => waited).sort((a, b) => a - b);
  }
}

const make = (machine: Machine, request: LeaseRequest): Executor<StaticNet> => {
  class Sharing<M extends Model> extends Executor<M> {
    override dispatch(_op: Op<M>, next: Next): Promise<void> {
      return machine.dispatch(request, next);
    }
  }
  return Sharing.createSync(staticModel, { files });
};

const run = async (executor: Executor<StaticNet>) => {
  expect(Array.from((await executor.run(inputs)).y.data)).toEqual(wanted);
};

describe.each([
  ["one agent", undefined],
  ["locks", new FairLocks()],
])("two executors that share an accelerator of %s", (_, locks) => {
  test("never overlap on it in 10,000 dispatches; the first waits for one op at most", async () => {
    const machine = new Machine(new Accelerator("gpu", { locks }));
    const runs = Math.ceil(5000 / OPS);
    const priorities = { camera: 1, background: 0 };
    const models = Object.entries(priorities).map(async ([name, priority]) => {
      const executor = make(machine, { owner: new Owner(name), priority });
      for (let i = 0; i < runs; i++) await run(executor);
    });
    await Promise.all(models);
    expect(machine.stays.length).toBe(2 * runs * OPS);
    expect(machine.stays.length).toBeGreaterThanOrEqual(10_000);
    expect(machine.room).toMatchObject({ inside: 0, most: 1 });
    expect(machine.waits("camera").at(-1)).toBe(1);
    expect(machine.waits("background").at(-1)).toBeLessThanOrEqual(PATIENCE + 2);
  });
});

test("without an accelerator they do overlap", async () => {
  const machine = new Machine();
  await Promise.all(
    ["a", "b"].map((name) => run(make(machine, { owner: new Owner(name), priority: 0 }))),
  );
  expect(machine.room.most).toBe(2);
});

test("a camera's model waits for one op of many in the background, and starves none", async () => {
  const machine = new Machine(new Accelerator("gpu"));
  const roll = dice(40_009);
  const names = ["b1", "b2", "b3", "b4"];
  const runs = 500;
  let frames = runs;
  const camera = make(machine, { owner: new Owner("camera"), priority: 1 });
  const film = async () => {
    for (; frames; frames--) {
      await ticks(roll(8));
      await run(camera);
    }
  };
  const background = names.map(async (name) => {
    const executor = make(machine, { owner: new Owner(name) });
    while (frames) await run(executor);
  });
  await Promise.all([film(), ...background]);
  expect(machine.room).toMatchObject({ inside: 0, most: 1 });
  const waits = machine.waits("camera");
  expect(waits.length).toBe(runs * OPS);
  expect(waits[Math.ceil(waits.length * 0.99) - 1]).toBeLessThanOrEqual(1);
  for (const name of names) {
    expect(machine.waits(name).at(-1)).toBeLessThanOrEqual(names.length * (PATIENCE + 1) + 1);
  }
});

test("beside models that never pause, one of low priority waits no longer than PATIENCE allows", async () => {
  const machine = new Machine(new Accelerator("gpu"));
  let done = false;
  const busy = ["a", "b", "c"].map(async (name) => {
    const executor = make(machine, { owner: new Owner(name), priority: 1 });
    while (!done) await run(executor);
  });
  const rare = make(machine, { owner: new Owner("rare") });
  for (let i = 0; i < 10; i++) await run(rare);
  done = true;
  await Promise.all(busy);
  const waits = machine.waits("rare");
  expect(waits.at(-1)).toBeLessThanOrEqual(PATIENCE + busy.length);
  expect(waits.at(-1)).toBeGreaterThanOrEqual(PATIENCE);
});

test("a kernel or hook that fails gives the accelerator back", async () => {
  const gpu = new Accelerator("gpu");
  const owner = new Owner("failing");
  class Failing<M extends Model> extends Executor<M> {
    override dispatch(op: Op<M>, next: Next): Promise<void> {
      return gpu.hold({ owner }, async () => {
        await next();
        if (op.name === "mul") throw new RangeError("no");
      });
    }
  }
  await expect(Failing.createSync(staticModel, { files }).run(inputs)).rejects.toThrow("no");
  await run(make(new Machine(gpu), { owner: new Owner("other") }));
});

describe("a policy", () => {
  const gpu = new Accelerator("gpu");
  const camera = new Owner("camera");

  test("runs each op under a lease", async () => {
    const policy = gpu.policy({ priority: 1 });
    const seen: boolean[] = [];
    const look = () => seen.push(gpu.tryAcquire({ owner: camera }) === undefined);
    await policy.dispatch(undefined, async () => void look());
    policy.dispatchSync(undefined, look);
    expect(seen).toEqual([true, true]);
    expect(gpu.holdSync({ owner: camera }, () => 1)).toBe(1);
  });

  test("waits no longer than its run", async () => {
    const policy = gpu.policy({ owner: new Owner("background") });
    const lease = await gpu.acquire({ owner: camera });
    const stop = new AbortController();
    policy.onStart({ signal: stop.signal });
    const waiting = policy.dispatch(undefined, () => expect.unreachable());
    stop.abort(new RangeError("enough"));
    await expect(waiting).rejects.toThrow("enough");
    policy.onFinish();
    const next = policy.dispatch(undefined, async () => {});
    lease.release();
    await next;
  });

  test("does not wait where a run may not", async () => {
    const lease = await gpu.acquire({ owner: camera });
    const run = () => gpu.policy().dispatchSync(undefined, () => {});
    expect(run).toThrow(StateError);
    expect(run).toThrow("camera holds it");
    lease.release();
    run();
  });
});

test("a run at once takes an accelerator that is free, or says who has it", async () => {
  const gpu = new Accelerator("gpu");
  const owner = new Owner("mine");
  class Sharing<M extends Model> extends Executor<M> {
    override dispatchSync(_op: Op<M>, next: NextSync): void {
      gpu.holdSync({ owner }, next);
    }
  }
  const executor = Sharing.createSync(staticModel, { files });
  expect(Array.from(executor.runSync(inputs).y.data)).toEqual(wanted);
  const lease = await gpu.acquire({ owner: new Owner("camera") });
  expect(() => executor.runSync(inputs)).toThrow(StateError);
  expect(() => executor.runSync(inputs)).toThrow("camera holds it");
  lease.release();
  expect(Array.from(executor.runSync(inputs).y.data)).toEqual(wanted);
});

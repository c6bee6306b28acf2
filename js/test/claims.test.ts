import { describe, expect, test } from "vitest";
import { PATIENCE } from "../src/accelerator/line.js";
import {
  Accelerator,
  DeadlockError,
  Executor,
  type Locks,
  type Op,
  Owner,
  type Policy,
  StateError,
} from "../src/index.js";
import { dice, FairLocks, Room, ticks } from "./accelerator.js";
import { FakeDevice } from "./fake-device.js";
import {
  evaluateGraph,
  type Graph,
  graphFiles,
  graphX as x,
  randomFrom,
  randomGraph,
} from "./graph.js";

const OPS = 10;
const graphs = Array.from({ length: 100 }, (_, seed) => randomGraph(randomFrom(seed), OPS));
const model = graphs.find(({ ops }) => !ops.some(({ kind }) => kind === "view")) as Graph;

function make(policies: readonly Policy[], device = new FakeDevice()) {
  return Executor.createSync(model, { files: graphFiles, devices: ["wasm", device], policies });
}

function check(outputs: Readonly<Record<string, { data: ArrayBufferView }>>) {
  const wanted = evaluateGraph(model, x);
  for (const { name, value } of model.outputs) expect(outputs[name]?.data).toEqual(wanted[value]);
}

describe.each<[string, Locks | undefined]>([
  ["one agent", undefined],
  ["locks", new FairLocks()],
])("two models whose ops are placed on an accelerator of %s", (_, locks) => {
  test("never overlap on it in 10,000 dispatches; the first waits for one op at most", async () => {
    const accelerator = new Accelerator("gpu", { locks });
    const room = new Room();
    const roll = dice(70_001);
    const runs = 5000 / OPS;
    /** How many ops have ended, and for how many of others each model waited at most. */
    let ended = 0;
    const waited = { camera: 0, background: 0 };
    const models = (["camera", "background"] as const).map(async (name, index) => {
      let asked = 0;
      const device = new FakeDevice();
      device.onOp = async () => {
        room.enter(name);
        waited[name] = Math.max(waited[name], ended - asked);
        await ticks(roll(6));
        ended++;
        room.leave();
      };
      const asking: Policy = {
        place: () => ({ device: "webgl2", accelerator, priority: 1 - index }),
        dispatch: (_op, next) => ((asked = ended), next()),
      };
      const executor = make([asking], device);
      for (let run = 0; run < runs; run++) check(await executor.run({ x }));
    });
    await Promise.all(models);
    expect(room.entered.length).toBe(10_000);
    expect(room).toMatchObject({ inside: 0, most: 1 });
    expect(waited.camera).toBe(1);
    expect(waited.background).toBeLessThanOrEqual(PATIENCE + 2);
  });
});

describe("an op that is placed on an accelerator", () => {
  const gpu = new Accelerator("gpu");
  const other = new Owner("camera");
  const roots = ({ kind }: Op) => (kind === "root" ? { accelerator: gpu } : undefined);
  const placed: Policy = { place: roots };

  test("needs it in a run at once, and the others do not", () => {
    const executor = make([placed]);
    check(executor.runSync({ x }));
    const seen: string[] = [];
    const watching = make([
      { place: roots, dispatchSync: (op, next) => (seen.push(op.kind), next()) },
    ]);
    const lease = gpu.tryAcquire({ owner: other });
    expect(() => watching.runSync({ x })).toThrow(StateError);
    expect(() => watching.runSync({ x })).toThrow("camera holds it");
    expect(seen).not.toContain("root");
    lease?.release();
    check(watching.runSync({ x }));
    expect(seen).toContain("root");
  });

  test("waits for it no longer than its run and its executor", async () => {
    const lease = gpu.tryAcquire({ owner: other });
    const executor = make([placed]);
    const stop = new AbortController();
    const aborted = executor.run({ x }, { signal: stop.signal });
    setTimeout(() => stop.abort(new RangeError("enough")), 0);
    await expect(aborted).rejects.toThrow("enough");
    const ended = executor.run({ x });
    setTimeout(() => executor.dispose(), 0);
    await expect(ended).rejects.toThrow(StateError);
    lease?.release();
    check(await make([placed]).run({ x }));
  });

  test("gives it back when it fails, and hooks are around its lease", async () => {
    const held: boolean[] = [];
    const isHeld = () => {
      const lease = gpu.tryAcquire({ owner: other });
      lease?.release();
      return !lease;
    };
    const around: Policy = {
      place: roots,
      async dispatch(op, next) {
        held.push(isHeld());
        await next();
        if (op.kind === "root") throw new RangeError("no");
      },
    };
    const within: Policy = {
      dispatchSync(op, next) {
        if (op.kind === "root") held.push(isHeld());
        next();
      },
    };
    const executor = make([around, within]);
    await expect(executor.run({ x })).rejects.toThrow("no");
    expect(held.slice(-2)).toEqual([false, true]);
    expect(isHeld()).toBe(false);
  });

  test("waits for no owner that waits for it: that is an error", async () => {
    const tpu = new Accelerator("tpu");
    const attempts = [
      [gpu, tpu],
      [tpu, gpu],
    ].map(([outer, inner], index) => {
      const owner = new Owner(`model ${index}`);
      const placing: Policy = { place: () => ({ accelerator: inner as Accelerator, owner }) };
      const pause: Policy = { dispatch: (_op, next) => ticks(5).then(next) };
      return make([placing, (outer as Accelerator).policy({ owner }), pause]).run({ x });
    });
    const results = await Promise.allSettled(attempts);
    const failures = results.filter((result) => result.status === "rejected");
    expect(failures.map(({ reason }) => reason)).toEqual([expect.any(DeadlockError)]);
  });
});

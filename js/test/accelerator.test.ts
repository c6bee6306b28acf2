import { describe, expect, test } from "vitest";
import { PATIENCE } from "../src/accelerator/line.js";
import {
  Accelerator,
  DeadlockError,
  type Lease,
  OptionError,
  Owner,
  StateError,
} from "../src/index.js";
import { dice, FairLocks, Room, ticks } from "./accelerator.js";

const camera = () => new Owner("camera");
const background = () => new Owner("background");

describe.each([
  ["in one agent", () => undefined],
  ["over locks", () => new FairLocks()],
])("an accelerator %s", (_, makeLocks) => {
  const make = (name = "gpu") => new Accelerator(name, { locks: makeLocks() });

  test("is lent to one at a time", async () => {
    const gpu = make();
    const first = await gpu.acquire({ owner: camera() });
    let second: Lease | undefined;
    void gpu.acquire({ owner: background() }).then((lease) => (second = lease));
    await ticks(20);
    expect(second).toBeUndefined();
    first.release();
    expect(first.held).toBe(false);
    await ticks(20);
    expect(second?.held).toBe(true);
    expect(second?.owner.name).toBe("background");
  });

  test("refuses a second release, which would be another's lease", async () => {
    const gpu = make();
    const lease = await gpu.acquire({ owner: camera() });
    const waiting = gpu.acquire({ owner: background() });
    lease.release();
    expect((await waiting).held).toBe(true);
    expect(() => lease.release()).toThrow(StateError);
    expect(() => lease.release()).toThrow("gpu was released twice");
    expect((await waiting).held).toBe(true);
  });

  test("is given back by a job that throws, at once or later", async () => {
    const gpu = make();
    const owner = camera();
    const fail = () => {
      throw new RangeError("no");
    };
    await expect(gpu.hold({ owner }, fail)).rejects.toThrow(RangeError);
    await expect(gpu.hold({ owner }, async () => fail())).rejects.toThrow(RangeError);
    expect(await gpu.hold({ owner: background() }, () => 7)).toBe(7);
  });

  test("goes to the highest priority, then to whoever came first", async () => {
    const gpu = make();
    const lease = await gpu.acquire({ owner: camera() });
    const order: string[] = [];
    const jobs = [0, 1, -1, 1, 0].map((priority, i) =>
      gpu.hold({ owner: new Owner(`${i}`), priority }, () => order.push(`${priority}:${i}`)),
    );
    lease.release();
    await Promise.all(jobs);
    expect(order).toEqual(["1:1", "1:3", "0:0", "0:4", "-1:2"]);
  });

  test("lets a waiter give up", async () => {
    const gpu = make();
    const lease = await gpu.acquire({ owner: camera() });
    const stop = new AbortController();
    const owner = background();
    const waiting = gpu.acquire({ owner, signal: stop.signal });
    const next = gpu.acquire({ owner: new Owner("next") });
    await ticks(20);
    stop.abort(new RangeError("enough"));
    await expect(waiting).rejects.toThrow("enough");
    expect(owner.waitsFor).toBeUndefined();
    lease.release();
    expect((await next).held).toBe(true);
    // Neither is there anything to give up after the fact, nor a lease for who had given up before.
    await expect(gpu.acquire({ owner, signal: stop.signal })).rejects.toThrow("enough");
  });

  test("stays usable where all have given up", async () => {
    const gpu = make();
    const lease = await gpu.acquire({ owner: camera() });
    const stop = new AbortController();
    const waiting = gpu.acquire({ owner: background(), signal: stop.signal });
    stop.abort();
    await expect(waiting).rejects.toMatchObject({ name: "AbortError" });
    lease.release();
    expect(await gpu.hold({ owner: camera() }, () => 1)).toBe(1);
  });

  test("a signal does not take a lease back", async () => {
    const gpu = make();
    const stop = new AbortController();
    const lease = await gpu.acquire({ owner: camera(), signal: stop.signal });
    stop.abort();
    expect(lease.held).toBe(true);
  });

  test("is given back by an owner that is disposed", async () => {
    const gpu = make("gpu");
    const npu = make("npu");
    const owner = camera();
    const leases = [await gpu.acquire({ owner }), await npu.acquire({ owner })];
    const others = [gpu, npu].map((one) => one.acquire({ owner: background() }));
    owner.dispose();
    owner.dispose();
    expect(leases.map(({ held }) => held)).toEqual([false, false]);
    expect((await Promise.all(others)).map(({ held }) => held)).toEqual([true, true]);
    // A holder's `finally` owes one release each.
    for (const lease of leases) lease.release();
    expect(() => leases[0]?.release()).toThrow(StateError);
    await expect(gpu.acquire({ owner })).rejects.toThrow("the owner camera is disposed");
  });

  test("an owner that is disposed waits no more", async () => {
    const gpu = make();
    const lease = await gpu.acquire({ owner: camera() });
    const owner = background();
    const waiting = gpu.acquire({ owner });
    owner.dispose();
    await expect(waiting).rejects.toThrow("the owner background was disposed while it waited");
    lease.release();
    expect(await gpu.hold({ owner: camera() }, () => 1)).toBe(1);
  });

  test("refuses an owner that waits already, and a priority that is no number", async () => {
    const gpu = make();
    const lease = await gpu.acquire({ owner: camera() });
    const owner = background();
    const waiting = gpu.acquire({ owner });
    await expect(gpu.acquire({ owner })).rejects.toThrow("background waits for gpu already");
    await expect(gpu.acquire({ owner, priority: NaN })).rejects.toThrow(OptionError);
    lease.release();
    expect((await waiting).held).toBe(true);
  });

  test("finds owners that would wait for each other forever, and the others go on", async () => {
    const [gpu, npu, dsp] = [make("gpu"), make("npu"), make("dsp")];
    const [a, b, c] = [new Owner("a"), new Owner("b"), new Owner("c")];
    const leases = [
      await gpu.acquire({ owner: a }),
      await npu.acquire({ owner: b }),
      await dsp.acquire({ owner: c }),
    ];
    const bystander = gpu.acquire({ owner: new Owner("d") });
    const first = npu.acquire({ owner: a });
    const second = dsp.acquire({ owner: b });
    const third = gpu.acquire({ owner: c, priority: 9 });
    await expect(third).rejects.toThrow(DeadlockError);
    await expect(third).rejects.toMatchObject({
      name: "DeadlockError",
      problems: [
        "c waits for gpu, which a holds",
        "a waits for npu, which b holds",
        "b waits for dsp, which c holds",
      ],
    });
    leases[2]?.release();
    (await second).release();
    leases[1]?.release();
    (await first).release();
    leases[0]?.release();
    (await bystander).release();
  });

  test("finds an owner that waits for itself", async () => {
    const gpu = make();
    const owner = camera();
    const lease = await gpu.acquire({ owner });
    await expect(gpu.acquire({ owner })).rejects.toMatchObject({
      name: "DeadlockError",
      problems: ["camera waits for gpu, which camera holds"],
    });
    lease.release();
    expect(await gpu.hold({ owner }, () => 1)).toBe(1);
  });

  test("a circle that one has left is none", async () => {
    const [gpu, npu] = [make("gpu"), make("npu")];
    const [a, b] = [camera(), background()];
    await gpu.acquire({ owner: a });
    const other = await npu.acquire({ owner: b });
    const stop = new AbortController();
    const left = npu.acquire({ owner: a, signal: stop.signal });
    stop.abort();
    await expect(left).rejects.toThrow();
    const waiting = gpu.acquire({ owner: b });
    await ticks(20);
    expect(b.waitsFor).toBe(gpu);
    a.dispose();
    (await waiting).release();
    other.release();
  });

  test("starves nobody", async () => {
    const gpu = make();
    const order: string[] = [];
    let done = false;
    const often = [1, 2].map(async (i) => {
      const owner = new Owner(`often ${i}`);
      while (!done) await gpu.hold({ owner, priority: 1 }, () => order.push(owner.name));
    });
    const rare = [1, 2, 3].map(async (i) => {
      const owner = new Owner(`rare ${i}`);
      await gpu.hold({ owner, priority: 0 }, () => order.push(owner.name));
    });
    await Promise.all(rare);
    done = true;
    await Promise.all(often);
    const places = [1, 2, 3].map((i) => order.indexOf(`rare ${i}`));
    for (const [i, place] of places.entries()) {
      expect(place).toBeLessThanOrEqual((i + 1) * (PATIENCE + 1) + 1);
    }
    // Nor do they go as often as those of a higher priority.
    expect(places[0]).toBeGreaterThan(PATIENCE / 2);
  });

  test.each(Array.from({ length: 40 }, (_, seed) => seed))("random schedule %i", async (seed) => {
    const roll = dice(seed * 7919 + 17);
    const accelerators = ["gpu", "npu", "dsp"].map(make);
    const rooms = accelerators.map(() => new Room());
    const counts = { leases: 0, aborts: 0, deadlocks: 0, disposals: 0, failures: 0 };
    const work = async (name: string) => {
      let owner = new Owner(name);
      /** Hold random accelerators inside each other, sometimes ending badly. */
      const nest = async (depth: number): Promise<void> => {
        const at = roll(3);
        const stop = new AbortController();
        if (roll(4) === 0) void ticks(roll(12)).then(() => stop.abort(new RangeError("aborted")));
        const request = { owner, priority: roll(3), signal: stop.signal };
        await accelerators[at]?.hold(request, async () => {
          counts.leases++;
          rooms[at]?.enter(name);
          try {
            await ticks(roll(4));
            if (depth && roll(2)) await nest(depth - 1);
            if (roll(8) === 0) throw new TypeError("failed");
          } finally {
            rooms[at]?.leave();
          }
        });
      };
      for (let i = 0; i < 40; i++) {
        try {
          await nest(2);
        } catch (error) {
          if (error instanceof DeadlockError) {
            counts.deadlocks++;
            expect(error.problems.at(-1)).toContain(`which ${name} holds`);
          } else if (error instanceof RangeError) counts.aborts++;
          else if (error instanceof TypeError) counts.failures++;
          else throw error;
        }
        if (roll(10) === 0) {
          counts.disposals++;
          owner.dispose();
          owner = new Owner(name);
        }
      }
    };
    await Promise.all(["a", "b", "c", "d"].map(work));
    for (const room of rooms) expect(room).toMatchObject({ inside: 0, most: 1 });
    for (const one of accelerators) {
      expect(await one.hold({ owner: new Owner("last") }, () => "free")).toBe("free");
    }
    for (const count of Object.values(counts)) expect(count).toBeGreaterThan(0);
  });
});

describe("at once", () => {
  test("a free accelerator is lent, a held one is not", () => {
    const gpu = new Accelerator("gpu");
    const lease = gpu.tryAcquire({ owner: camera() });
    expect(lease?.held).toBe(true);
    expect(gpu.tryAcquire({ owner: background() })).toBeUndefined();
    expect(() => gpu.holdSync({ owner: background() }, () => 1)).toThrow(
      "gpu can't be had at once, since camera holds it: wait for it",
    );
    lease?.release();
    expect(gpu.holdSync({ owner: background() }, () => 1)).toBe(1);
  });

  test("a job that throws gives it back", () => {
    const gpu = new Accelerator("gpu");
    const fail = () => {
      throw new RangeError("no");
    };
    expect(() => gpu.holdSync({ owner: camera() }, fail)).toThrow(RangeError);
    expect(gpu.holdSync({ owner: camera() }, () => 1)).toBe(1);
  });

  test("a job does not begin for an owner that is disposed as its turn comes", async () => {
    const gpu = new Accelerator("gpu");
    const lease = await gpu.acquire({ owner: camera() });
    const owner = background();
    const waiting = gpu.hold({ owner }, () => expect.unreachable());
    await ticks(20);
    lease.release();
    owner.dispose();
    await expect(waiting).rejects.toThrow("the owner background is disposed");
    expect(gpu.holdSync({ owner: camera() }, () => 1)).toBe(1);
  });

  test("locks are never to be had", () => {
    const gpu = new Accelerator("gpu", { locks: new FairLocks() });
    expect(gpu.tryAcquire({ owner: camera() })).toBeUndefined();
    expect(() => gpu.holdSync({ owner: camera() }, () => 1)).toThrow(StateError);
  });
});

describe("locks", () => {
  test("join accelerators of the same name, and no others", async () => {
    const locks = new FairLocks();
    const mine = new Accelerator("gpu", { locks });
    const yours = new Accelerator("gpu", { locks });
    const other = new Accelerator("npu", { locks });
    const lease = await mine.acquire({ owner: camera() });
    let served = false;
    const waiting = yours.acquire({ owner: background() }).finally(() => (served = true));
    (await other.acquire({ owner: new Owner("bystander") })).release();
    await ticks(50);
    expect(served).toBe(false);
    lease.release();
    expect((await waiting).held).toBe(true);
  });

  test("take turns with other agents, one lease each", async () => {
    const locks = new FairLocks();
    const order: string[] = [];
    const agents = ["a", "b"].map(async (name) => {
      const gpu = new Accelerator("gpu", { locks });
      const jobs = [1, 2, 3].map((i) =>
        gpu.hold({ owner: new Owner(`${name}${i}`) }, () => order.push(`${name}${i}`)),
      );
      await Promise.all(jobs);
    });
    await Promise.all(agents);
    expect(order).toEqual(["a1", "b1", "a2", "b2", "a3", "b3"]);
  });

  test("that are stolen end the lease and the waiting, and may be asked for again", async () => {
    const locks = new FairLocks();
    const gpu = new Accelerator("gpu", { locks });
    const lease = await gpu.acquire({ owner: camera() });
    const waiting = gpu.acquire({ owner: background() });
    locks.steal("pyjsml/gpu");
    await expect(waiting).rejects.toThrow("this host's locks refuse gpu");
    expect(lease.held).toBe(false);
    lease.release();
    expect(await gpu.hold({ owner: camera() }, () => 1)).toBe(1);
  });

  test("that refuse say so", async () => {
    const locks = { request: () => Promise.reject(new TypeError("not here")) };
    const gpu = new Accelerator("gpu", { locks });
    for (let i = 0; i < 2; i++) {
      await expect(gpu.acquire({ owner: camera() })).rejects.toMatchObject({
        name: "StateError",
        cause: { message: "not here" },
      });
    }
  });
});

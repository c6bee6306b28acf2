import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { OpData } from "../src/data.js";
import type * as Runtime from "../src/index.js";
import type { CreateOptions, Op, Placement, Policy } from "../src/index.js";
import { ticks } from "./accelerator.js";
import { useRuntime } from "./built.js";
import { FakeDevice } from "./fake-device.js";
import {
  evaluateGraph,
  type Graph,
  graphFiles,
  graphX as x,
  randomFrom,
  randomGraph,
  SIZE,
  WORTH_SHARING,
} from "./graph.js";
import { assemble, describeFile } from "./model.js";
import { patience } from "./patience.js";

const built = await useRuntime();
const { runtime } = built;

const placing = (place: (op: Op) => Placement | undefined): Policy => ({ place });

/** An executor with three threads. */
function make(model: Graph, place: (op: Op) => Placement | undefined, options: CreateOptions = {}) {
  const policies = [placing(place), ...(options.policies ?? [])];
  return runtime.Executor.create(model, { files: graphFiles, threads: 3, ...options, policies });
}

/** Check an output record against the model computed in JavaScript, bit by bit. */
function check(model: Graph, outputs: Readonly<Record<string, { data: ArrayBufferView }>>) {
  const wanted = evaluateGraph(model, x);
  for (const { name, value } of model.outputs) expect(outputs[name]?.data).toEqual(wanted[value]);
}

describe("random models on random threads compute the same", () => {
  test.each(Array.from({ length: 6 }, (_, seed) => seed))("%i", async (seed) => {
    const random = randomFrom(seed);
    const model = randomGraph(random, 30, WORTH_SHARING);
    const somewhere = (): Placement => {
      const [a, b] = [random(), random()];
      if (a < 0.6) return { thread: Math.floor(b * 3) };
      return a < 0.8 ? { threads: 1 + Math.floor(b * 4) } : "wasm";
    };
    const waiting: Policy = { dispatch: (_op, next) => next() };
    const reversed: Policy = { order: (ready) => ready.at(-1) };
    for (const policies of [[], [waiting], [reversed]]) {
      using executor = await make(model, somewhere, { policies });
      for (let run = 0; run < 10; run++) {
        check(model, await executor.run({ x }));
        if (!policies.includes(waiting)) check(model, executor.runSync({ x }));
      }
      check(model, await executor.run({ x }, { trace: new runtime.Trace() }));
      for (let run = 0; run < 10; run++) {
        const stop = new AbortController();
        const aborted = executor.run({ x: x.map(() => NaN) }, { signal: stop.signal });
        await ticks(Math.floor(random() * 40));
        stop.abort(new RangeError("enough"));
        await aborted.then(
          () => {},
          (error: unknown) => expect(error).toBe(stop.signal.reason),
        );
        check(model, await executor.run({ x }));
      }
      const names = model.values.slice(2).map(({ name }) => name);
      const { captured } = await executor.capture({ x }, names);
      const wanted = evaluateGraph(model, x);
      for (const [index, name] of names.entries()) {
        expect(captured[name]?.data).toEqual(wanted[index + 2]);
      }
      executor.lazy({ from: "op5", to: "op20" });
      for (let run = 0; run < 5; run++) {
        check(model, await executor.run({ x }));
        if (!policies.includes(waiting)) check(model, executor.runSync({ x }));
      }
    }
  });

  test("and split between devices", async () => {
    for (let seed = 0; seed < 4; seed++) {
      const random = randomFrom(seed);
      const model = randomGraph(random, 30);
      const somewhere = (): Placement =>
        random() < 0.4 ? "webgl2" : { device: "wasm", thread: Math.floor(random() * 3) };
      const devices = ["wasm", new FakeDevice(seed % 2 === 0)] as const;
      using executor = await make(model, somewhere, { devices });
      for (let run = 0; run < 10; run++) {
        check(model, await executor.run({ x }));
        check(model, executor.runSync({ x }));
      }
    }
  });
});

/**
 * Ops that tell on which thread they run, or wait for each other: `here` and `there` are at words of
 * their own, which no value has.
 */
const WAT = `(module
  (import "env" "memory" (memory 1 65536))
  (global (export "__heap_base") i32 (i32.const 8192))
  (global $sp (export "__stack_pointer") (mut i32) (i32.const 2048))
  (func $meet (param $out i32) (param $here i32) (param $there i32)
    (local $tries i32)
    (i32.atomic.store (local.get $here) (i32.const 1))
    (loop $again
      (local.set $tries (i32.add (local.get $tries) (i32.const 1)))
      (if (i32.eq (local.get $tries) (i32.const 2000000000)) (then (unreachable)))
      (br_if $again (i32.eqz (i32.atomic.load (local.get $there)))))
    (f32.store (local.get $out) (f32.const 1)))
  (func (export "left") (param $x i32) (param $out i32) (param $begin i32) (param $end i32)
    (call $meet (local.get $out) (i32.const 4096) (i32.const 4160)))
  (func (export "right") (param $x i32) (param $out i32) (param $begin i32) (param $end i32)
    (call $meet (local.get $out) (i32.const 4160) (i32.const 4096)))
  (func (export "stack") (param $x i32) (param $out i32) (param $begin i32) (param $end i32)
    (local $spin i32)
    (loop $next
      (local.set $spin (i32.const 0))
      (loop $again
        (local.set $spin (i32.add (local.get $spin) (i32.const 1)))
        (br_if $again (i32.lt_u (local.get $spin) (i32.const 20000))))
      (f32.store (i32.add (local.get $out) (i32.mul (local.get $begin) (i32.const 4)))
        (f32.convert_i32_s (global.get $sp)))
      (local.set $begin (i32.add (local.get $begin) (i32.const 1)))
      (br_if $next (i32.lt_s (local.get $begin) (local.get $end)))))
  (func (export "fail") (param $x i32) (param $out i32) (param $begin i32) (param $end i32)
    (if (i32.eqz (i32.reinterpret_f32 (f32.load (local.get $x)))) (then (unreachable)))
    (f32.store (local.get $out) (f32.const 1))))`;
const WASM = await assemble(WAT);

/** A model of ops that each read x and write an output of their own. */
function sideBySide(...kernels: string[]): Graph {
  const base = randomGraph(randomFrom(1), 1);
  const value = (name: string, after: readonly number[]) => {
    return { name, dtype: "float32", shape: [SIZE], region: "main", after } as const;
  };
  const ops = kernels.map((kernel, i): OpData => {
    const [inputs, outputs] = [[0], [i + 1]];
    return { name: `op${i}`, kind: kernel, kernel, inputs, outputs, ...WORTH, origins: [] };
  });
  const file = describeFile("ops.wasm", WASM);
  return {
    ...base,
    inputs: [{ name: "x", dtype: "float32", shape: [SIZE], value: 0 }],
    outputs: ops.map(({ name }, i) => {
      return { name, dtype: "float32", shape: [SIZE], value: i + 1 } as const;
    }),
    values: [value("x", []), ...ops.map((_, i) => value(`y${i}`, [i]))],
    ops,
    load: [],
    main: ops.map((_, i) => ["call", i] as const),
    files: { simd128: file, relaxed: file, weights: [] },
  } as Graph;
}

const WORTH = { extent: SIZE, flops: WORTH_SHARING };
const files = { "ops.wasm": WASM };
const threadOf = (threads: readonly number[]) => (op: Op) => ({
  thread: threads[Number(op.name.slice(2))],
});

describe("ops on different threads", () => {
  test.each([
    [1, 0],
    [1, 2],
    [2, 1],
  ])("run at the same time: %i and %i", async (...threads) => {
    const model = sideBySide("left", "right");
    using executor = await make(model, threadOf(threads), { files });
    for (const outputs of [await executor.run({ x }), executor.runSync({ x })]) {
      expect([outputs["op0"]?.data[0], outputs["op1"]?.data[0]]).toEqual([1, 1]);
    }
  });

  test("leave the thread of the executor to others", async () => {
    const model = sideBySide("left", "right");
    using executor = await make(model, threadOf([1, 2]), { files });
    let turns = 0;
    const others = setInterval(() => turns++, 0);
    for (const goOn = patience(); !turns && goOn();) await executor.run({ x });
    clearInterval(others);
    expect(turns).toBeGreaterThan(0);
  });

  test("run where they are told to, by as many as may", async () => {
    const model = sideBySide("stack", "stack", "stack", "stack", "stack");
    const places: Placement[] = [
      { thread: 0 },
      { thread: 1 },
      { thread: 2 },
      { threads: 1 },
      { threads: 2 },
    ];
    using executor = await make(model, ({ name }) => places[Number(name.slice(2))], { files });
    const seen = places.map(() => new Set<number>());
    const goOn = patience();
    // The threads that may share an op do so once they come to it in time.
    for (let run = 0; run < 50 || ((seen[4]?.size ?? 0) < 2 && goOn()); run++) {
      const outputs = await executor.run({ x });
      for (const [i, stacks] of seen.entries()) {
        for (const stack of outputs[`op${i}`]?.data ?? []) stacks.add(Number(stack));
      }
    }
    const [own, one, two, alone, shared] = seen as [Set<number>, ...Set<number>[]];
    expect([own.size, one?.size, two?.size]).toEqual([1, 1, 1]);
    expect(new Set([...own, ...(one ?? []), ...(two ?? [])]).size).toBe(3);
    expect(alone).toEqual(own);
    expect(new Set([...own, ...(one ?? [])])).toEqual(new Set([...own, ...(shared ?? [])]));
  });

  test("are queued as long as there are more of them than fit", async () => {
    const model = sideBySide(...Array.from({ length: 200 }, () => "stack"));
    using executor = await make(model, () => ({ thread: 1 }), { files });
    const outputs = executor.runSync({ x });
    expect(Object.values(outputs).every(({ data }) => data[SIZE - 1] === data[0])).toBe(true);
  });
});

test("two executors with threads of their own run side by side", async () => {
  const models = [1, 2].map((seed) => randomGraph(randomFrom(seed), 20, WORTH_SHARING));
  const executors = await Promise.all(
    models.map((model) => make(model, ({ name }) => ({ thread: name.length % 3 }))),
  );
  for (let run = 0; run < 20; run++) {
    const outputs = await Promise.all(executors.map((executor) => executor.run({ x })));
    for (const [i, model] of models.entries()) check(model, outputs[i] ?? {});
  }
  for (const executor of executors) executor.dispose();
});

describe("an op that fails on another thread", () => {
  const one = Float32Array.from({ length: SIZE }, () => 1);
  const zero = new Float32Array(SIZE);

  test.each(["run", "runSync"] as const)("is named, and the next %s is right", async (method) => {
    const model = sideBySide("stack", "fail", "stack");
    using executor = await make(model, threadOf([1, 1, 1]), { files });
    const attempt = async (data: Float32Array) => executor[method]({ x: data });
    for (let round = 0; round < 3; round++) {
      await expect(attempt(zero)).rejects.toMatchObject({
        name: "KernelError",
        message: "the op op1 failed: RuntimeError: unreachable",
      });
      expect((await attempt(one))["op1"]?.data[0]).toBe(1);
    }
  });

  test("and that nobody waits for fails the run, and the next one is right", async () => {
    const model = sideBySide("fail", "stack");
    const bare = { ...model, outputs: model.outputs.slice(1) } as Graph;
    using executor = await make(bare, threadOf([1, 0]), { files });
    const message = "the op op0 failed: RuntimeError: unreachable";
    const failure = { name: "KernelError", message };
    const stepped = async () => {
      for await (const _ of executor.step({ x: zero }));
    };
    for (let round = 0; round < 3; round++) {
      await expect(executor.run({ x: zero })).rejects.toMatchObject(failure);
      await expect(stepped()).rejects.toMatchObject(failure);
      await executor.run({ x: one });
      expect(() => executor.runSync({ x: zero })).toThrow(message);
      expect(Object.keys(executor.runSync({ x: one }))).toEqual(["op1"]);
    }
  });
});

describe("a thread that dies with an op", () => {
  const listen = `import { parentPort } from "node:worker_threads"; parentPort.once("message", work);
    function work() { parentPort.postMessage("ready");`;

  test.each([
    [
      "ends",
      `setTimeout(() => process.exit(5), 20); }`,
      0,
      "a thread ended: it ended with code 5: create another executor",
    ],
    [
      "stands still",
      `for (;;); }`,
      1000,
      "a thread has stood still for 30 s: create another executor",
    ],
  ])("%s: the run rejects, and later ones do", async (_, rest, step, message) => {
    const from = await built.withWorker(listen + rest);
    let time = 0;
    const model = sideBySide("stack");
    const executor = await from.Executor.create(model, {
      files,
      threads: 2,
      policies: [placing(() => ({ thread: 1 }))],
      host: { now: () => (time += step) },
    });
    await expect(executor.run({ x })).rejects.toMatchObject({ name: "WorkerError", message });
    await expect(executor.run({ x })).rejects.toMatchObject({ name: "WorkerError" });
    expect(() => executor.runSync({ x })).toThrow(message);
    executor.dispose();
  });
});

/** A thread that never does anything. */
const idle = `import { parentPort } from "node:worker_threads";
  parentPort.on("message", () => parentPort.postMessage("ready"));`;

test("an op on another thread has its accelerator until it is done", async () => {
  const from = await built.withWorker(idle);
  const accelerator = new from.Accelerator("matrix unit");
  const owner = new from.Owner("other");
  let time = 0;
  const executor = await from.Executor.create(sideBySide("stack"), {
    files,
    threads: 2,
    policies: [placing(() => ({ thread: 1, accelerator }))],
    host: { now: () => time },
  });
  const failed = expect(executor.run({ x })).rejects.toMatchObject({ name: "WorkerError" });
  for (let turn = 0; turn < 5; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(accelerator.tryAcquire({ owner })).toBeUndefined();
  }
  time = 1e6;
  await failed;
  expect(accelerator.tryAcquire({ owner })?.held).toBe(true);
  executor.dispose();
});

test("a run that waits for a thread ends with its executor", async () => {
  const from = await built.withWorker(idle);
  const executor = await from.Executor.create(sideBySide("stack"), {
    files,
    threads: 2,
    policies: [placing(() => ({ thread: 1 }))],
    host: { now: () => 0 },
  });
  const failed = expect(executor.run({ x })).rejects.toMatchObject({ name: "StateError" });
  await new Promise((resolve) => setTimeout(resolve, 10));
  executor.dispose();
  await failed;
});

test("a run that may wait does not block the executor's thread, however many ops wait", async () => {
  const from = await built.withWorker(idle);
  let time = 0;
  const executor = await from.Executor.create(
    sideBySide(...Array.from({ length: 200 }, () => "stack")),
    { files, threads: 2, policies: [placing(() => ({ thread: 1 }))], host: { now: () => time } },
  );
  const failed = expect(executor.run({ x })).rejects.toMatchObject({ name: "WorkerError" });
  await new Promise((resolve) => setTimeout(resolve, 50));
  time = 1e6;
  await failed;
  executor.dispose();
});

describe("where the host gives fewer threads than were asked for", () => {
  beforeEach(() => void vi.stubGlobal("crossOriginIsolated", false));
  afterEach(() => void vi.unstubAllGlobals());

  test("ops that are pinned to the others run on the executor's own", async () => {
    const model = randomGraph(randomFrom(7), 20);
    const warnings: string[] = [];
    using executor = await make(model, ({ name }) => ({ thread: Number(name.slice(2)) % 3 }), {
      onWarning: (warning) => warnings.push(warning),
    });
    expect(warnings).toEqual([expect.stringContaining("on 1 thread instead of 3")]);
    check(model, await executor.run({ x }));
    check(model, executor.runSync({ x }));
    const whys = executor.describe().ops.map(({ why }) => why);
    const lack = "there is no other device; pinned to thread 2, which this host does not give";
    expect(whys).toContain(lack);
  });

  test.each([
    [2, 2, "is placed on the thread 2, counted from 0; the executor is for 2 threads"],
    ["auto", 4, "is placed on the thread 4, counted from 0; the executor is for 4 threads"],
    [1, 1, "is placed on the thread 1, counted from 0; the executor is for 1 thread"],
  ] as const)("of %s, thread %i can't be", async (threads, thread, problem) => {
    const place = () => ({ thread });
    const made = make(sideBySide("stack"), place, { files, threads, onWarning: () => {} });
    await expect(made).rejects.toMatchObject({
      name: "PlacementError",
      problems: [`op0: ${problem}`],
    });
  });
});

test("of threads that auto may give, any can be named", async () => {
  using executor = await make(sideBySide("stack"), () => ({ thread: 3 }), {
    files,
    threads: "auto",
    onWarning: () => {},
  });
  const { data } = (await executor.run({ x }))["op0"] as { data: Float32Array };
  expect(data[SIZE - 1]).toBe(data[0]);
  expect(executor.describe().ops[0]?.why).toContain("pinned to thread 3");
});

test("placements that can't be are all named", async () => {
  const model = sideBySide(...Array.from({ length: 9 }, () => "stack"));
  const places = [
    { device: "webgl2" },
    { thread: 3 },
    { threads: 0, thread: -1 },
    { thread: 1, threads: 2 },
    { core: 1, gpu: true },
    7,
    { accelerator: "gpu", owner: {}, priority: NaN },
    { threads: 64, thread: undefined },
    undefined,
  ] as (Placement | undefined)[];
  await expect(
    make(model, ({ name }) => places[Number(name.slice(2))], { files }),
  ).rejects.toMatchObject({
    name: "PlacementError",
    problems: [
      "op0: is placed on webgl2; this executor has wasm",
      "op1: is placed on the thread 3, counted from 0; the executor is for 3 threads",
      'op2: "threads" is 0; it may be a whole number, 1 or more',
      'op2: "thread" is -1; it may be a whole number, 0 or more',
      "op3: its placement has both one thread and 2 threads",
      'op4: there is no option "core"; there are: device, threads, thread, accelerator, owner, priority',
      'op4: there is no option "gpu"; there are: device, threads, thread, accelerator, owner, priority',
      "op5: is placed on 7; give a device's name or an object",
      'op6: "accelerator" is "gpu"; it may be an Accelerator',
      'op6: "owner" is of type Object; it may be an Owner',
      'op6: "priority" is NaN; it may be a number',
    ],
  });
});

describe("describe tells of each op where it runs, on how many threads, and why:", () => {
  const told = (executor: { describe(): Runtime.Description }) =>
    executor.describe().ops.map(({ device, threads, why }) => [device, threads, why]);

  test("threads", async () => {
    const model = sideBySide("stack", "stack", "stack", "stack", "stack");
    const ops = model.ops.map((op, i) => {
      if (i === 2) return { ...op, flops: 150_000 };
      return i === 3 ? { ...op, extent: 1 } : op;
    });
    const places: (Placement | undefined)[] = [{ thread: 1 }, { threads: 2 }];
    const place = ({ name }: Op) => places[Number(name.slice(2))];
    using executor = await make({ ...model, ops } as Graph, place, { files });
    expect(told(executor)).toEqual([
      ["wasm", 1, "there is no other device; pinned to thread 1"],
      ["wasm", 2, "there is no other device; limited to 2 threads"],
      ["wasm", 1, "there is no other device; too short to share: 3.0 µs"],
      ["wasm", 1, "there is no other device; its outermost loop has one round"],
      ["wasm", 3, "there is no other device; worth sharing"],
    ]);
    const trace = new runtime.Trace();
    await executor.run({ x }, { trace });
    expect(trace.spans.map(({ threads }) => threads)).toEqual([1, 2, 1, 1, 3]);
    const { flops, bytes } = executor.describe().ops[2] as Runtime.OpDescription;
    expect([flops, bytes]).toEqual([150_000, 2 * SIZE * 4]);
    expect(executor.ops[2]).toMatchObject({ bytes: 2 * SIZE * 4, devices: ["wasm"] });
  });

  test("devices, shapes and accelerators", async () => {
    const seeds = Array.from({ length: 20 }, (_, seed) => randomGraph(randomFrom(seed), 20));
    const model = seeds.find(({ ops }) => {
      const kinds = ops.slice(1).map(({ kind }) => kind);
      return kinds[0] === "mix" && kinds.includes("view") && kinds.includes("root");
    }) as Graph;
    const accelerator = new runtime.Accelerator("matrix unit");
    const place = ({ kind }: Op): Placement | undefined => {
      if (kind === "root") return { device: "wasm", thread: 0, accelerator };
      return kind === "mix" ? "webgl2" : undefined;
    };
    using executor = await make(model, place, { devices: ["wasm", new FakeDevice()], threads: 1 });
    for (const { kind, device, threads, why, accelerator: needed } of executor.describe().ops) {
      if (kind === "mix") expect([device, threads, why]).toEqual(["webgl2", 1, "place chose it"]);
      if (kind === "root") expect(why).toBe("place chose it; pinned to thread 0");
      if (kind === "view" && device === "wasm") expect(threads).toBe(0);
      if (kind === "view") expect(why).toMatch(/first of devices|its bytes are there/);
      expect(needed).toBe(kind === "root" ? "matrix unit" : undefined);
    }
    expect(executor.ops.find(({ kind }) => kind === "mix")?.devices).toEqual(["wasm", "webgl2"]);
  });
});

import { afterEach, describe, expect, test, vi } from "vitest";
import type { OpData } from "../src/data.js";
import type { CreateOptions, Model, Tensor } from "../src/index.js";
import { useRuntime } from "./built.js";
import { assemble, describeFile, modelData } from "./model.js";
import { patience, PATIENCE_MS } from "./patience.js";

/**
 * Kernels for threads. `meet` has two slices, each of which ends only once the other has begun;
 * `sink` pushes its stack pointer down and fills what it takes, so that threads with one stack in
 * common would spoil each other's sums; `span` tells the length of the slices; `chain` adds 1 to an
 * element of the round before, of four elements, that another slice has written; `lag` is `span`, but
 * slow on all threads but the first, whose stack is known.
 */
const WAT = `(module
  (import "env" "memory" (memory 1 65536))
  (global (export "__heap_base") i32 (i32.const 4096))
  (global $sp (export "__stack_pointer") (mut i32) (i32.const 2048))
  (func (export "square") (param $x i32) (param $y i32) (param $begin i32) (param $end i32)
    (local $at i32)
    (loop $next
      (if (i32.lt_s (local.get $begin) (local.get $end)) (then
        (local.set $at (i32.mul (local.get $begin) (i32.const 4)))
        (f32.store (i32.add (local.get $y) (local.get $at))
          (f32.mul (f32.load (i32.add (local.get $x) (local.get $at)))
            (f32.load (i32.add (local.get $x) (local.get $at)))))
        (local.set $begin (i32.add (local.get $begin) (i32.const 1)))
        (br $next)))))
  (func (export "meet") (param $x i32) (param $y i32) (param $begin i32) (param $end i32)
    (local $tries i32)
    (i32.atomic.store (i32.add (local.get $y) (i32.mul (local.get $begin) (i32.const 4)))
      (i32.const 0x3f800000))
    (loop $again
      (local.set $tries (i32.add (local.get $tries) (i32.const 1)))
      (if (i32.eq (local.get $tries) (i32.const 2000000000)) (then (unreachable)))
      (br_if $again (i32.eqz (i32.atomic.load (i32.add (local.get $y)
        (i32.mul (i32.sub (i32.const 1) (local.get $begin)) (i32.const 4))))))))
  (func (export "sink") (param $x i32) (param $y i32) (param $begin i32) (param $end i32)
    (local $i i32) (local $sum i32) (local $bottom i32)
    (local.set $bottom (i32.sub (global.get $sp) (i32.const 1024)))
    (loop $rows
      (if (i32.lt_s (local.get $begin) (local.get $end)) (then
        (local.set $i (i32.const 0))
        (loop $fill
          (i32.store (i32.add (local.get $bottom) (local.get $i)) (local.get $begin))
          (local.set $i (i32.add (local.get $i) (i32.const 4)))
          (br_if $fill (i32.lt_s (local.get $i) (i32.const 1024))))
        (local.set $sum (i32.const 0))
        (local.set $i (i32.const 0))
        (loop $add
          (local.set $sum (i32.add (local.get $sum)
            (i32.load (i32.add (local.get $bottom) (local.get $i)))))
          (local.set $i (i32.add (local.get $i) (i32.const 4)))
          (br_if $add (i32.lt_s (local.get $i) (i32.const 1024))))
        (f32.store (i32.add (local.get $y) (i32.mul (local.get $begin) (i32.const 4)))
          (f32.convert_i32_s (local.get $sum)))
        (local.set $begin (i32.add (local.get $begin) (i32.const 1)))
        (br $rows)))))
  (func (export "span") (param $x i32) (param $y i32) (param $begin i32) (param $end i32)
    (local $i i32)
    (local.set $i (local.get $begin))
    (loop $next
      (f32.store (i32.add (local.get $y) (i32.mul (local.get $i) (i32.const 4)))
        (f32.convert_i32_s (i32.sub (local.get $end) (local.get $begin))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_s (local.get $i) (local.get $end)))))
  (func (export "lag") (param $x i32) (param $y i32) (param $begin i32) (param $end i32)
    (local $i i32)
    (if (i32.ne (global.get $sp) (i32.const 2048)) (then
      (loop $spin
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (i32.store (i32.sub (global.get $sp) (i32.const 4)) (local.get $i))
        (br_if $spin (i32.lt_s (local.get $i) (i32.const 10000000))))))
    (local.set $i (local.get $begin))
    (loop $next
      (f32.store (i32.add (local.get $y) (i32.mul (local.get $i) (i32.const 4)))
        (f32.convert_i32_s (i32.sub (local.get $end) (local.get $begin))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_s (local.get $i) (local.get $end)))))
  (func (export "chain") (param $x i32) (param $y i32) (param $begin i32) (param $end i32)
    (local $at i32)
    (loop $next
      (local.set $at (i32.add (local.get $y) (i32.mul (local.get $begin) (i32.const 4))))
      (if (i32.lt_s (local.get $begin) (i32.const 4))
        (then (f32.store (local.get $at)
          (f32.load (i32.add (local.get $x) (i32.mul (local.get $begin) (i32.const 4))))))
        (else (f32.store (local.get $at) (f32.add (f32.const 1)
          (f32.load (i32.sub (local.get $at) (i32.add (i32.const 4)
            (i32.mul (i32.and (local.get $begin) (i32.const 3)) (i32.const 8)))))))))
      (local.set $begin (i32.add (local.get $begin) (i32.const 1)))
      (br_if $next (i32.lt_s (local.get $begin) (local.get $end)))))
  (func (export "fail") (param $x i32) (param $y i32) (param $begin i32) (param $end i32)
    (if (i32.eq (local.get $begin) (i32.const 0)) (then (unreachable)))))`;

type Net = Model<{ x: Tensor<"float32", [number]> }, { y: Tensor<"float32", [number]> }, string>;

/** One op over `n` elements that is worth sharing. */
async function net(kernel: string, changes: Partial<OpData> = {}) {
  const wasm = await assemble(WAT);
  const value = (name: string, after: number[]) =>
    ({ name, dtype: "float32", shape: ["n"], region: "main", after }) as const;
  const data = modelData("n", {
    dims: [{ name: "n", min: 1, max: null }],
    inputs: [{ name: "x", dtype: "float32", shape: ["n"], value: 0 }],
    outputs: [{ name: "y", dtype: "float32", shape: ["n"], value: 1 }],
    values: [value("x", []), value("y", [0])],
    ops: [
      {
        name: "op",
        kind: kernel,
        kernel,
        inputs: [0],
        outputs: [1],
        extent: "n",
        flops: 1e9,
        origins: [{ node: "Op_0" }],
        ...changes,
      },
    ],
    load: [],
    main: [["call", 0]],
    files: {
      simd128: describeFile("tiny.simd.wasm", wasm),
      relaxed: describeFile("tiny.simd.wasm", wasm),
      weights: [],
    },
  }) as Net;
  return { data, files: { "tiny.simd.wasm": wasm } };
}

const built = await useRuntime();
const { runtime } = built;
afterEach(() => void vi.unstubAllGlobals());

/** What the runtime takes a core to compute in a nanosecond. */
const FLOPS_PER_NS = 50;

async function create(kernel: string, options: CreateOptions = {}, from = runtime) {
  const { data, files } = await net(kernel);
  return from.Executor.create(data, { files, threads: 2, ...options });
}

const ramp = (n: number): Tensor<"float32", [number]> => {
  return { dtype: "float32", shape: [n], data: Float32Array.from({ length: n }, (_, i) => i / 7) };
};

/** Where a `Desk` counts the threads that sleep. */
const SLEEPERS = 16;

/** Look at the words of the executor that is made next; gives what tells whether a thread sleeps. */
function watchSleep(): () => boolean {
  const made: Int32Array[] = [];
  class Watched extends SharedArrayBuffer {
    constructor(length: number) {
      super(length);
      made.push(new Int32Array(this));
    }
  }
  vi.stubGlobal("SharedArrayBuffer", Watched);
  // A pool makes its desk first, and then its queues.
  return () => made[0] !== undefined && Atomics.load(made[0], SLEEPERS) > 0;
}

const bytes = ({ data }: Tensor) => Buffer.from(data.buffer);

describe("threads", () => {
  test("run slices at the same time", async () => {
    using executor = await create("meet");
    const { y } = await executor.run({ x: ramp(2) });
    expect([...y.data]).toEqual([1, 1]);
    expect([...executor.runSync({ x: ramp(2) }).y.data]).toEqual([1, 1]);
  });

  test("run slices of a lazy block's ops at the same time", async () => {
    using executor = await create("meet");
    executor.lazy({ from: "op", to: "op" });
    const { y } = await executor.run({ x: ramp(2) });
    expect([...y.data]).toEqual([1, 1]);
    expect(executor.describe().ops).toMatchObject([{ kind: "block" }]);
  });

  test.each([1, 2, 3, 4])("compute the same as one: %d of them", async (threads) => {
    using one = await create("square", { threads: 1 });
    using several = await create("square", { threads });
    expect(several.describe().threads).toBe(threads);
    for (const n of [1, 2, 3, 7, 8, 255, 256, 1000, 100_003, 5]) {
      const x = ramp(n);
      const wanted = bytes(one.runSync({ x }).y);
      for (let round = 0; round < 20; round++) {
        expect(wanted.equals(bytes(several.runSync({ x }).y))).toBe(true);
      }
    }
  });

  test.each([1, 2, 3, 4])("wait for each other after a round: %d of them", async (threads) => {
    const { data, files } = await net("chain", { rounds: ["//", "n", 4] });
    using executor = await runtime.Executor.create(data, { files, threads });
    for (const n of [4, 8, 4000, 40_000]) {
      const x = ramp(n);
      const wanted = x.data.slice();
      for (let i = 4; i < n; i++) wanted[i] = (wanted[i - 1 - 2 * (i % 4)] as number) + 1;
      const { y } = executor.runSync({ x });
      expect(bytes(y).equals(bytes({ ...x, data: wanted }))).toBe(true);
    }
  });

  test("leave the rounds that are left to one once another is slow", async () => {
    const { data, files } = await net("lag", { rounds: 10 });
    using executor = await runtime.Executor.create(data, { files, threads: 2 });
    let longest = 0;
    // Until the other thread, which may be slow to wake, has a part in it.
    for (const goOn = patience(); longest <= 10 && goOn();) {
      longest = Math.max(...executor.runSync({ x: ramp(100) }).y.data);
    }
    expect(longest).toBeGreaterThan(10);
  });

  test("don't share what has short rounds", async () => {
    const flops = 4 * 200_000 * FLOPS_PER_NS;
    for (const [rounds, spans] of [
      [50, [1]],
      [100, [100]],
    ] as const) {
      const { data, files } = await net("span", { flops, rounds });
      using executor = await runtime.Executor.create(data, { files, threads: 2 });
      const { y } = executor.runSync({ x: ramp(100) });
      expect([...new Set(y.data)]).toEqual(spans);
    }
  });

  test("have a stack each", async () => {
    using executor = await create("sink", { threads: 3 });
    const wanted = Array.from({ length: 20_000 }, (_, i) => i * 256);
    expect([...executor.runSync({ x: ramp(20_000) }).y.data]).toEqual(wanted);
  });

  test("sleep between runs, and wake up", async () => {
    const sleeps = watchSleep();
    using executor = await create("meet");
    for (let round = 0; round < 5; round++) {
      await vi.waitUntil(sleeps, PATIENCE_MS);
      expect([...executor.runSync({ x: ramp(2) }).y.data]).toEqual([1, 1]);
    }
  });

  test("see memory that has grown", async () => {
    using executor = await create("square");
    for (const n of [10, 3_000_000]) {
      const x = ramp(n);
      const squares = { ...x, data: x.data.map((value) => value * value) };
      expect(bytes(executor.runSync({ x }).y).equals(bytes(squares))).toBe(true);
    }
  });

  test.each([
    ["leave what is small to one", 7000, [100]],
    ["sleep on while there is little", 50_000, [100]],
    ["share what is large", 200_000, [12, 13]],
  ])("%s", async (_, cost, spans) => {
    const { data, files } = await net("span", { flops: cost * FLOPS_PER_NS });
    const sleeps = watchSleep();
    using executor = await runtime.Executor.create(data, { files, threads: 2 });
    await vi.waitUntil(sleeps, PATIENCE_MS);
    const { y } = executor.runSync({ x: ramp(100) });
    expect([...new Set(y.data)].sort()).toEqual(spans);
  });

  test("are woken for many small calls", async () => {
    let sleeps = () => false;
    class Slow<M extends Model> extends runtime.Executor<M> {
      override dispatchSync(_op: unknown, next: () => void): void {
        for (const goOn = patience(); !sleeps() && goOn(););
        next();
      }
    }
    const { data, files } = await net("span", { flops: 50_000 * FLOPS_PER_NS });
    for (const [calls, spans] of [
      [1, [100]],
      [2, [12, 13]],
      [3, [100]],
    ] as const) {
      const model: Net = {
        ...data,
        main: Array.from({ length: calls }, () => ["call", 0] as const),
      };
      sleeps = watchSleep();
      using executor = await Slow.create(model, { files, threads: 2 });
      const { y } = executor.runSync({ x: ramp(100) });
      expect([...new Set(y.data)].sort()).toEqual(spans);
    }
  });

  test.each(["run", "runSync"] as const)("name the op whose slice fails: %s", async (method) => {
    using executor = await create("fail");
    const attempt = async () => executor[method]({ x: ramp(100) });
    for (let round = 0; round < 3; round++) {
      await expect(attempt()).rejects.toMatchObject({
        name: "KernelError",
        message: "the op op (Op_0) failed: RuntimeError: unreachable",
      });
    }
  });

  test("end with their executor, and with one that can't be made", async () => {
    const { Worker } = process.getBuiltinModule("node:worker_threads");
    const terminate = vi.spyOn(Worker.prototype, "terminate");
    const executor = await create("square", { threads: 3 });
    executor.dispose();
    expect(terminate).toHaveBeenCalledTimes(2);
    const { data, files } = await net("square");
    const broken = { ...data, load: [["read", 0]] } as unknown as Net;
    await expect(runtime.Executor.create(broken, { files, threads: 3 })).rejects.toThrow();
    expect(terminate).toHaveBeenCalledTimes(4);
    terminate.mockRestore();
  });

  test("are as many as the host has cores, up to four", async () => {
    for (const [hardwareConcurrency, threads] of [
      [1, 1],
      [3, 3],
      [64, 4],
    ]) {
      vi.stubGlobal("navigator", { hardwareConcurrency });
      using executor = await create("square", { threads: "auto" });
      expect(executor.describe().threads).toBe(threads);
    }
  });

  test.each([0, 1.5, 65, NaN, "many"])("can't be %s", async (threads) => {
    await expect(create("square", { threads: threads as number })).rejects.toMatchObject({
      name: "OptionError",
      problems: [expect.stringMatching(/^"threads" is .*; it may be "auto" or a whole number/)],
    });
  });
});

describe("where there can be no threads", () => {
  test.each([
    ["crossOriginIsolated", false, "not cross-origin isolated"],
    ["SharedArrayBuffer", undefined, "no threads in this engine"],
  ])("%s is %s: one warning tells why", async (name, value, why) => {
    vi.stubGlobal(name, value);
    const warnings: string[] = [];
    const onWarning = (warning: string) => void warnings.push(warning);
    using executor = await create("square", { onWarning });
    expect(executor.describe().threads).toBe(1);
    executor.runSync({ x: ramp(3) });
    expect(warnings).toEqual([
      expect.stringMatching(`^pyjsml runs on 1 thread instead of 2: .*${why}`),
    ]);
  });

  test("the console hears it by default", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    vi.stubGlobal("crossOriginIsolated", false);
    using executor = await create("square");
    expect(executor.describe().threads).toBe(1);
    expect(warn).toHaveBeenCalledOnce();
    warn.mockRestore();
  });

  test("one thread is no reason to warn", async () => {
    vi.stubGlobal("crossOriginIsolated", false);
    const onWarning = vi.fn();
    using executor = await create("square", { onWarning, threads: 1 });
    expect(executor.describe().threads).toBe(1);
    expect(onWarning).not.toHaveBeenCalled();
  });

  test("a wasm file that can't be shared says so", async () => {
    const { data } = await net("square");
    const wasm = await assemble(
      `(module (import "env" "memory" (memory 1)) (global (export "__heap_base") i32 (i32.const 8)))`,
    );
    const description = describeFile("tiny.simd.wasm", wasm);
    const changed = {
      ...data,
      files: { ...data.files, simd128: description, relaxed: description },
    };
    const options = { files: { "tiny.simd.wasm": wasm }, threads: 2 };
    await expect(runtime.Executor.create(changed as Net, options)).rejects.toThrow(
      "can't be shared between threads",
    );
  });
});

describe("a thread that", () => {
  const listen = `import { parentPort } from "node:worker_threads"; parentPort.once("message", work);`;
  const ready = `${listen} function work({ words }) { parentPort.postMessage("ready");`;

  test.each([
    ["has no file", undefined, "Cannot find module"],
    ["throws at once", `throw new Error("no luck")`, "no luck"],
    ["ends at once", `process.exit(3)`, "ended with code 3"],
    ["can't start", `${listen} function work() { throw new Error("too little") }`, "too little"],
  ])("%s stops create", async (_, worker, message) => {
    const from = await built.withWorker(worker);
    await expect(create("square", {}, from)).rejects.toMatchObject({
      name: "WorkerError",
      message: expect.stringContaining(message),
    });
  });

  test("does not answer stops create", async () => {
    const from = await built.withWorker(listen.replace("once", "on") + "function work() {}");
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    const creating = create("square", {}, from);
    const failed = expect(creating).rejects.toThrow("nothing is heard of it in 30 s");
    await vi.waitFor(() => expect(vi.getTimerCount()).toBe(1), PATIENCE_MS);
    vi.advanceTimersByTime(30_000);
    await failed;
    vi.useRealTimers();
  });

  test("dies between runs stops the next one", async () => {
    const from = await built.withWorker(`${ready} process.exit(4); }`);
    using executor = await create("square", {}, from);
    await vi.waitFor(
      () =>
        expect(() => executor.runSync({ x: ramp(10) })).toThrow(
          "a thread ended: it ended with code 4",
        ),
      PATIENCE_MS,
    );
    await expect(executor.run({ x: ramp(10) })).rejects.toMatchObject({ name: "WorkerError" });
  });

  test("dies in the middle of a slice stops the run", async () => {
    // It claims a slice as a `Desk` does; the last line of words holds its ticket.
    const from = await built.withWorker(`${ready}
      const at = words.length - 16;
      for (;;) {
        const ticket = Atomics.load(words, at);
        if (ticket & 63 && Atomics.compareExchange(words, at, ticket, ticket - 1) === ticket) break;
      }
      process.exit();
    }`);
    let time = 0;
    using executor = await create("square", { host: { now: () => (time += 1000) } }, from);
    const run = async () => {
      for (const goOn = patience(); goOn();) await executor.run({ x: ramp(100_000) });
    };
    await expect(run()).rejects.toThrow("a thread has stood still for 30 s");
    expect(() => executor.runSync({ x: ramp(10) })).toThrow("stood still");
  });
});

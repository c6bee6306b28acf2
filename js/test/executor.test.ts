import { describe, expect, test, vi } from "vitest";
import {
  BundleError,
  Executor,
  FORMAT_VERSION,
  FormatVersionError,
  KernelError,
  LoadError,
  type Model,
  type Next,
  type NextSync,
  type Op,
  OutOfMemoryError,
  type Placement,
  PlacementError,
  StateError,
  tensor,
  Trace,
  type Tensor,
} from "../src/index.js";
import {
  assemble,
  BASE,
  dynamicModel,
  type DynamicNet,
  expected,
  inputs,
  K,
  modelData,
  modelFiles,
  numbers,
  staticModel,
  type StaticNet,
  wanted,
  weights,
  X,
} from "./model.js";

const { x, k } = inputs;

const files = modelFiles();

function rows(n: number) {
  const data = Array.from({ length: n * 3 }, (_, i) => i + 1);
  const add = Array.from({ length: n }, (_, i) => i * 10);
  const inputs = {
    x: tensor("float32", [n, 3], data),
    k: tensor("int64", [n], add.map(BigInt)),
  };
  return { inputs, wanted: expected(data, add) };
}

describe("a static model", () => {
  test("runs at once", () => {
    const { y } = Executor.createSync(staticModel, { files }).runSync({ x, k });
    expect(y.dtype).toBe("float32");
    expect(y.shape).toEqual([6]);
    expect(numbers(y)).toEqual(wanted);
  });

  test("gives an output of any name", async () => {
    const outputs = staticModel.outputs.map((port) => ({ ...port, name: "__proto__" }));
    const executor = Executor.createSync({ ...staticModel, outputs } as Model, { files });
    for (const found of [executor.runSync({ x, k }), await executor.run({ x, k })]) {
      expect(Object.keys(found)).toEqual(["__proto__"]);
      expect(Object.values(found).map(numbers)).toEqual([wanted]);
    }
  });

  test("runs asynchronously", async () => {
    await using executor = await Executor.create(staticModel, { files, host: {} });
    const { y } = await executor.run({ x, k });
    expect(numbers(y)).toEqual(wanted);
  });

  test("takes bare typed arrays", () => {
    const executor = Executor.createSync(staticModel, { files });
    const { y } = executor.runSync({ x: new Float32Array(X), k: new BigInt64Array([10n, 20n]) });
    expect(numbers(y)).toEqual(wanted);
  });

  test("gives outputs that the next run does not change", () => {
    const executor = Executor.createSync(staticModel, { files });
    const { y } = executor.runSync({ x, k });
    executor.runSync({ x: new Float32Array(6), k });
    expect(numbers(y)).toEqual(wanted);
  });

  test("leaves the caller's inputs alone", () => {
    const mine = new Float32Array(X);
    Executor.createSync(staticModel, { files }).runSync({ x: mine, k });
    expect(Array.from(mine)).toEqual(X);
  });
});

describe("a dynamic model", () => {
  test("is planned anew for each binding", () => {
    const executor = Executor.createSync(dynamicModel, { files });
    for (const n of [2, 4, 1, 4, 2]) {
      const { inputs, wanted } = rows(n);
      const { y } = executor.runSync(inputs);
      expect(y.shape).toEqual([n * 3]);
      expect(numbers(y)).toEqual(wanted);
    }
  });

  test("outlives the plans that it keeps", () => {
    const wide = modelData("n", { dims: [{ name: "n", min: 1, max: null }] }) as DynamicNet;
    const executor = Executor.createSync(wide, { files });
    for (const n of [...Array.from({ length: 40 }, (_, i) => i + 1), 1, 2, 3]) {
      const { inputs, wanted } = rows(n);
      expect(numbers(executor.runSync(inputs).y)).toEqual(wanted);
    }
  });

  test("grows the memory and keeps the weights", () => {
    const wide = modelData("n", { dims: [{ name: "n", min: 1, max: null }] }) as DynamicNet;
    const executor = Executor.createSync(wide, { files });
    executor.runSync(rows(1).inputs);
    const before = executor.describe().memory.total;
    const { inputs, wanted } = rows(20_000);
    expect(numbers(executor.runSync(inputs).y)).toEqual(wanted);
    expect(before).toBeLessThan(65536);
    expect(executor.describe().memory.total).toBeGreaterThan(20_000 * 20);
    expect(numbers(executor.runSync(rows(1).inputs).y)).toEqual(rows(1).wanted);
  });

  test("says so where the host has too little memory", () => {
    const huge: DynamicNet = {
      ...dynamicModel,
      values: dynamicModel.values.map((value) =>
        value.name === "k" ? { ...value, shape: ["n", 2 ** 33] } : value,
      ),
    };
    const executor = Executor.createSync(huge, { files });
    expect(() => executor.runSync(rows(2).inputs)).toThrow(OutOfMemoryError);
  });
});

test("says so where the host allows no more memories", () => {
  const Memory = function () {
    throw new RangeError("could not allocate memory");
  };
  vi.stubGlobal("WebAssembly", {
    ...WebAssembly,
    validate: WebAssembly.validate,
    Memory,
  });
  const create = () => Executor.createSync(staticModel, { files });
  expect(create).toThrow(OutOfMemoryError);
  vi.unstubAllGlobals();
  expect(create).not.toThrow();
});

describe("capture", () => {
  test("copies values before their bytes are reused", () => {
    const executor = Executor.createSync(staticModel, { files });
    const names = ["x", "sum", "flat", "packed", "y"] as const;
    const { outputs, captured } = executor.captureSync({ x, k }, names);
    expect(numbers(captured.x)).toEqual(X);
    expect(numbers(captured.sum)).toEqual([11, 12, 13, 24, 25, 26]);
    expect(captured.sum.shape).toEqual([2, 3]);
    expect(captured.flat.shape).toEqual([6]);
    expect(numbers(captured.flat)).toEqual([11, 12, 13, 24, 25, 26]);
    expect(numbers(captured.packed)).toEqual([2, 20, 200]);
    expect(numbers(captured.y)).toEqual(numbers(outputs.y));
  });

  test("has an asynchronous form", async () => {
    const executor = await Executor.create(staticModel, { files });
    const { outputs, captured } = await executor.capture({ x, k }, ["sum"]);
    expect(numbers(captured.sum)).toEqual([11, 12, 13, 24, 25, 26]);
    expect(numbers(outputs.y)).toEqual(wanted);
  });

  test("lists the names that it does not know", () => {
    const executor = Executor.createSync(staticModel, { files });
    expect(() => executor.captureSync({ x, k }, ["nope", "sum", "scale"])).toThrow(
      expect.objectContaining({
        name: "InputError",
        problems: [
          "nope: a run has no value, op or output of this name",
          "scale: a run has no value, op or output of this name",
        ],
      }),
    );
  });
});

describe("hooks", () => {
  class Watching<M extends Model> extends Executor<M> {
    readonly seen: string[] = [];
    override async dispatch(op: Op<M>, next: Next): Promise<void> {
      this.seen.push(`before ${op.name}`);
      await next();
      await new Promise((resolve) => setTimeout(resolve, 0));
      this.seen.push(`after ${op.name}`);
    }
  }

  test("dispatch surrounds each op", async () => {
    const executor = await Watching.create(staticModel, { files });
    const { y } = await executor.run({ x, k });
    expect(numbers(y)).toEqual(wanted);
    expect(executor.seen).toEqual(
      ["add", "flatten", "mul"].flatMap((name) => [`before ${name}`, `after ${name}`]),
    );
  });

  test("runSync refuses an asynchronous hook", async () => {
    const executor = await Watching.create(staticModel, { files });
    expect(() => executor.runSync({ x, k })).toThrow(StateError);
  });

  test("dispatchSync surrounds each op, in both kinds of run", async () => {
    class Sync extends Executor<StaticNet> {
      readonly seen: string[] = [];
      override dispatchSync(op: Op<StaticNet>, next: NextSync): void {
        next();
        this.seen.push(op.kind);
      }
    }
    const executor = Sync.createSync(staticModel, { files });
    executor.runSync({ x, k });
    const { y } = await executor.run({ x, k });
    expect(numbers(y)).toEqual(wanted);
    expect(executor.seen).toEqual(["add", "view", "mul", "add", "view", "mul"]);
  });

  test.each([
    ["not call next", 0],
    ["called next twice", 2],
  ])("a hook that did %s is told so", async (message, times) => {
    class Broken<M extends Model> extends Executor<M> {
      override async dispatch(_op: Op<M>, next: Next): Promise<void> {
        for (let i = 0; i < times; i++) await next();
      }
    }
    const executor = await Broken.create(staticModel, { files });
    await expect(executor.run({ x, k })).rejects.toThrow(message);
  });

  test("place sees each op once, and a bad answer names each op", () => {
    const asked: string[] = [];
    class Placing<M extends Model> extends Executor<M> {
      override place(op: Op<M>): Placement {
        asked.push(op.name);
        return op.kind === "view" ? { device: "wasm" } : ("abacus" as "wasm");
      }
    }
    const create = () => Placing.createSync(staticModel, { files });
    expect(create).toThrow(PlacementError);
    expect(asked).toEqual(["add", "flatten", "mul"]);
    expect(create).toThrow(
      expect.objectContaining({
        problems: [
          "add: is placed on abacus; this executor has wasm",
          "mul: is placed on abacus; this executor has wasm",
        ],
      }),
    );
  });
});

describe("runs of one executor", () => {
  /** Holds each run open until told to go on. */
  class Held<M extends Model> extends Executor<M> {
    readonly log: string[] = [];
    release: () => void = () => {};
    override async dispatch(op: Op<M>, next: Next): Promise<void> {
      this.log.push(op.name);
      if (op.kind === "view") await new Promise<void>((resolve) => (this.release = resolve));
      await next();
    }
  }
  const settle = () => new Promise((resolve) => setTimeout(resolve, 5));

  test("queue up", async () => {
    const executor = await Held.create(staticModel, { files });
    const zero = new Float32Array(6);
    const runs = Promise.all([executor.run({ x, k }), executor.run({ x: zero, k })]);
    await settle();
    expect(executor.log).toEqual(["add", "flatten"]);
    executor.release();
    await settle();
    expect(executor.log).toEqual(["add", "flatten", "mul", "add", "flatten"]);
    executor.release();
    const [first, second] = await runs;
    expect(numbers(first.y)).toEqual(wanted);
    expect(numbers(second.y)).toEqual(expected([0, 0, 0, 0, 0, 0], K));
  });

  test("go on after one has failed", async () => {
    const executor = await Executor.create(staticModel, { files });
    const bad = executor.run({ x: new Float32Array(5), k });
    const good = executor.run({ x, k });
    await expect(bad).rejects.toThrow("has 5 elements");
    expect(numbers((await good).y)).toEqual(wanted);
  });

  test("don't mix with a synchronous one", async () => {
    class Both<M extends Model> extends Held<M> {
      override dispatchSync(_op: Op<M>, next: NextSync): void {
        next();
      }
    }
    const executor = await Both.create(staticModel, { files });
    const run = executor.run({ x, k });
    await settle();
    expect(() => executor.runSync({ x, k })).toThrow("under way");
    executor.release();
    await run;
    expect(numbers(executor.runSync({ x, k }).y)).toEqual(wanted);
  });

  test("stop when disposed of", async () => {
    const executor = await Held.create(staticModel, { files });
    const runs = [executor.run({ x, k }), executor.run({ x, k })];
    await settle();
    executor.dispose();
    executor.release();
    for (const run of runs) await expect(run).rejects.toThrow(StateError);
    await expect(executor.run({ x, k })).rejects.toThrow("disposed");
    expect(() => executor.dispose()).not.toThrow();
  });

  test("are awaited by `await using`", async () => {
    let run: Promise<{ y: Tensor }>;
    {
      await using executor = await Executor.create(staticModel, { files });
      run = executor.run({ x, k });
    }
    expect(numbers((await run).y)).toEqual(wanted);
  });

  test("`using` disposes", () => {
    let kept: Executor<StaticNet>;
    {
      using executor = Executor.createSync(staticModel, { files });
      kept = executor;
    }
    expect(() => kept.runSync({ x, k })).toThrow(StateError);
  });
});

describe("an abort signal", () => {
  test("stops a run between ops", async () => {
    const abort = new AbortController();
    class Aborting<M extends Model> extends Executor<M> {
      readonly seen: string[] = [];
      override dispatchSync(op: Op<M>, next: NextSync): void {
        this.seen.push(op.name);
        next();
        abort.abort(new Error("enough"));
      }
    }
    const executor = await Aborting.create(staticModel, { files });
    await expect(executor.run({ x, k }, { signal: abort.signal })).rejects.toThrow("enough");
    expect(executor.seen).toEqual(["add"]);
  });

  test("is heard during a long run, since the event loop gets turns", async () => {
    const abort = new AbortController();
    let time = 0;
    const host = { now: () => (time += 100) };
    const executor = await Executor.create(staticModel, { files, host });
    setTimeout(() => abort.abort(new Error("from outside")), 0);
    const steps = Array.from({ length: 1000 }, () => staticModel.main).flat();
    const long: StaticNet = { ...staticModel, main: steps };
    const patient = await Executor.create(long, { files, host });
    const next = new AbortController();
    setTimeout(() => next.abort(new Error("from outside")), 0);
    await expect(patient.run({ x, k }, { signal: next.signal })).rejects.toThrow("from outside");
    await expect(executor.run({ x, k }, { signal: abort.signal })).rejects.toThrow("from outside");
  });

  test("that is aborted already stops create", async () => {
    const signal = AbortSignal.abort(new Error("too late"));
    await expect(Executor.create(staticModel, { files, signal })).rejects.toThrow("too late");
  });
});

describe("trace", () => {
  test("counts the time of each op by the host's clock", () => {
    let time = 0;
    const executor = Executor.createSync(staticModel, { files, host: { now: () => (time += 3) } });
    const trace = new Trace();
    executor.runSync({ x, k }, { trace });
    executor.runSync({ x, k }, { trace });
    expect(trace.rows).toEqual([
      { op: "add", kind: "add", calls: 2, total: 6, last: 3 },
      { op: "flatten", kind: "view", calls: 2, total: 6, last: 3 },
      { op: "mul", kind: "mul", calls: 2, total: 6, last: 3 },
    ]);
    trace.clear();
    expect(trace.rows).toEqual([]);
  });
});

describe("what is at fault in a bundle", () => {
  test("another format version", async () => {
    const newer = modelData(2, { formatVersion: FORMAT_VERSION + 1 }) as StaticNet;
    expect(() => Executor.createSync(newer, { files })).toThrow(FormatVersionError);
    await expect(Executor.create(newer, { files })).rejects.toThrow(/format 3.*format 2/);
  });

  test("a file that the caller did not give", () => {
    const { "weights.safetensors": _, ...rest } = files;
    expect(() => Executor.createSync(staticModel, { files: rest })).toThrow(LoadError);
    expect(() => Executor.createSync(staticModel, { files: rest })).toThrow("weights.safetensors");
  });

  test.each([
    [
      "tensor of another shape",
      weights([1, 2]),
      "block.scale: is float32 2; the model wants float32 3",
    ],
    ["file cut short", weights().slice(0, 60), "truncated or corrupt"],
    ["file that is something else", new TextEncoder().encode("<!doctype html>"), "truncated"],
  ])("weights: a %s", (_, bytes, message) => {
    const create = () => Executor.createSync(staticModel, { files, weights: bytes });
    expect(create).toThrow(BundleError);
    expect(create).toThrow(message);
  });

  test("other weights of the same shape are welcome", () => {
    const executor = Executor.createSync(staticModel, { files, weights: weights([1, 2, 3]) });
    expect(numbers(executor.runSync({ x, k }).y)).toEqual(expected(X, K, [1, 2, 3]));
  });

  test.each([
    ["no heap base", `(module (import "env" "memory" (memory 1)))`, "__heap_base"],
    ["no memory", `(module (global (export "__heap_base") i32 (i32.const 8)))`, "no memory"],
    ["another import", `(module (import "env" "f" (func)))`, "more than a memory"],
    [
      "no such kernel",
      `(module (import "env" "memory" (memory 1)) (global (export "__heap_base") i32 (i32.const 8)))`,
      "no kernel double",
    ],
  ])("wasm: %s", async (_, wat, message) => {
    const wasm = await assemble(wat);
    const changed = { ...files, "tiny.simd.wasm": wasm };
    const create = () => Executor.createSync(staticModel, { files: changed, isa: "simd128" });
    expect(create).toThrow(BundleError);
    expect(create).toThrow(message);
  });

  test("wasm: bytes that are none", async () => {
    const changed = {
      ...files,
      "tiny.simd.wasm": (files["tiny.simd.wasm"] as Uint8Array).slice(0, 90),
    };
    const options = { files: changed as typeof files, isa: "simd128" } as const;
    expect(() => Executor.createSync(staticModel, options)).toThrow(BundleError);
    await expect(Executor.create(staticModel, options)).rejects.toThrow(BundleError);
  });

  test("placements that go in circles", () => {
    const values = staticModel.values.map((value, i) =>
      i === 0 ? { ...value, after: [1] } : value,
    );
    const executor = Executor.createSync({ ...staticModel, values } as StaticNet, { files });
    expect(() => executor.runSync({ x, k })).toThrow("depends on itself");
  });

  test("a kernel that traps names the op and its origin", () => {
    const ops = staticModel.ops.map((op) => (op.name === "add" ? { ...op, kernel: "trap" } : op));
    const executor = Executor.createSync({ ...staticModel, ops } as StaticNet, { files });
    expect(() => executor.runSync({ x, k })).toThrow(KernelError);
    expect(() => executor.runSync({ x, k })).toThrow(/add \(block\.add net\.py:7\).*unreachable/);
  });
});

test("a wasm file gets the memory that it asks for, and no more than it allows", async () => {
  const wat = (limits: string) => `(module (import "env" "memory" (memory ${limits}))
    (global (export "__heap_base") i32 (i32.const 200000))
    (data (i32.const 190000) "data"))`;
  const empty = modelData(2, { load: [], main: [], inputs: [], outputs: [], values: [], ops: [] });
  for (const limits of ["4", "4 8"]) {
    const executor = Executor.createSync(empty as Model, {
      files: { ...files, "tiny.simd.wasm": await assemble(wat(limits)) },
      isa: "simd128",
    });
    expect(executor.runSync({})).toEqual({});
  }
});

test("describe tells what the executor is", () => {
  const executor = Executor.createSync(staticModel, { files, isa: "simd128" });
  const about = executor.describe();
  expect(about).toMatchObject({ model: "tiny", isa: "simd128", dims: [] });
  expect(about.ops.map(({ name, device }) => [name, device])).toEqual([
    ["add", "wasm"],
    ["flatten", "wasm"],
    ["mul", "wasm"],
  ]);
  expect(about.memory.weights).toBe(16);
  expect(about.memory.total).toBeGreaterThan(BASE);
  expect(structuredClone(about)).toEqual(about);
});

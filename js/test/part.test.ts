import { describe, expect, test } from "vitest";
import type { ModelData, OpData } from "../src/data.js";
import {
  Executor,
  InputError,
  type Policy,
  StateError,
  type Tensor,
  tensor,
} from "../src/index.js";
import { FakeDevice } from "./fake-device.js";
import {
  evaluateGraph,
  type Graph,
  graphFiles,
  graphX,
  randomFrom,
  randomGraph,
  SIZE,
} from "./graph.js";
import { dynamicModel, inputs, modelFiles, numbers, staticModel, wanted, X } from "./model.js";

const SUM = [11, 12, 13, 24, 25, 26];
const { x, k } = inputs;
const sum = tensor("float32", [2, 3], SUM);
const other = tensor("float32", [2, 3], [1, 1, 1, 2, 2, 2]);
const scaled = ({ data }: Tensor) =>
  Array.from(data as Float32Array, (one, i) => one * ([2, 20, 200][i % 3] as number));
const files = modelFiles();

const make = (...policies: Policy[]) => Executor.createSync(staticModel, { files, policies });

function problemsOf(job: () => unknown): readonly string[] {
  try {
    job();
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    return (error as InputError).problems;
  }
  throw new Error("nothing was wrong");
}

describe("a part of a model", () => {
  test("ends behind an op, which can be captured", async () => {
    const seen: string[] = [];
    const executor = make({ dispatchSync: ({ name }, next) => (seen.push(name), next()) });
    expect(executor.runSync({ x, k }, { to: "flatten" })).toEqual({});
    expect(seen).toEqual(["add", "flatten"]);
    const { outputs, captured } = await executor.capture({ x, k }, ["flatten"], { to: "flatten" });
    expect(outputs).toEqual({});
    expect(captured.flatten).toEqual(tensor("float32", [6], SUM));
    expect(numbers((await executor.run({ x, k }, { to: "mul" })).y)).toEqual(wanted);
  });

  test("begins with an op, which reads what is fed", async () => {
    const seen: string[] = [];
    const executor = make({ dispatchSync: ({ name }, next) => (seen.push(name), next()) });
    for (const feed of [{ sum }, { add: sum }, { flat: Float32Array.from(SUM) }]) {
      const { y } = executor.runSync({}, { from: "flatten", feed });
      expect(numbers(y)).toEqual(wanted);
      expect(numbers((await executor.run({ x }, { from: "mul", feed })).y)).toEqual(wanted);
    }
    expect(seen).toEqual(Array(3).fill(["flatten", "mul", "mul"]).flat());
    expect(numbers(executor.runSync({ x, k }, { from: "add" }).y)).toEqual(wanted);
  });

  test("without hooks is the same", () => {
    const executor = make();
    const { captured } = executor.captureSync({ x, k }, ["sum"], { to: "add" });
    const { y } = executor.runSync({}, { from: "flatten", feed: captured });
    expect(numbers(y)).toEqual(wanted);
    expect(numbers(executor.runSync({ x, k }).y)).toEqual(wanted);
  });

  test("is one op, step by step", async () => {
    const names: string[] = [];
    const executor = make();
    for await (const op of executor.step(
      {},
      { from: "mul", to: "mul", feed: { flat: tensor("float32", [6], SUM) } },
    )) {
      names.push(op.name);
      expect(numbers(executor.read("y"))).toEqual(wanted);
      expect(() => executor.read("sum")).toThrow(
        "sum is not there: the op add, which this run leaves out, writes it",
      );
      expect(() => executor.read("x")).toThrow("x is an input that this run does not read");
    }
    expect(names).toEqual(["mul"]);
  });

  test("goes by the order that was chosen", () => {
    const graph = randomGraph(randomFrom(9), 12);
    const order: string[] = [];
    const seen: string[] = [];
    const random = randomFrom(5);
    const executor = Executor.createSync(graph, {
      files: graphFiles,
      policies: [
        {
          order(ready) {
            const chosen = ready[Math.floor(random() * ready.length)];
            order.push(chosen?.name as string);
            return chosen;
          },
          dispatchSync: ({ name }, next) => (seen.push(name), next()),
        },
      ],
    });
    executor.runSync({ x: new Float32Array(SIZE) });
    expect(seen).toEqual(order);
    expect(order).not.toEqual([...order].sort((a, b) => Number(a.slice(2)) - Number(b.slice(2))));
    seen.length = 0;
    executor.runSync({ x: new Float32Array(SIZE) }, { to: order[4] as string });
    expect(seen).toEqual(order.slice(0, 5));
  });

  test("takes its dims from whatever is given", () => {
    const executor = Executor.createSync(dynamicModel, { files });
    const { y } = executor.runSync({}, { from: "flatten", feed: { sum } });
    expect(y?.shape).toEqual([6]);
    expect(numbers(y)).toEqual(wanted);
    expect(
      problemsOf(() =>
        executor.runSync({}, { from: "mul", feed: { flat: tensor("float32", [6], SUM) } }),
      ),
    ).toEqual(["the dim n has no value: give an input, or feed a tensor, that has it"]);
    const one = { k: tensor("int64", [1]) };
    expect(problemsOf(() => executor.runSync(one, { from: "mul", feed: { flat: sum } }))).toEqual([
      "flat: is of shape 2x3; the model wants (n * 3)",
    ]);
    expect(
      problemsOf(() =>
        executor.runSync(one, { from: "mul", feed: { flat: tensor("float32", [6], SUM) } }),
      ),
    ).toEqual(["flat: axis 0 is 6, but must be 3 here"]);
    expect(problemsOf(() => executor.runSync(one, { from: "mul" }))).toEqual([
      "flat: is missing; the op mul reads it; feed flat float32 (n * 3)",
    ]);
  });

  test.each<[string, () => unknown, string[]]>([
    [
      "all that is missing",
      () => make().runSync({ x }, { from: "add" }),
      ["k: is missing; the model wants k int64 2"],
    ],
    [
      "an intermediate",
      () => make().runSync({ x, k }, { from: "flatten" }),
      ["sum: is missing; the op flatten reads it; feed sum float32 2x3"],
    ],
    [
      "names of ops",
      () => make().runSync({ x, k }, { from: "pack" as "add", to: "no" as "mul" }),
      ["from: a run has no op called pack", "to: a run has no op called no"],
    ],
    [
      "ends that cross",
      () => make().runSync({ x, k }, { from: "mul", to: "add" }),
      ["to: the op add comes before mul"],
    ],
    [
      "what is of no use",
      () => make().runSync({ x, k }, { to: "add", feed: { y: new Float32Array(6), k } }),
      ["y: the ops of this run don't read it, so don't feed it"],
    ],
    [
      "all at once",
      () =>
        make().runSync({ x: new Float32Array(3) } as object, {
          from: "flatten",
          feed: { nope: sum, packed: sum, scale: sum, sum: new Float32Array(2) },
        }),
      [
        "nope: a run has no value, op or output of this name",
        "packed: is a weight, which holds for all runs",
        "scale: a run has no value, op or output of this name",
        "x: has 3 elements; shape 2x3 wants 6",
        "sum: has 2 elements; shape 2x3 wants 6",
      ],
    ],
    [
      "captures of what is left out",
      () => make().captureSync({ x, k }, ["sum", "y"], { to: "add" }),
      ["y: is not there: the op mul, which this run leaves out, writes it"],
    ],
  ])("tells %s", (_, job, problems) => {
    expect(problemsOf(job)).toEqual(problems);
  });
});

describe("feed", () => {
  test.each<[string, () => Record<string, Tensor>, number[]]>([
    ["an op's output", () => ({ sum: other }), scaled(other)],
    [
      "a view",
      () => ({ flatten: tensor("float32", [6], other.data as Float32Array) }),
      scaled(other),
    ],
    ["an output", () => ({ y: tensor("float32", [6], X) }), X],
  ])("takes the place of %s", async (_, feed, gives) => {
    const executor = make();
    const { y } = executor.runSync({ x, k }, { feed: feed() });
    expect(numbers(y)).toEqual(gives);
    const { signal } = new AbortController();
    expect(numbers((await executor.run({ x, k }, { feed: feed(), signal })).y)).toEqual(gives);
    expect(numbers(executor.runSync({ x, k }).y)).toEqual(wanted);
  });

  test("is there once the op is over, for hooks and captures", () => {
    const read: number[][] = [];
    const executor = make({
      dispatchSync(op, next) {
        if (op.name === "flatten") read.push(numbers(executor.read("sum")));
        next();
        if (op.name === "add") read.push(numbers(executor.read("sum")));
      },
    });
    const { captured } = executor.captureSync({ x, k }, ["sum"], { feed: { sum: other } });
    expect(read).toEqual([SUM, numbers(other)]);
    expect(numbers(captured.sum)).toEqual(numbers(other));
  });

  test.each([
    ["wasm", "wasm"],
    ["wasm", "webgl2"],
    ["webgl2", "wasm"],
    ["webgl2", "webgl2"],
  ] as const)(
    "for a view is what all read that read the same bytes: on %s, then %s",
    (first, second) => {
      const graph = randomGraph(randomFrom(1), 1);
      const value = (name: string, rest: object) =>
        ({ name, dtype: "float32", shape: [SIZE], region: "main", ...rest }) as const;
      const op = (name: string, kind: string, from: number[], to: number): OpData => {
        const kernels = kind === "view" ? {} : { kernel: kind, shader: kind };
        return { name, kind, ...kernels, inputs: from, outputs: [to], extent: SIZE, origins: [] };
      };
      const data: ModelData = {
        ...graph,
        values: [
          ...graph.values.slice(0, 3),
          value("whole", { after: [2] }),
          value("view", { alias: 3 }),
          value("sum", { after: [3] }),
        ],
        ops: [
          graph.ops[0] as OpData,
          op("root", "root", [2], 3),
          op("view", "view", [3], 4),
          op("mix", "mix", [3, 4], 5),
        ],
        main: [1, 2, 3].map((target) => ["call", target] as const),
        outputs: [{ name: "sum", dtype: "float32", shape: [SIZE], value: 5 }],
      };
      const executor = Executor.createSync(data as Graph, {
        files: graphFiles,
        devices: ["wasm", new FakeDevice()],
        policies: [{ place: ({ name }) => (name === "view" ? second : first) }],
      });
      const fed = Float32Array.from({ length: SIZE }, (_, i) => i * 4);
      const outputs = executor.runSync({ x: new Float32Array(SIZE) }, { feed: { view: fed } });
      expect(outputs["sum"]?.data).toEqual(fed.map((one) => one * 1.5));
    },
  );

  test("gives an input that is not among the inputs", () => {
    const executor = make();
    expect(numbers(executor.runSync({ k }, { from: "add", feed: { x } }).y)).toEqual(wanted);
  });
});

describe("random parts of random models", () => {
  const seeds = Array.from({ length: 80 }, (_, seed) => seed);

  /** What some ops read and do not write; the first of those that are one value in several shapes. */
  function needs(model: ModelData, ops: readonly OpData[]): number[] {
    const views = new Map(
      model.ops.flatMap(({ kind, inputs, outputs }) =>
        kind === "view" ? [[outputs[0], inputs[0]] as const] : [],
      ),
    );
    const root = (value: number): number => {
      const of = views.get(value);
      return of === undefined ? value : root(of);
    };
    const written = new Set<number>();
    const found = new Map<number, number>();
    for (const { inputs, outputs } of ops) {
      for (const input of inputs) {
        const isMain = model.values[input]?.region === "main";
        if (isMain && !written.has(input) && !found.has(root(input))) found.set(root(input), input);
      }
      for (const output of outputs) written.add(output);
    }
    return [...found.values()];
  }

  test.each(seeds)("are right: %d", async (seed) => {
    const random = randomFrom(seed);
    const model: Graph = randomGraph(random, 1 + Math.floor(random() * 30));
    const all = evaluateGraph(model, graphX);
    const count = model.main.length;
    const first = Math.floor(random() * count);
    const last = first + Math.floor(random() * (count - first));
    const ops = model.ops.slice(1 + first, 2 + last);
    const ends = { from: ops[0]?.name as string, to: ops.at(-1)?.name as string };
    const needed = needs(model, ops);
    const nameOf = (value: number) => model.values[value]?.name as string;
    const feed = Object.fromEntries(
      needed.map((value) => [nameOf(value), all[value] as Float32Array]),
    );
    const executor = Executor.createSync(model, {
      files: graphFiles,
      devices: ["wasm", new FakeDevice(random() < 0.5)],
      policies: [{ place: () => (random() < 0.6 ? "wasm" : "webgl2") }],
    });
    executor.runSync({ x: Float32Array.from(graphX, () => NaN) });
    const written = [...new Set(ops.flatMap(({ outputs }) => outputs))];
    const names = written.map(nameOf);
    for (const { captured, outputs } of [
      executor.captureSync({}, names, { ...ends, feed }),
      await executor.capture({}, names, { ...ends, feed }),
    ]) {
      for (const value of written) expect(captured[nameOf(value)]?.data).toEqual(all[value]);
      for (const [name, output] of Object.entries(outputs)) {
        const port = model.outputs.find((one) => one.name === name);
        expect(output?.data).toEqual(all[port?.value as number]);
      }
      const there = model.outputs.filter(({ value }) => written.includes(value));
      expect(Object.keys(outputs)).toEqual(expect.arrayContaining(there.map(({ name }) => name)));
    }
    const missing = needed.map((value) => new RegExp(`^${nameOf(value)}: is missing; `));
    if (!needed.length) return;
    const problems = problemsOf(() => executor.runSync({}, ends));
    expect(problems.length).toBe(missing.length);
    for (const one of missing) expect(problems.some((problem) => one.test(problem))).toBe(true);
  });

  test.each(seeds)("are whole where a tensor is fed alone: %d", async (seed) => {
    const random = randomFrom(seed + 600);
    const model: Graph = randomGraph(random, 1 + Math.floor(random() * 30));
    const { name, kind, outputs } = model.ops[
      1 + Math.floor(random() * model.main.length)
    ] as OpData;
    // A view is fed together with what it is a view of.
    if (kind === "view") return;
    const fed = Float32Array.from({ length: SIZE }, (_, i) => i / 8);
    const all = evaluateGraph(model, graphX, new Map([[outputs[0] as number, fed]]));
    const executor = Executor.createSync(model, {
      files: graphFiles,
      devices: ["wasm", new FakeDevice(random() < 0.5)],
      policies: [{ place: () => (random() < 0.6 ? "wasm" : "webgl2") }],
    });
    const feed = { [name]: fed };
    for (const given of [
      executor.runSync({ x: graphX }, { feed }),
      await executor.run({ x: graphX }, { feed }),
    ]) {
      for (const port of model.outputs) expect(given[port.name]?.data).toEqual(all[port.value]);
    }
    expect(problemsOf(() => executor.runSync({} as { x: Float32Array }, { feed }))).toEqual([
      `x: is missing; the model wants x float32 ${SIZE}`,
    ]);
  });

  test.each(seeds)("continue each other: %d", (seed) => {
    const random = randomFrom(seed + 300);
    const model: Graph = randomGraph(random, 2 + Math.floor(random() * 30));
    const all = evaluateGraph(model, graphX);
    const cut = 1 + Math.floor(random() * (model.main.length - 1));
    const names = needs(model, model.ops.slice(1 + cut)).map(
      (value) => model.values[value]?.name as string,
    );
    const executor = Executor.createSync(model, { files: graphFiles });
    const to = model.ops[cut]?.name as string;
    const known = names.filter((name) => name !== "x");
    const { captured, outputs } = executor.captureSync({ x: graphX }, known, { to });
    const from = model.ops[cut + 1]?.name as string;
    const rest = executor.runSync({ x: graphX }, { from, feed: captured });
    for (const { name, value } of model.outputs) {
      const given = rest[name] ?? outputs[name];
      expect(given?.data).toEqual(all[value]);
    }
  });
});

test("an input that only passes through is given and wanted like any other", () => {
  const model = randomGraph(randomFrom(2), 1);
  const z = { name: "z", dtype: "float32", shape: [SIZE] } as const;
  const value = model.values.length;
  const through = {
    ...model,
    inputs: [...model.inputs, { ...z, value }],
    outputs: [...model.outputs, { ...z, value }],
    values: [...model.values, { ...z, region: "main", after: [2, 3] }],
  } as unknown as Graph;
  const executor = Executor.createSync(through, { files: graphFiles });
  const ones = new Float32Array(SIZE).fill(1);
  const twos = new Float32Array(SIZE).fill(2);
  const inputs = { x: ones, z: twos };
  const feed = { op0: ones };
  expect(executor.runSync(inputs, { feed })["z"]?.data).toEqual(twos);
  expect(executor.runSync(inputs, { to: "op0" })["z"]?.data).toEqual(twos);
  expect(Object.keys(executor.runSync({ x: ones }, { to: "op0" }))).not.toContain("z");
  expect(problemsOf(() => executor.runSync({ x: ones }, { feed }))).toEqual([
    `z: is missing; the model wants z float32 ${SIZE}`,
  ]);
});

test("a part that fails leaves the executor as it was", async () => {
  const executor = make();
  await expect(executor.run({ x, k }, { from: "mul" })).rejects.toThrow(InputError);
  await expect(executor.step({}, { to: "add" }).next()).rejects.toThrow(InputError);
  expect(() => executor.read("x")).toThrow(StateError);
  expect(numbers((await executor.run({ x, k })).y)).toEqual(wanted);
});

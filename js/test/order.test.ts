import { describe, expect, test } from "vitest";
import type { ModelData, OpData } from "../src/data.js";
import { Executor, type Model, type Op, type Policy, StateError, tensor } from "../src/index.js";
import { findDependencies } from "../src/run/order.js";
import { makePlan, type Plan } from "../src/schedule/plan.js";
import { FakeDevice } from "./fake-device.js";
import { evaluateGraph, graphFiles, graphX as x, randomFrom, randomGraph, SIZE } from "./graph.js";
import { inputs, modelData, modelFiles, staticModel, wanted } from "./model.js";
import type { DynamicNet } from "./model.js";

const make = (...policies: Policy[]) =>
  Executor.createSync(staticModel, { files: modelFiles(), policies });
const namesOf = (ops: readonly Op[]) => ops.map(({ name }) => name).join();

/** Two branches that may run in any order: y = root(x) + …, z = double(x). */
function branches(): Model {
  const graph = randomGraph(randomFrom(1), 1);
  const value = (name: string, after: number[]) =>
    ({ name, dtype: "float32", shape: [SIZE], region: "main", after }) as const;
  const op = (name: string, kernel: string, from: number[], to: number): OpData => {
    return { name, kind: kernel, kernel, inputs: from, outputs: [to], extent: SIZE, origins: [] };
  };
  const data: ModelData = {
    ...graph,
    values: [
      ...graph.values.slice(0, 3),
      value("a", [2]),
      value("b", [3]),
      value("c", [4]),
      value("d", [5]),
    ],
    ops: [
      graph.ops[0] as OpData,
      op("a", "root", [2], 3),
      op("b", "double", [2], 4),
      op("c", "double", [3], 5),
      op("d", "mix", [4, 5], 6),
    ],
    main: [1, 2, 3, 4].map((target) => ["call", target] as const),
    outputs: [{ name: "d", dtype: "float32", shape: [SIZE], value: 6 }],
  };
  return data;
}

describe("order", () => {
  test("is asked for each op, among those that may be next", () => {
    const seen: string[] = [];
    const run: string[] = [];
    const executor = Executor.createSync(branches(), {
      files: graphFiles,
      policies: [
        {
          order: (ready) => (seen.push(namesOf(ready)), ready.at(-1)),
          dispatchSync: ({ name }, next) => (next(), void run.push(name)),
        },
      ],
    });
    const { d } = executor.runSync({ x: tensor("float32", [SIZE], x) });
    expect(seen).toEqual(["a,b", "a", "c", "d"]);
    expect(run).toEqual(["b", "a", "c", "d"]);
    const root = x.map((one) => Math.fround(Math.sqrt(Math.abs(one))) + 1);
    expect(d?.data).toEqual(root.map((one, i) => Math.fround(one * 2 + (x[i] as number))));
  });

  test("is decided by the first policy that chooses, within the class", () => {
    const log: string[] = [];
    const asked = (name: string, at: number | undefined): Policy => ({
      order: (ready) => (log.push(name), at === undefined ? undefined : ready.at(at)),
    });
    class Own<M extends Model> extends Executor<M> {
      override order(ready: readonly Op<M>[]) {
        log.push("own");
        return ready.length > 1 ? undefined : ready[0];
      }
    }
    const policies = [asked("a", undefined), asked("b", 1), asked("c", 0)];
    const executor = Own.createSync(branches(), { files: graphFiles, policies });
    executor.runSync({ x: tensor("float32", [SIZE], x) });
    expect(log).toEqual(["own", "a", "b", "own", "own", "own"]);
  });

  test("that nobody chooses is the model's", () => {
    const run: string[] = [];
    const executor = make(
      { order: () => undefined },
      { dispatchSync: ({ name }, next) => (next(), void run.push(name)) },
    );
    expect(Array.from(executor.runSync(inputs).y.data)).toEqual(wanted);
    expect(run).toEqual(["add", "flatten", "mul"]);
  });

  test("is kept for the runs that follow with the same dims", async () => {
    const dynamic = modelData("n", { dims: [{ name: "n", min: 1, max: null }] }) as DynamicNet;
    let asked = 0;
    const executor = Executor.createSync(dynamic, {
      files: modelFiles(),
      policies: [{ order: () => void asked++ }],
    });
    const rows = (n: number) => ({
      x: tensor("float32", [n, 3]),
      k: tensor("int64", [n]),
    });
    for (const [n, calls] of [
      [1, 3],
      [2, 6],
      [1, 6],
      [2, 6],
      [3, 9],
    ] as const) {
      executor.runSync(rows(n));
      await executor.run(rows(n));
      expect(asked).toBe(calls);
    }
  });

  test.each<[string, (ready: readonly Op[]) => unknown, string]>([
    [
      "an op that is not ready",
      () => staticModel.ops[3],
      "chose mul, which is not ready; ready: add",
    ],
    ["a name", (ready) => ready[0]?.name, "chose add, which is not ready; ready: add"],
    ["something else", () => 7, "chose 7, which is not ready; ready: add"],
    [
      "an error",
      () => {
        throw new RangeError("no idea");
      },
      "no idea",
    ],
  ])("that gives %s ends the run, and the next one is right", async (_, bad, says) => {
    let order = bad;
    const executor = make({ order: (ready) => order(ready) as Op });
    expect(() => executor.runSync(inputs)).toThrow(says);
    await expect(executor.run(inputs)).rejects.toThrow(says);
    if (says.includes("ready")) expect(() => executor.runSync(inputs)).toThrow(StateError);
    order = (ready) => ready[0];
    expect(Array.from((await executor.run(inputs)).y.data)).toEqual(wanted);
  });
});

/** Which steps must come before which, by looking at each pair: `matrix[late][early]`. */
function closureByPairs(model: ModelData, plan: Plan): boolean[][] {
  const ops = model.main.map(([, target]) => model.ops[target] as OpData);
  const meet = (some: readonly number[], others: readonly number[]) =>
    some.some((one) =>
      others.some((other) => plan.addresses[one] === plan.addresses[other] && plan.shapes[one]),
    );
  const writes = ({ kind, outputs }: OpData) => (kind === "view" ? [] : outputs);
  const direct = ops.map((late, step) =>
    ops.map((early, before) => {
      if (before >= step) return false;
      return (
        late.inputs.some((input) => early.outputs.includes(input)) ||
        meet(writes(early), late.inputs) ||
        meet(writes(early), writes(late)) ||
        meet(early.inputs, writes(late))
      );
    }),
  );
  return close(direct);
}

function closureOf(before: readonly ReadonlySet<number>[]): boolean[][] {
  return close(before.map((set) => before.map((_, early) => set.has(early))));
}

function close(direct: readonly (readonly boolean[])[]): boolean[][] {
  const all: boolean[][] = [];
  for (const row of direct) {
    all.push(row.map((is, early) => is || row.some((via, step) => via && all[step]?.[early])));
  }
  return all;
}

describe("dependencies", () => {
  const seeds = Array.from({ length: 80 }, (_, seed) => seed);

  test.each(seeds)("are those of each pair of ops: %d", (seed) => {
    const random = randomFrom(seed);
    const model = randomGraph(random, 1 + Math.floor(random() * 40));
    const plan = makePlan(model, "main", new Map());
    const { before, after } = findDependencies(model, model.main, plan);
    expect(closureOf(before)).toEqual(closureByPairs(model, plan));
    const turned = before.map((_, step) =>
      after.flatMap((late, early) => (late.includes(step) ? [early] : [])),
    );
    expect(turned).toEqual(before.map((set) => [...set].sort((a, b) => a - b)));
  });

  test.each(seeds)("make any order right, on any device: %d", async (seed) => {
    const random = randomFrom(seed + 100);
    const model = randomGraph(random, 1 + Math.floor(random() * 40));
    const values = evaluateGraph(model, x);
    for (let round = 0; round < 3; round++) {
      const fake = new FakeDevice(round === 1);
      using executor = Executor.createSync(model, {
        files: graphFiles,
        devices: ["wasm", fake],
        policies: [
          {
            order: (ready) => ready[Math.floor(random() * ready.length)],
            place: () => (round && random() < 0.5 ? "webgl2" : "wasm"),
            dispatchSync({ outputs }, next) {
              next();
              for (const { name } of outputs) {
                const value = model.values.findIndex((one) => one.name === name);
                expect(executor.read(name).data).toEqual(values[value]);
              }
            },
          },
        ],
      });
      for (const outputs of [executor.runSync({ x }), await executor.run({ x })]) {
        for (const { name, value } of model.outputs) {
          expect(outputs[name]?.data).toEqual(values[value]);
        }
      }
    }
  });

  test("grow with the model, not with its square", () => {
    const count = 1500;
    const model = randomGraph(randomFrom(7), count);
    const { before } = findDependencies(model, model.main, makePlan(model, "main", new Map()));
    const edges = before.reduce((sum, { size }) => sum + size, 0);
    expect(edges).toBeGreaterThan(count / 2);
    expect(edges).toBeLessThan(count * 3);
  });
});

import { describe, expect, test } from "vitest";
import { Executor, InputError, type Policy, StateError, tensor } from "../src/index.js";
import { FakeDevice } from "./fake-device.js";
import {
  evaluateGraph,
  type Graph,
  graphFiles,
  graphX as x,
  randomFrom,
  randomGraph,
  SIZE,
} from "./graph.js";
import { expected, inputs, K, modelFiles, numbers, staticModel, wanted, X } from "./model.js";

const SUM = [11, 12, 13, 24, 25, 26];
const files = modelFiles();

/** An executor that calls `act` before and after each op. */
function watching(act: (at: string) => void) {
  const policy: Policy = {
    onStart: () => act("start"),
    onFinish: () => act("finish"),
    dispatchSync({ name }, next) {
      act(`before ${name}`);
      next();
      act(`after ${name}`);
    },
  };
  return Executor.createSync(staticModel, { files, policies: [policy] });
}

describe("read", () => {
  test.each([false, true])("gives what is there, at any time of a run (view: %s)", async (view) => {
    const found: Record<string, unknown> = {};
    const look = (at: string) => {
      for (const name of ["x", "k", "packed", "sum", "add", "flat", "y", "mul"]) {
        try {
          found[`${name} ${at}`] = numbers(executor.read(name, { view }));
        } catch (error) {
          expect(error).toBeInstanceOf(StateError);
          found[`${name} ${at}`] = (error as Error).message.replace(`${name} `, "");
        }
      }
    };
    const executor = watching(look);
    const times = [
      "start",
      ...["add", "flatten", "mul"].flatMap((name) => [`before ${name}`, `after ${name}`]),
      "finish",
    ];
    const notYet = (op: string) => `does not exist yet: the op ${op} writes it`;
    const goneBy = (op: string) => `is gone: the op ${op} has reused its bytes`;
    const timeline = (early: unknown, from: number, live: unknown, to = 8, late: unknown = "") =>
      times.map((_, at) => (at < from ? early : at < to ? live : late));
    const timelines: Record<string, unknown[]> = {
      x: timeline("", 0, X, 2, goneBy("add")),
      k: timeline("", 0, K.map(BigInt)),
      packed: timeline("", 0, [2, 20, 200]),
      sum: timeline(notYet("add"), 2, SUM, 6, goneBy("mul")),
      add: timeline(notYet("add"), 2, SUM, 6, goneBy("mul")),
      flat: timeline(notYet("flatten"), 4, SUM, 6, goneBy("mul")),
      y: timeline(notYet("mul"), 6, wanted),
      mul: timeline(notYet("mul"), 6, wanted),
    };
    const all = Object.fromEntries(
      Object.entries(timelines).flatMap(([name, what]) =>
        what.map((one, at) => [`${name} ${times[at]}`, one]),
      ),
    );
    expect(numbers(executor.runSync(inputs).y)).toEqual(wanted);
    expect(found).toEqual(all);
    for (const key of Object.keys(found)) delete found[key];
    await executor.run(inputs, { signal: new AbortController().signal });
    expect(found).toEqual(all);
  });

  test("gives a copy, or the memory itself", () => {
    let copy: unknown;
    let view: unknown;
    const executor = watching((at) => {
      if (at !== "after add") return;
      copy = executor.read("sum");
      view = executor.read("sum", { view: true });
      expect(view).toEqual({ dtype: "float32", shape: [2, 3], data: Float32Array.from(SUM) });
      expect(view).toEqual(copy);
    });
    executor.runSync(inputs);
    expect(numbers(copy as { data: unknown })).toEqual(SUM);
    expect(numbers(view as { data: unknown })).toEqual(wanted);
  });

  test("does not know every name", () => {
    const executor = watching(() => {
      for (const name of ["scale", "nope", "pack"]) {
        const says = `${name}: a run has no value, op or output of this name`;
        if (name === "pack") expect(numbers(executor.read(name))).toEqual([2, 20, 200]);
        else expect(() => executor.read(name)).toThrow(new InputError(says));
      }
    });
    executor.runSync(inputs);
  });

  test("is for runs under way", async () => {
    const executor = watching(() => {});
    const says = "no run is under way";
    expect(() => executor.read("y")).toThrow(StateError);
    await executor.run(inputs);
    expect(() => executor.read("y")).toThrow(says);
    expect(() => executor.write("y", new Float32Array(6))).toThrow(says);
    await expect(executor.run({ ...inputs, x: new Float32Array(1) })).rejects.toThrow(InputError);
    expect(() => executor.read("y")).toThrow(says);
    executor.dispose();
    expect(() => executor.read("y")).toThrow("disposed");
  });
});

describe("write", () => {
  const writing = (at: string, name: string, data: readonly number[]) => {
    const executor = watching((now) => {
      if (now !== at) return;
      const like = executor.read(name);
      executor.write(name, tensor("float32", like.shape, data));
      expect(numbers(executor.read(name))).toEqual(data);
    });
    return executor;
  };
  const other = [1, 1, 1, 2, 2, 2];
  const scaled = (sum: readonly number[]) => sum.map((one, i) => one * [2, 20, 200][i % 3]!);

  test.each<[string, string, readonly number[]]>([
    ["start", "x", expected(other, K)],
    ["before add", "x", expected(other, K)],
    ["after add", "sum", scaled(other)],
    ["after add", "add", scaled(other)],
    ["before flatten", "sum", scaled(other)],
    ["after flatten", "flat", scaled(other)],
    ["before mul", "sum", scaled(other)],
    ["after mul", "y", other],
  ])("%s replaces %s", async (at, name, gives) => {
    const executor = writing(at, name, other);
    expect(numbers(executor.runSync(inputs).y)).toEqual(gives);
    expect(numbers((await executor.run(inputs)).y)).toEqual(gives);
  });

  test("takes bare data, and refuses what does not fit, or is not there", () => {
    const says: string[] = [];
    const attempt = (job: () => void) => {
      try {
        job();
      } catch (error) {
        says.push(`${(error as Error).name} ${(error as InputError).problems[0] ?? String(error)}`);
      }
    };
    const executor = watching((at) => {
      if (at !== "after add") return;
      attempt(() => executor.write("sum", Float32Array.from(other)));
      attempt(() => executor.write("sum", tensor("float32", [6])));
      attempt(() => executor.write("sum", new Float64Array(6)));
      attempt(() => executor.write("x", new Float32Array(6)));
      attempt(() => executor.write("y", new Float32Array(6)));
      attempt(() => executor.write("packed", new Float32Array(3)));
      attempt(() => executor.write("nope", new Float32Array(3)));
    });
    expect(numbers(executor.runSync(inputs).y)).toEqual(scaled(other));
    expect(says).toEqual([
      "InputError sum: is of shape 6; the model wants 2x3",
      "InputError sum: its data is of type Float64Array; dtype float32 wants Float32Array",
      "StateError StateError: x is gone: the op add has reused its bytes",
      "StateError StateError: y does not exist yet: the op mul writes it",
      "StateError StateError: packed is a weight, which holds for all runs: no run may replace it",
      "InputError InputError: nope: a run has no value, op or output of this name",
    ]);
    expect(numbers(executor.runSync(inputs).y)).toEqual(scaled(other));
  });
});

describe("on random models, split between devices,", () => {
  const other = Float32Array.from({ length: SIZE }, (_, i) => i / 8);
  const seeds = Array.from({ length: 60 }, (_, seed) => seed);

  const make = (model: Graph, random: () => number, ...policies: Policy[]) =>
    Executor.createSync(model, {
      files: graphFiles,
      devices: ["wasm", new FakeDevice(random() < 0.5)],
      policies: [{ place: () => (random() < 0.7 ? "wasm" : "webgl2") }, ...policies],
    });

  test.each(seeds)("what can be read is right, and all that comes can be: %d", (seed) => {
    const random = randomFrom(seed);
    const model = randomGraph(random, 1 + Math.floor(random() * 30));
    const all = evaluateGraph(model, x);
    const last = new Map(
      model.main.flatMap(([, target], step) =>
        (model.ops[target]?.inputs ?? []).map((input) => [input, step] as const),
      ),
    );
    let step = 0;
    const executor = make(model, random, {
      dispatchSync(_op, next) {
        next();
        for (const [index, { name, region }] of model.values.entries()) {
          if (region === "load") continue;
          const read = () => executor.read(name, { view: random() < 0.5 }).data;
          const writer = model.main.findIndex(([, op]) => model.ops[op]?.outputs.includes(index));
          if (writer > step) expect(read).toThrow("does not exist yet");
          else if (region === "persistent" || step < (last.get(index) ?? -1)) {
            expect(read()).toEqual(all[index]);
          } else {
            try {
              expect(read()).toEqual(all[index]);
            } catch (error) {
              if (!(error instanceof StateError)) throw error;
              expect(error.message).toMatch(/^\w+ is gone: the op op\d+ has reused its bytes$/);
            }
          }
        }
        step++;
      },
    });
    executor.runSync({ x });
    expect(step).toBe(model.main.length);
  });

  test.each(seeds)("what is written is what comes after it reads: %d", async (seed) => {
    const random = randomFrom(seed + 500);
    const model = randomGraph(random, 1 + Math.floor(random() * 30));
    const victim = Math.floor(random() * model.main.length);
    const { inputs: from, outputs } = model.ops[victim + 1] as (typeof model.ops)[number];
    const [value] = outputs as [number];
    const name = model.values[value]?.name as string;
    let step = 0;
    const executor = make(model, random, {
      onStart: () => void (step = 0),
      dispatchSync(_op, next) {
        next();
        if (step++ === victim) executor.write(name, other);
      },
    });
    // A view and what it is a view of are the same bytes, so a view is not written alone.
    if (model.ops[victim + 1]?.kind === "view") return void expect(from.length).toBe(1);
    const all = evaluateGraph(model, x, new Map([[value, other]]));
    for (const given of [executor.runSync({ x }), await executor.run({ x })]) {
      for (const port of model.outputs) expect(given[port.name]?.data).toEqual(all[port.value]);
    }
  });
});

import { describe, expect, test } from "vitest";
import type { ModelData, OpData } from "../src/data.js";
import {
  type Block,
  defineModel,
  type DeviceName,
  Executor,
  InputError,
  KernelError,
  type Op,
  OptionError,
  PlacementError,
  type Policy,
  StateError,
  Trace,
} from "../src/index.js";
import { FakeDevice } from "./fake-device.js";
import { evaluateGraph, graphFiles, graphX as x, randomFrom, randomGraph } from "./graph.js";
import { inputs, modelData, modelFiles, type StaticNet, wanted, X } from "./model.js";

/** The model of three ops, add ─ flatten ─ mul, which are of these modules. */
function withModules(...modules: readonly string[]): StaticNet {
  const data = modelData(2);
  const ops = data.ops.map((op, index) => {
    const module = modules[index - 1];
    const origins = [
      { node: "fused", module: "elsewhere" },
      { node: op.name, ...(module && { module }) },
    ];
    return { ...op, origins, flops: index };
  });
  return defineModel({ ...data, ops }) as StaticNet;
}

const model = withModules("body.add", "", "body.scale");
const make = (of = model, ...policies: Policy[]) =>
  Executor.createSync(of, { files: modelFiles(), policies });

/** Cut ops into pieces, each of which is on a device; most of them are blocks. */
function cut(random: () => number, model: ModelData) {
  const ops = model.main.map(([, target]) => model.ops[target] as OpData);
  const pieces: { ops: OpData[]; device: DeviceName; isBlock: boolean; name: string }[] = [];
  for (let first = 0; first < ops.length;) {
    const some = ops.slice(first, first + 1 + Math.floor(random() * 6));
    const name = `${some[0]?.name}…${some[some.length - 1]?.name}`;
    const device = random() < 0.5 ? "wasm" : "webgl2";
    pieces.push({ ops: some, device, isBlock: random() < 0.7, name });
    first += some.length;
  }
  const lazy = pieces.flatMap(({ name, isBlock }) => {
    const [from, to] = name.split("…") as [string, string];
    return isBlock ? [{ from, to }] : [];
  });
  const devices = new Map(
    pieces.flatMap(({ ops, device }) => ops.map(({ name }) => [name, device] as const)),
  );
  const units = pieces.flatMap(({ ops, isBlock, name }) =>
    isBlock ? [name] : ops.map((op) => op.name),
  );
  return { pieces, lazy, units, place: ({ name }: Op) => devices.get(name) };
}

/** A policy that keeps the ops it is called for. */
function watching(): Required<Pick<Policy, "dispatchSync">> & { readonly ops: Op[] } {
  const ops: Op[] = [];
  return {
    ops,
    dispatchSync(op, next) {
      ops.push(op);
      next();
    },
  };
}

const blocks: [string, Block<"add" | "flatten" | "mul">][] = [
  ["a module", "body"],
  ["a range of ops", { from: "add", to: "mul" }],
];

describe.each(blocks)("a block by %s", (_, block) => {
  test("is one op for hooks, in each way of running", async () => {
    const watch = watching();
    using executor = make(model, watch);
    executor.lazy(block);
    expect(Array.from(executor.runSync(inputs).y.data)).toEqual(wanted);
    expect(Array.from((await executor.run(inputs)).y.data)).toEqual(wanted);
    const name = typeof block === "string" ? "body" : "add…mul";
    expect(watch.ops.map((op) => [op.name, op.kind])).toEqual([
      [name, "block"],
      [name, "block"],
    ]);
    const [op] = watch.ops as [Op];
    expect(op.inputs.map((value) => value.name)).toEqual(["x", "k", "packed"]);
    expect(op.outputs.map((value) => value.name)).toEqual(["y"]);
    expect(op.flops).toBe(1 + 2 + 3);
    const nodes = op.origins.map(({ node }) => node);
    expect(nodes).toEqual(["fused", "add", "fused", "flatten", "fused", "mul"]);
  });

  test("is one span of a trace, with the sum of its ops' work", () => {
    using executor = make();
    const before = new Trace();
    executor.runSync(inputs, { trace: before });
    executor.lazy(block);
    const after = new Trace();
    expect(Array.from(executor.runSync(inputs, { trace: after }).y.data)).toEqual(wanted);
    const [span, ...others] = after.spans;
    expect(others).toEqual([]);
    const sum = (of: "bytes" | "flops") => before.spans.reduce((all, each) => all + each[of], 0);
    expect(span).toMatchObject({ kind: "block", bytes: sum("bytes"), flops: sum("flops") });
  });

  test("is in the description", () => {
    using executor = make();
    executor.lazy(block);
    expect(executor.describe().ops).toMatchObject([{ kind: "block", device: "wasm" }]);
  });
});

describe("a block", () => {
  test("leaves the ops around it as they are", () => {
    const watch = watching();
    using executor = make(model, watch);
    executor.lazy("body.scale", { from: "add", to: "flatten" });
    expect(Array.from(executor.runSync(inputs).y.data)).toEqual(wanted);
    expect(watch.ops.map(({ name }) => name)).toEqual(["add…flatten", "body.scale"]);
    const [first] = watch.ops as [Op];
    expect(first.outputs.map(({ name }) => name)).toEqual(["flat"]);
  });

  test("counts from the next run on", () => {
    const names: string[] = [];
    const executor: Executor<StaticNet> = make(model, {
      dispatchSync(op, next) {
        if (!names.length) executor.lazy("body");
        names.push(op.name);
        next();
      },
    });
    for (let run = 0; run < 2; run++) {
      expect(Array.from(executor.runSync(inputs).y.data)).toEqual(wanted);
    }
    expect(names).toEqual(["add", "flatten", "mul", "body"]);
    executor.dispose();
  });

  test("may be made by a class of executors", () => {
    class Lazy extends Executor<StaticNet> {
      constructor(...args: ConstructorParameters<typeof Executor<StaticNet>>) {
        super(...args);
        this.lazy("body");
      }
    }
    using executor = Lazy.createSync(model, { files: modelFiles() });
    expect(Array.from(executor.runSync(inputs).y.data)).toEqual(wanted);
    expect(executor.describe().ops).toHaveLength(1);
  });

  test("gives what leaves it to captures, and refuses the rest", async () => {
    using executor = make();
    executor.lazy({ from: "add", to: "flatten" });
    const { captured } = await executor.capture(inputs, ["flat", "x"]);
    expect(Array.from(captured.flat.data as Float32Array)).toEqual(
      wanted.map((v, i) => v / (2 * [1, 10, 100][i % 3]!)),
    );
    expect(Array.from(captured.x.data as Float32Array)).toEqual(X);
    expect(() => executor.captureSync(inputs, ["sum"])).toThrow(InputError);
    expect(() => executor.captureSync(inputs, ["sum"])).toThrow(/sum.*block add…flatten/s);
  });

  test("that fails names the op that did", () => {
    const trapping = model.ops.map((op) => (op.name === "add" ? { ...op, kernel: "trap" } : op));
    using executor = make({ ...model, ops: trapping as StaticNet["ops"] });
    executor.lazy("body");
    expect(() => executor.runSync(inputs)).toThrow(KernelError);
    expect(() => executor.runSync(inputs)).toThrow("the op add (body.add) failed");
  });
});

describe("a module", () => {
  const working = (kernel: string, ...modules: string[]) => {
    const split = withModules(...modules);
    const ops = split.ops.map((op) => (op.name === "flatten" ? { ...op, kernel } : op));
    return { ...split, ops } as ModelData as StaticNet;
  };
  const blocksOf = (of: StaticNet, ...lazy: string[]) => {
    using executor = make(of);
    executor.lazy(...lazy);
    return executor.describe().ops.map(({ name }) => name);
  };

  test("takes along what is of no module", () => {
    expect(blocksOf(working("mul_scale", "a", "", "a"), "a")).toEqual(["a"]);
    expect(blocksOf(working("mul_scale", "a", "", "b"), "a", "b")).toEqual(["a", "flatten", "b"]);
  });

  test("takes along views of any module, and has none from elsewhere", () => {
    expect(blocksOf(withModules("a", "b", "a"), "a")).toEqual(["a"]);
    expect(blocksOf(withModules("a", "b", "b"), "b")).toEqual(["add", "flatten", "b"]);
  });
});

describe("refuses", () => {
  const refuse = (of: StaticNet, error: RegExp, ...wrong: Block<"add" | "flatten" | "mul">[]) => {
    using executor = make(of);
    expect(() => executor.lazy(...wrong)).toThrow(OptionError);
    expect(() => executor.lazy(...wrong)).toThrow(error);
    // And goes on as before.
    const trace = new Trace();
    expect(Array.from(executor.runSync(inputs, { trace }).y.data)).toEqual(wanted);
    expect(trace.rows.map(({ op }) => op)).toEqual(["add", "flatten", "mul"]);
  };

  test("a module that the model lacks, or that is only a part of a name", () => {
    refuse(model, /head: the model has no module/, "head");
    refuse(model, /bod: the model has no module/, "bod");
    refuse(model, /: the model has no module/, "");
  });

  test("ops that a run lacks", () => {
    refuse(model, /no op called pack, and none called end/, {
      from: "pack" as "add",
      to: "end" as "mul",
    });
  });

  test("a range that ends before it begins", () => {
    refuse(model, /mul runs after add/, { from: "mul", to: "add" });
  });

  test("a module whose ops do not follow each other", () => {
    const split = withModules("a", "b", "a");
    const data = split.ops.map((op) =>
      op.name === "flatten" ? { ...op, kernel: "mul_scale" } : op,
    );
    const other = { ...split, ops: data } as ModelData as StaticNet;
    using executor = make(other);
    expect(() => executor.lazy("a")).toThrow(/a: is not in one piece: flatten/);
  });

  test("ops that are in another block", () => {
    refuse(
      model,
      /body: overlaps with the block add…flatten/,
      { from: "add", to: "flatten" },
      "body",
    );
    using executor = make();
    executor.lazy("body.add");
    expect(() => executor.lazy("body")).toThrow(/overlaps/);
    expect(() => executor.lazy("body.add")).toThrow(/overlaps/);
    expect(executor.describe().ops.map(({ name }) => name)).toEqual(["body.add", "flatten", "mul"]);
  });

  test("with all that is wrong", () => {
    refuse(model, /head.*neck/s, "head", "neck");
  });
});

describe("on several devices", () => {
  const files = graphFiles;

  test("a block has to be on one", () => {
    const graph = randomGraph(randomFrom(3), 8);
    const place = ({ name }: Op): DeviceName => (name === "op3" ? "webgl2" : "wasm");
    const devices = ["wasm", new FakeDevice()] as const;
    using executor = Executor.createSync(graph, { files, devices, policies: [{ place }] });
    expect(() => executor.lazy({ from: "op2", to: "op4" })).toThrow(PlacementError);
    expect(() => executor.lazy({ from: "op2", to: "op4" })).toThrow(
      "op2…op4: is on wasm and webgl2",
    );
    expect(executor.describe().ops).toHaveLength(8);
    class Lazy extends Executor<typeof graph> {
      constructor(...args: ConstructorParameters<typeof Executor<typeof graph>>) {
        super(...args);
        this.lazy({ from: "op2", to: "op4" });
      }
    }
    const options = { files, devices: ["wasm", new FakeDevice()] as const, policies: [{ place }] };
    expect(() => Lazy.createSync(graph, options)).toThrow(PlacementError);
  });

  const graphs = Array.from({ length: 60 }, (_, seed) => {
    const random = randomFrom(seed + 1000);
    return { seed, random, graph: randomGraph(random, 4 + Math.floor(random() * 30)) };
  });

  test.each(graphs)(
    "random blocks of random models are right: $seed",
    async ({ random, graph }) => {
      const { lazy, units, place } = cut(random, graph);
      const watch = watching();
      const fake = new FakeDevice(true);
      const options = { files, devices: ["wasm", fake] as const, policies: [{ place }, watch] };
      using executor = Executor.createSync(graph, options);
      executor.lazy(...lazy);
      const all = evaluateGraph(graph, x);
      const check = (outputs: Readonly<Record<string, { data: unknown }>>) => {
        for (const { name, value } of graph.outputs)
          expect(outputs[name]?.data).toEqual(all[value]);
      };
      check(executor.runSync({ x }));
      expect(watch.ops.map(({ name }) => name)).toEqual(units);
      const { read } = fake;
      check(await executor.run({ x }));
      check(await executor.run({ x }, { trace: new Trace() }));
      // A run that may wait has to wait for nothing.
      expect(fake.read).toBe(read);
      const leaving = [...new Set(watch.ops.flatMap((op) => op.outputs.map(({ name }) => name)))];
      const { captured } = await executor.capture({ x }, leaving);
      for (const [index, { name }] of graph.values.entries()) {
        if (leaving.includes(name)) expect(captured[name]?.data).toEqual(all[index]);
      }
    },
  );

  test.each(graphs)("and in any order: $seed", ({ random, graph }) => {
    const { lazy, units, place } = cut(random, graph);
    const watch = watching();
    const order = (ready: readonly Op[]) => ready[Math.floor(random() * ready.length)];
    const devices = ["wasm", new FakeDevice()] as const;
    const options = { files, devices, policies: [{ place, order }, watch] };
    using executor = Executor.createSync(graph, options);
    executor.lazy(...lazy);
    const outputs = executor.runSync({ x });
    const all = evaluateGraph(graph, x);
    for (const { name, value } of graph.outputs) expect(outputs[name]?.data).toEqual(all[value]);
    expect(watch.ops.map(({ name }) => name).sort()).toEqual([...units].sort());
  });

  test.each(graphs)("and what can be read is right: $seed", ({ random, graph }) => {
    const { pieces, lazy, place } = cut(random, graph);
    const all = evaluateGraph(graph, x);
    /** By op: the values that can be read after it, and what leaves it. */
    const run = (isLazy: boolean, isSplit: boolean) => {
      const found = new Map<string, { readonly names: string[]; readonly leaving: string[] }>();
      const watch: Policy = {
        dispatchSync(op, next) {
          next();
          const names = graph.values.flatMap(({ name, region }, index) => {
            if (region === "load") return [];
            try {
              expect(executor.read(name).data).toEqual(all[index]);
              return [name];
            } catch (error) {
              if (error instanceof StateError) return [];
              throw error;
            }
          });
          found.set(op.name, { names, leaving: op.outputs.map(({ name }) => name) });
        },
      };
      const executor = Executor.createSync(graph, {
        files,
        devices: isSplit ? ["wasm", new FakeDevice()] : ["wasm"],
        policies: isSplit ? [{ place }, watch] : [watch],
      });
      if (isLazy) executor.lazy(...lazy);
      executor.runSync({ x });
      executor.dispose();
      return found;
    };
    const plain = run(false, false);
    const whole = run(true, false);
    run(true, true);
    const hidden = new Set<string>();
    for (const { ops, isBlock, name } of pieces) {
      const last = ops[ops.length - 1]?.name as string;
      const unit = whole.get(isBlock ? name : last);
      const made = ops.flatMap((op) => op.outputs.map((value) => graph.values[value]?.name ?? ""));
      if (isBlock) for (const one of made) if (!unit?.leaving.includes(one)) hidden.add(one);
      const wanted = plain.get(last)?.names.filter((one) => !hidden.has(one));
      expect(unit?.names).toEqual(wanted);
    }
  });
});

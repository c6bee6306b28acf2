import { describe, expect, test } from "vitest";
import type { OpData } from "../src/data.js";
import {
  type DeviceName,
  type DeviceOption,
  Executor,
  type Model,
  type Op,
  OptionError,
  PlacementError,
  type Policy,
  Trace,
} from "../src/index.js";
import { FakeDevice } from "./fake-device.js";
import {
  evaluateGraph,
  type Graph,
  graphFiles as files,
  graphX as x,
  randomFrom,
  randomGraph,
  SIZE,
} from "./graph.js";

const placing = (placeOf: (op: Op) => DeviceName | undefined): Policy => ({ place: placeOf });
const toFake = placing(() => "webgl2");

function make(model: Graph, devices: readonly DeviceOption[], ...policies: Policy[]) {
  return Executor.createSync(model, { files, devices, policies });
}

/** Check an output record against the model computed in JavaScript, bit by bit. */
function check(model: Graph, outputs: Readonly<Record<string, { data: ArrayBufferView }>>) {
  const wanted = evaluateGraph(model, x);
  for (const { name, value } of model.outputs) expect(outputs[name]?.data).toEqual(wanted[value]);
}

const graphs = Array.from({ length: 60 }, (_, seed) => {
  const random = randomFrom(seed);
  return { seed, random, model: randomGraph(random, 1 + Math.floor(random() * 30)) };
});

describe("random splits of random models are right", () => {
  test.each(graphs)("$seed", async ({ random, model }) => {
    const split = placing(() => (random() < 0.5 ? "wasm" : "webgl2"));
    for (const later of [false, true]) {
      const fake = new FakeDevice(later);
      const executor = make(model, ["wasm", fake], split);
      for (let run = 0; run < 3; run++) {
        check(model, executor.runSync({ x }));
        check(model, await executor.run({ x }));
        check(model, await executor.run({ x }, { trace: new Trace() }));
      }
      const names = model.values.slice(2).map(({ name }) => name);
      const { captured } = await executor.capture({ x }, names);
      const wanted = evaluateGraph(model, x);
      for (const [index, name] of names.entries()) {
        expect(captured[name]?.data).toEqual(wanted[index + 2]);
      }
      executor.dispose();
      expect(fake.disposed).toBe(true);
      expect(fake.rooms).toBe(0);
    }
  });
});

test("a device that has to be waited for is read without blocking wherever a run may wait", async () => {
  for (const { random, model } of graphs) {
    const fake = new FakeDevice(true);
    const split = placing(() => (random() < 0.5 ? "wasm" : "webgl2"));
    const executor = make(model, ["wasm", fake], split, { dispatch: (_op, next) => next() });
    check(model, await executor.run({ x }));
    expect(fake.read).toBe(0);
    expect(() => executor.runSync({ x })).toThrow("dispatch alone");
  }
});

describe("copies", () => {
  /** x ─ a ─ b ─ c ─ d, and e from b and c, with places for a to e. */
  function chain(places: string) {
    const op = (name: string, kind: string, inputs: readonly number[], output: number): OpData => {
      const kernels = { kernel: kind, shader: kind };
      return { name, kind, ...kernels, inputs, outputs: [output], extent: SIZE, origins: [] };
    };
    const base = randomGraph(randomFrom(1), 1);
    const value = (name: string, after: readonly number[]) => {
      return { name, dtype: "float32", shape: [SIZE], region: "main", after } as const;
    };
    const model = {
      ...base,
      values: [
        ...base.values.slice(0, 2),
        value("x", []),
        ...["a", "b", "c", "d", "e"].map((name, i) => value(name, [2 + i])),
      ],
      ops: [
        base.ops[0] as OpData,
        op("a", "mix", [2, 1], 3),
        op("b", "root", [3], 4),
        op("c", "mix", [4, 3], 5),
        op("d", "mix", [5, 1], 6),
        op("e", "mix", [4, 5], 7),
      ],
      main: [1, 2, 3, 4, 5].map((index) => ["call", index] as const),
      outputs: [6, 7].map((index) => {
        return { name: `y${index}`, dtype: "float32", shape: [SIZE], value: index } as const;
      }),
    } as Graph;
    const fake = new FakeDevice();
    const place = placing(({ name }) =>
      places["abcde".indexOf(name)] === "w" ? "wasm" : "webgl2",
    );
    return { model, fake, executor: make(model, ["wasm", fake], place) };
  }

  // Writes: of the weight when it is made; then per run, of x and of what is needed from wasm.
  test.each([
    ["wwwww", 0, 0, 0],
    ["ggggg", 1, 1, 2],
    ["gwwww", 1, 1, 1],
    ["wgggg", 1, 1, 2],
    ["wgwww", 0, 1, 1],
    ["wwwgw", 1, 1, 1],
    ["wwggw", 1, 2, 2],
    ["gwgwg", 1, 2, 3],
    ["wgwgw", 1, 2, 2],
  ])("of %s are made once for each value and device", (places, atFirst, written, read) => {
    const { model, fake, executor } = chain(places);
    expect(fake.written).toBe(atFirst);
    for (let run = 1; run <= 3; run++) {
      check(model, executor.runSync({ x }));
      expect(fake.written).toBe(atFirst + run * written);
      expect(fake.read).toBe(run * read);
    }
  });
});

describe("an op that no hook places runs", () => {
  const { model } = graphs[7] as (typeof graphs)[0];
  const where = (executor: Executor<Graph>) => executor.describe().ops.map(({ device }) => device);

  test("on wasm", () => {
    expect(new Set(where(make(model, ["wasm", new FakeDevice()])))).toEqual(new Set(["wasm"]));
  });

  test("on the first device that has a kernel for it", () => {
    const fake = new FakeDevice();
    const executor = make(model, [fake]);
    expect(new Set(where(executor))).toEqual(new Set(["webgl2"]));
    check(model, executor.runSync({ x }));
    expect(fake.called).toBe(model.main.length);

    const bare = { ...model, ops: model.ops.map((op) => withoutShader(op, "mix")) } as Graph;
    const mixed = make(bare, [new FakeDevice()]);
    check(bare, mixed.runSync({ x }));
    for (const { kind, device } of mixed.describe().ops) {
      if (kind === "mix") expect(device).toBe("wasm");
      if (kind === "root") expect(device).toBe("webgl2");
    }
  });

  test("where its bytes are, if it only gives them another shape", () => {
    for (const { model } of graphs) {
      const executor = make(
        model,
        ["wasm", new FakeDevice()],
        placing(({ kind }) => {
          return kind === "view" ? undefined : "webgl2";
        }),
      );
      const homes = new Map<unknown, DeviceName>();
      const places = where(executor);
      for (const [index, [, target]] of model.main.entries()) {
        const { kind, inputs, outputs } = model.ops[target] as OpData;
        const home = homes.get(inputs[0]) ?? "wasm";
        if (kind === "view") expect(places[index]).toBe(home);
        homes.set(outputs[0], places[index] as DeviceName);
      }
    }
  });
});

function withoutShader(op: OpData, kind: string): OpData {
  const { shader: _, ...rest } = op;
  return op.kind === kind ? rest : op;
}

test("an op may only be placed where there is a kernel for it", () => {
  const { model } = graphs[7] as (typeof graphs)[0];
  expect(() => make(model, ["wasm"], toFake)).toThrow(PlacementError);
  const bare = { ...model, ops: model.ops.map((op) => withoutShader(op, "root")) } as Graph;
  const roots = bare.ops.filter(({ kind }) => kind === "root").map(({ name }) => name);
  expect(roots.length).toBeGreaterThan(1);
  expect(() => make(bare, ["wasm", new FakeDevice()], toFake)).toThrow(
    expect.objectContaining({
      problems: roots.map((name) => `${name}: is placed on webgl2; it has a kernel for wasm`),
    }),
  );
});

test("devices are named once each, and disposed of with the executor, or where none comes to be", () => {
  const { model } = graphs[0] as (typeof graphs)[0];
  const refused = (devices: unknown) => {
    expect(() => make(model, devices as DeviceOption[])).toThrow(OptionError);
  };
  for (const devices of ["webgl2", ["abacus"], ["wasm", "wasm"], [null], [{ name: "wasm" }]]) {
    refused(devices);
  }
  refused([new FakeDevice(), new FakeDevice()]);
  const fake = new FakeDevice();
  const nowhere = placing(() => "abacus" as DeviceName);
  expect(() => make(model, [fake], nowhere)).toThrow(PlacementError);
  expect(fake.disposed).toBe(true);
  const wanting = Executor.create(model as Model, { files: {}, devices: [new FakeDevice()] });
  return expect(wanting).rejects.toThrow();
});

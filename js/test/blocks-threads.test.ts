import { expect, test, vi } from "vitest";
import type { OpData } from "../src/data.js";
import type { Op, Placement, Policy } from "../src/index.js";
import { useRuntime } from "./built.js";
import {
  evaluateGraph,
  graphFiles,
  graphX as x,
  randomFrom,
  randomGraph,
  WORTH_SHARING,
} from "./graph.js";

const { runtime } = await useRuntime();

test.each(Array.from({ length: 8 }, (_, seed) => seed))(
  "lazy blocks on threads of one's choice compute the same: %i",
  async (seed) => {
    const random = randomFrom(seed);
    const model = randomGraph(random, 30, WORTH_SHARING);
    const wanted = evaluateGraph(model, x);
    const ops = model.main.map(([, target]) => model.ops[target] as OpData);
    const lazy: { from: string; to: string }[] = [];
    const places = new Map<string, Placement>();
    for (let first = 0; first < ops.length;) {
      const some = ops.slice(first, first + 1 + Math.floor(random() * 8));
      lazy.push({ from: some[0]?.name as string, to: some[some.length - 1]?.name as string });
      // Half of the blocks are on one thread as a whole, and half have ops on all of them.
      const whole = random() < 0.5;
      const thread = Math.floor(random() * 3);
      for (const { name } of some) {
        places.set(name, whole ? { thread } : { thread: Math.floor(random() * 3) });
      }
      first += some.length;
    }
    const waiting: Policy = { dispatch: (_op, next) => next() };
    for (const around of [[], [waiting]]) {
      const place = ({ name }: Op) => places.get(name);
      const policies = [{ place }, ...around];
      const options = { files: graphFiles, threads: 3, policies };
      using executor = await runtime.Executor.create(model, options);
      executor.lazy(...lazy);
      for (let run = 0; run < 10; run++) {
        const outputs = await executor.run({ x });
        for (const { name, value } of model.outputs) {
          expect(outputs[name]?.data).toEqual(wanted[value]);
        }
      }
    }
  },
);

test("a lazy block is under one lease", () => {
  const model = randomGraph(randomFrom(5), 9);
  const accelerator = new runtime.Accelerator("unit");
  const hold = vi.spyOn(accelerator, "holdSync");
  const policies: Policy[] = [{ place: () => ({ accelerator }) }];
  using executor = runtime.Executor.createSync(model, { files: graphFiles, policies });
  executor.runSync({ x });
  expect(hold).toHaveBeenCalledTimes(9);
  executor.lazy({ from: "op2", to: "op7" });
  hold.mockClear();
  const outputs = executor.runSync({ x });
  expect(hold).toHaveBeenCalledTimes(4);
  const wanted = evaluateGraph(model, x);
  for (const { name, value } of model.outputs) expect(outputs[name]?.data).toEqual(wanted[value]);
});

test("a lazy block needs accelerators on the same terms", () => {
  const model = randomGraph(randomFrom(5), 9);
  const accelerator = new runtime.Accelerator("unit");
  const place = ({ name }: Op): Placement => (name === "op4" ? { accelerator } : "wasm");
  const options = { files: graphFiles, policies: [{ place }] };
  using executor = runtime.Executor.createSync(model, options);
  expect(() => executor.lazy({ from: "op2", to: "op7" })).toThrow(runtime.PlacementError);
  executor.lazy({ from: "op2", to: "op3" });
});

import { expect, expectTypeOf, test } from "vitest";
import {
  createCustom,
  createCustomSync,
  type Custom,
  Executor,
  type Model,
  type Op,
  type Policy,
} from "../src/index.js";
import { expected, modelFiles, staticModel, type StaticNet } from "./model.js";

const inputs = { x: Float32Array.of(1, 2, 3, 4, 5, 6), k: BigInt64Array.of(1n, -1n) };
const sum = expected([1, 2, 3, 4, 5, 6], [1, -1]);
const files = modelFiles();

class Counting<M extends Model> extends Executor<M> {
  readonly seen: string[] = [];
  override dispatchSync(op: Op<M>, next: () => void): void {
    this.seen.push(op.name);
    next();
  }
}

test("a class makes executors of itself, with its own members", async () => {
  const executor = await createCustom(Counting, staticModel, { files });
  expectTypeOf(executor.seen).toEqualTypeOf<string[]>();
  const { y } = await executor.run(inputs);
  expect(Array.from(y.data)).toEqual(sum);
  expect(executor.seen).toEqual(["add", "flatten", "mul"]);
  expect(executor).toBeInstanceOf(Counting);
  executor.dispose();
});

test("policies surround those of the options", () => {
  const seen: string[] = [];
  const telling = (name: string): Policy => ({
    dispatchSync(op, next) {
      seen.push(`${name} ${op.name}`);
      next();
    },
  });
  for (const custom of [telling("own"), [telling("own"), telling("too")]]) {
    seen.length = 0;
    const executor = createCustomSync(custom, staticModel, { files, policies: [telling("given")] });
    expectTypeOf(executor).toEqualTypeOf<Executor<StaticNet>>();
    expect(Array.from(executor.runSync(inputs).y.data)).toEqual(sum);
    const names = Array.isArray(custom) ? ["own", "too", "given"] : ["own", "given"];
    expect(seen.slice(0, names.length)).toEqual(names.map((name) => `${name} add`));
    executor.dispose();
  }
});

test("an executor tells whether its hooks must wait", () => {
  const wait: Policy = { dispatch: (_op, next) => next() };
  const both: Policy = { ...wait, dispatchSync: (_op, next) => next() };
  for (const [policy, waits] of [[wait, true] as const, [both, false] as const]) {
    const executor = createCustomSync(policy, staticModel, { files });
    expect(executor.waits).toBe(waits);
    executor.dispose();
  }
});

test.each([
  ["a class of another kind", class Other {}, "Other, does not extend Executor"],
  ["a function", () => ({}), "a function, does not extend Executor"],
  ["an object without a hook", { dispach() {} }, "nor policies"],
  ["no policy", [], "nor policies"],
  ["a policy and something else", [{ place() {} }, 1], "nor policies"],
  ["nothing", undefined, "nor policies"],
  ["null", null, "nor policies"],
])("%s is refused", async (_, custom, says) => {
  const made = createCustom(custom as unknown as Custom, staticModel, { files });
  await expect(made).rejects.toMatchObject({
    name: "ExecutorError",
    message: expect.stringContaining(says) as string,
  });
});

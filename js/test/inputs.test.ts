import { describe, expect, test } from "vitest";
import { InputError, tensor } from "../src/index.js";
import { bindInputs } from "../src/run/inputs.js";
import { modelData } from "./model.js";

const fixed = modelData(2);
const varying = modelData("n");
const x = tensor("float32", [2, 3]);
const k = tensor("int64", [2]);

function problemsOf(bind: () => unknown): readonly string[] {
  try {
    bind();
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    return (error as InputError).problems;
  }
  throw new Error("the inputs were accepted");
}

test("inputs that fit give the dims and the arrays by value", () => {
  const { binding, arrays } = bindInputs(varying, { k, x });
  expect([...binding]).toEqual([["n", 2]]);
  expect(Object.fromEntries(arrays)).toEqual({ 0: x.data, 1: k.data });
});

test("arrays of another realm and plain arrays are taken", () => {
  const foreign = Object.create(null, { [Symbol.toStringTag]: { value: "Float32Array" } });
  Object.assign(foreign, { length: 6 });
  expect(bindInputs(fixed, { x: { ...x, data: foreign }, k }).arrays.get(0)).toBe(foreign);
  expect(bindInputs(fixed, { x: [1, 2, 3, 4, 5, 6], k }).arrays.get(0)).toEqual(
    new Float32Array([1, 2, 3, 4, 5, 6]),
  );
});

describe("each problem is named", () => {
  test.each<[string, Record<string, unknown>, string[]]>([
    ["missing", { x }, ["k: is missing; the model wants k int64 2"]],
    ["undefined", { x, k: undefined }, ["k: is missing; the model wants k int64 2"]],
    ["null", { x, k: null }, ["k: is of type Null; give a Tensor or a typed array"]],
    [
      "unknown",
      { x, k, z: k },
      ["z: the model has no such input; it takes x float32 2x3, k int64 2"],
    ],
    [
      "dtype",
      { x: tensor("float64", [2, 3]), k },
      ["x: is of dtype float64; the model wants float32"],
    ],
    [
      "bare array of another dtype",
      { x: new Int32Array(6), k },
      ["x: its data is of type Int32Array; dtype float32 wants Float32Array"],
    ],
    [
      "data unlike the dtype it claims",
      { x: { ...x, data: new Float64Array(6) }, k },
      ["x: its data is of type Float64Array; dtype float32 wants Float32Array"],
    ],
    [
      "numbers where bigints are due",
      { x, k: [1, 2] },
      ["k: its elements are not all of dtype int64"],
    ],
    ["extent", { x: tensor("float32", [3, 2]), k }, ["x: is of shape 3x2; the model wants 2x3"]],
    ["rank", { x: tensor("float32", [6]), k }, ["x: is of shape 6; the model wants 2x3"]],
    [
      "length of bare data",
      { x: new Float32Array(5), k },
      ["x: has 5 elements; shape 2x3 wants 6"],
    ],
    [
      "length unlike the shape",
      { x: { ...x, data: new Float32Array(7) }, k },
      ["x: has 7 elements; shape 2x3 wants 6"],
    ],
    ["not a tensor", { x: "pixels", k }, ["x: is of type String; give a Tensor or a typed array"]],
    [
      "a half tensor",
      { x: { data: [] }, k },
      ["x: is of type Object; give a Tensor or a typed array"],
    ],
  ])("%s", (_, feed, problems) => {
    expect(problemsOf(() => bindInputs(fixed, feed))).toEqual(problems);
  });

  test.each<[string, Record<string, unknown>, string[]]>([
    [
      "bare data of a shape that varies",
      { x: new Float32Array(6), k },
      ['x: its shape nx3 varies, so give tensor("float32", shape, data) instead of bare data'],
    ],
    [
      "two values of one dim",
      { x, k: tensor("int64", [3]) },
      ["k: axis 0 is 3, but the same dim n is 2 in x"],
    ],
    [
      "a dim above its bound",
      { x: tensor("float32", [5, 3]), k: tensor("int64", [5]) },
      ["x: the dim n is 5; it may be 1 to 4"],
    ],
    [
      "a dim below its bound",
      { x: tensor("float32", [0, 3]), k: tensor("int64", [0]) },
      ["x: the dim n is 0; it may be 1 to 4"],
    ],
    [
      "an extent that is none",
      { x: { ...x, shape: [-1, 3] }, k },
      ["x: is of shape -1x3; the model wants nx3"],
    ],
  ])("%s", (_, feed, problems) => {
    expect(problemsOf(() => bindInputs(varying, feed))).toEqual(problems);
  });

  test("a dim without an upper bound", () => {
    const model = modelData("n", { dims: [{ name: "n", min: 3, max: null }] });
    expect(problemsOf(() => bindInputs(model, { x, k }))).toEqual([
      "x: the dim n is 2; it may be 3 or more",
    ]);
  });

  test("an extent that follows from another", () => {
    const [first, second] = modelData("n").inputs;
    const model = modelData("n", {
      inputs: [first, { ...second, shape: [["*", "n", 2]] }] as (typeof first & {})[],
    });
    expect(bindInputs(model, { x, k: tensor("int64", [4]) }).binding.get("n")).toBe(2);
    expect(problemsOf(() => bindInputs(model, { x, k }))).toEqual([
      "k: axis 0 is 2, but must be 4 here",
    ]);
  });

  test("all at once", () => {
    const feed = { y: x, x: tensor("float64", [2, 2]) };
    const problems = problemsOf(() => bindInputs(fixed, feed));
    expect(problems).toEqual([
      "y: the model has no such input; it takes x float32 2x3, k int64 2",
      "x: is of dtype float64; the model wants float32",
      "x: is of shape 2x2; the model wants 2x3",
      "k: is missing; the model wants k int64 2",
    ]);
    expect(() => bindInputs(fixed, feed)).toThrow(problems.join("\n  - "));
  });

  test.each([undefined, null, 3, "x"])("%s instead of a record", (feed) => {
    expect(problemsOf(() => bindInputs(fixed, feed as never))).toHaveLength(2);
  });
});

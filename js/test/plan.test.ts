import { describe, expect, test } from "vitest";
import type { Expr, ValueData } from "../src/data.js";
import { evaluate, formatExprs } from "../src/dims.js";
import { makePlan } from "../src/schedule/plan.js";
import { modelData } from "./model.js";

describe("expressions", () => {
  const binding = new Map([
    ["n", 7],
    ["seq", -7],
  ]);
  test.each<[Expr, number]>([
    [3, 3],
    ["n", 7],
    [["+", "n", 1], 8],
    [["-", 1, "n"], -6],
    [["*", "n", "n"], 49],
    [["//", "n", 2], 3],
    [["//", "seq", 2], -4],
    [["%", "n", 2], 1],
    [["%", "seq", 4], 1],
    [["min", "n", 3], 3],
    [["max", "n", ["+", 4, 4]], 8],
  ])("%j is %d", (expr, value) => {
    expect(evaluate(expr, binding)).toBe(value);
  });

  test("an unbound dim is named", () => {
    expect(() => evaluate(["+", "m", 1], binding)).toThrow("m");
  });

  test("are written as people do", () => {
    expect(formatExprs([1, "n", ["*", "seq", ["max", "n", 2]]])).toBe("1xnx(seq * max(n, 2))");
    expect(formatExprs([])).toBe("scalar");
  });
});

describe("a plan", () => {
  const value = (rest: Partial<ValueData>): ValueData => {
    return { name: "v", dtype: "float32", shape: [1], region: "main", ...rest };
  };
  const plan = (values: ValueData[], arena: "load" | "main" = "main", n = 0) =>
    makePlan(modelData(2, { values }), arena, new Map([["n", n]]));

  test("has its regions one after the other, each at a multiple of 64", () => {
    const values = [value({ region: "persistent" }), value({}), value({ region: "load" })];
    expect(plan(values)).toMatchObject({
      addresses: [0, 64, undefined],
      persistentEnd: 16,
      end: 80,
    });
    expect(plan(values, "load").addresses).toEqual([0, undefined, 64]);
  });

  test("puts a value behind the farthest of those that it comes after", () => {
    const values = [
      value({ shape: [5] }),
      value({ shape: ["n"], dtype: "int64", after: [0] }),
      value({ after: [0] }),
      value({ after: [1, 2] }),
    ];
    expect(plan(values, "main", 1).addresses).toEqual([0, 32, 32, 48]);
    expect(plan(values, "main", 5).addresses).toEqual([0, 32, 32, 80]);
    expect(plan(values, "main", 0).addresses).toEqual([0, 32, 32, 48]);
  });

  test("does not care for the order of the values", () => {
    const values = [value({ after: [1] }), value({ after: [2] }), value({ alias: 3 }), value({})];
    expect(plan(values).addresses).toEqual([32, 16, 0, 0]);
  });

  test("follows aliases into another region", () => {
    const values = [value({ alias: 1 }), value({ region: "persistent" })];
    expect(plan(values).addresses).toEqual([0, 0]);
  });

  test("of a very deep model is made without deep recursion", () => {
    const values = Array.from({ length: 20_000 }, (_, i) =>
      value(i < 19_999 ? { after: [i + 1] } : {}),
    );
    expect(plan(values).end).toBe(16 * 20_000);
  });

  test.each([[[{ after: [0] }]], [[{ after: [1] }, { alias: 0 }]]])(
    "refuses circles: %j",
    (values) => {
      expect(() => plan(values.map(value))).toThrow("depends on itself");
    },
  );
});

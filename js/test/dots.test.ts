import { afterEach, expect, test, vi } from "vitest";
import { Executor, LoadError } from "../src/index.js";
import { hasExactDots } from "../src/load/dots.js";
import { modelData, modelFiles } from "./model.js";

afterEach(() => {
  vi.unstubAllGlobals();
});

type Dot = (weight: number, value: number, total: number) => number;

/** Have the instruction do as hosts of some kind do. */
function host(dot: Dot): void {
  class Instance {
    readonly exports = { d: dot };
  }
  vi.stubGlobal("WebAssembly", {
    ...WebAssembly,
    Module: class {},
    Instance,
    validate: () => true,
  });
}

const exact: Dot = (weight, value, total) => 4 * weight * value + total;
const signed: Dot = (weight, value, total) => exact(weight, (value << 24) >> 24, total);
const saturating: Dot = (weight, value, total) =>
  2 * Math.max(-32768, Math.min(32767, 2 * weight * value)) + total;

test.each([
  ["exact and unsigned", exact, true],
  ["signed", signed, false],
  ["saturating", saturating, false],
])("a host whose products are %s", (_, dot, expected) => {
  host(dot);
  expect(hasExactDots()).toBe(expected);
});

test("a host that compiles no bytes", () => {
  class Module {
    constructor() {
      throw new Error("code generation is forbidden");
    }
  }
  vi.stubGlobal("WebAssembly", { ...WebAssembly, Module });
  expect(hasExactDots()).toBe(false);
});

test("a model that multiplies bytes takes the relaxed file only where it is exact", () => {
  const model = modelData(2);
  const quantised = { ...model, ops: model.ops.map((op) => ({ ...op, dots: true })) };
  const files = modelFiles();
  const inexact = hasExactDots() ? "relaxed" : "simd128";
  expect(Executor.createSync(quantised, { files }).describe().isa).toBe(inexact);
  if (inexact === "simd128") {
    expect(() => Executor.createSync(quantised, { files, isa: "relaxed" })).toThrow(LoadError);
  }
});

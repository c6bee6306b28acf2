import { expect, test } from "vitest";
import { whole } from "../src/wasm/warm.js";

function slicesOf(extent: number, cost: number): [number, number][][] {
  let slices: [number, number][] = [];
  const call = whole((begin, end) => slices.push([begin, end]), extent, cost);
  return [1, 2, 3].map(() => {
    slices = [];
    call();
    return slices;
  });
}

test.each([
  [1, 1e9, 1],
  [7, 1e5, 1],
  [7, 250_000, 3],
  [7, 1e9, 7],
  [1000, 1e6, 10],
])("a kernel of %i rounds and %f ns is first run in %i slices", (extent, cost, count) => {
  const [first = [], ...later] = slicesOf(extent, cost);
  expect(first.length).toBe(count);
  expect(first.map(([begin]) => begin)).toEqual([0, ...first.slice(0, -1).map(([, end]) => end)]);
  expect(first.at(-1)?.[1]).toBe(extent);
  expect(first.every(([begin, end]) => begin < end)).toBe(true);
  expect(later).toEqual([[[0, extent]], [[0, extent]]]);
});

test("an empty kernel is called all the same", () => {
  expect(slicesOf(0, 1e9)[0]).toEqual([[0, 0]]);
});

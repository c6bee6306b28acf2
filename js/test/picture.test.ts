import { expect, test } from "vitest";
import { Executor, InputError, picture } from "../src/index.js";
import { elementsOf } from "../src/picture/pixels.js";
import { graphFiles as files, randomFrom, randomGraph } from "./graph.js";

/** What ImageData is to a host that has none. */
function imageOf(width: number, height: number, bytes: readonly number[]): ImageData {
  return { data: new Uint8ClampedArray(bytes), width, height, colorSpace: "srgb" } as ImageData;
}

const twoByOne = imageOf(2, 1, [0, 51, 102, 255, 255, 204, 153, 255]);

test.each([
  { shape: [1, 3, 1, 4] as const, red: [0, 1, 2, 3] },
  { shape: [1, 1, 4, 3] as const, red: [0, 3, 6, 9] },
])("wider ones lie between the middles of pixels: $shape", ({ shape, red }) => {
  const elements = elementsOf(picture(twoByOne, shape));
  expect(red.map((at) => elements[at])).toEqual([0, 0.25, 0.75, 1]);
});

test("what is taken away and divided by is of each channel", () => {
  const mean = [0.5, 0.25, 0] as const;
  const std = [1, 0.5, 2] as const;
  const elements = elementsOf(
    picture(imageOf(1, 1, [255, 255, 255, 0]), [1, 3, 1, 1], { mean, std }),
  );
  expect([...elements]).toEqual([0.5, 1.5, 0.5]);
});

test("a host without a canvas takes ImageData alone", () => {
  const bitmap = { width: 2, height: 1, close: () => {} };
  const shape = [1, 3, 1, 2] as const;
  expect(() => elementsOf(picture(bitmap, shape))).toThrow(InputError);
  expect(() => elementsOf(picture(bitmap, shape))).toThrow(/this host has no canvas to read/);
  expect(elementsOf(picture(twoByOne, shape))).toHaveLength(6);
});

test("an executor on wasm says that a picture does not fit", () => {
  const model = randomGraph(randomFrom(1), 3);
  const executor = Executor.createSync(model, { files });
  expect(() => executor.runSync({ x: picture(twoByOne, [1, 3, 1, 2]) as never })).toThrow(
    /x: is of shape 1x3x1x2/,
  );
  executor.dispose();
});

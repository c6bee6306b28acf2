import { describe, expect, test } from "vitest";
import { type Feed, type Model, picture, type Tensor } from "../src/index.js";
import { extentOf, share, type Tenant, texelsOf } from "../src/webgl2/layout.js";

/** Numbers from 0 to below 1, the same ones every time. */
function* random(seed: number): Generator<number, never> {
  for (let state = seed; ;) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state / 2 ** 32;
  }
}

function tenants(seed: number): Tenant[] {
  const numbers = random(seed);
  const next = (below: number) => Math.floor(numbers.next().value * below);
  return Array.from({ length: 30 }, (_, value) => {
    const first = next(20);
    const start = 64 * next(8);
    const elements = 1 + next(5000);
    return {
      value,
      kind: next(3) ? "float" : "int",
      extent: extentOf(texelsOf(elements), 8192, "x"),
      bytes: [start, start + 4 * elements],
      first,
      last: first + next(6),
    };
  });
}

test("a texture has room for its texels, and no more than shaders can count", () => {
  for (const texels of [0, 1, 2, 5, 64, 65, 2 ** 23]) {
    const { width, height } = extentOf(texels, 8192, "x");
    expect(width * height).toBeGreaterThanOrEqual(texels);
    expect(Math.log2(width) % 1).toBe(0);
    expect(height).toBeLessThanOrEqual(width);
  }
  expect(() => extentOf(2 ** 23 + 1, 8192, "x")).toThrow(
    "x takes 8388609 texels, and shaders count to 8388608",
  );
});

test("a texture is no larger than the machine's may be", () => {
  expect(extentOf(2048 ** 2, 2048, "x")).toEqual({ width: 2048, height: 2048 });
  expect(() => extentOf(2048 ** 2 + 1, 2048, "x")).toThrow(
    "x takes a texture 4096 texels wide, and those of this machine are 2048 at most",
  );
});

describe("values that share textures", () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8])("are never there together (%i)", (seed) => {
    const all = tenants(seed);
    const slots = share(all);
    expect(slots.flatMap(({ values }) => values).sort((a, b) => a - b)).toEqual([...all.keys()]);
    expect(slots.length).toBeLessThan(all.length);
    for (const { kind, width, height, values } of slots) {
      const inside = values.map((value) => all[value] as Tenant);
      for (const one of inside) {
        expect(one.kind).toBe(kind);
        expect(one.extent.width * one.extent.height).toBeLessThanOrEqual(width * height);
        for (const other of inside) {
          if (other === one) continue;
          expect(one.last < other.first || other.last < one.first).toBe(true);
          expect(one.bytes[0] < other.bytes[1] && other.bytes[0] < one.bytes[1]).toBe(true);
        }
      }
    }
  });

  test("are apart where one op reads the one and writes the other", () => {
    const extent = { width: 1, height: 1 };
    const tenant = (value: number, first: number, last: number): Tenant => {
      return { value, kind: "float", extent, bytes: [0, 16], first, last };
    };
    expect(share([tenant(0, 0, 1), tenant(1, 1, 2)])).toHaveLength(2);
    expect(share([tenant(0, 0, 1), tenant(1, 2, 3)])).toHaveLength(1);
  });
});

test("an extent is a power of two wide, and no more than a row too large", () => {
  for (const texels of [0, 1, 2, 3, 4, 5, 1000, 2048, 4097, 1_000_003]) {
    const { width, height } = extentOf(texels, 8192, "x");
    expect(Math.log2(width) % 1).toBe(0);
    expect(width * height).toBeGreaterThanOrEqual(texels);
    expect(width * height).toBeLessThan(Math.max(texels, 1) + width);
  }
});

test("a picture may be given where its shape is the input's", () => {
  type Net = Model<{ x: Tensor<"float32", [1, 3, 2, 2]> }, { y: Tensor<"float32", [1]> }>;
  const image = { width: 2, height: 2 } as ImageBitmap;
  const feed: Feed<Net> = { x: picture(image, [1, 3, 2, 2], { mean: [1, 2, 3] }) };
  // @ts-expect-error: the input is smaller.
  const other: Feed<Net> = { x: picture(image, [1, 3, 4, 4]) };
  expect(feed.x).toMatchObject({ channelsFirst: true, mean: [1, 2, 3], std: [1, 1, 1] });
  expect(other.x).toMatchObject({ shape: [1, 3, 4, 4] });
});

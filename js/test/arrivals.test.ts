import { describe, expect, test } from "vitest";
import type { ModelData } from "../src/data.js";
import { BundleError, type Tensor, tensor, writeSafetensors } from "../src/index.js";
import { Arrivals } from "../src/load/arrivals.js";
import { Shard } from "../src/load/shard.js";
import { bytesOf } from "../src/tensor.js";
import { modelData } from "./model.js";

/** A model that reads the constants `names`, in that order, of the shapes that `tensors` have. */
function modelOf(tensors: Readonly<Record<string, Tensor>>, names: readonly string[]): ModelData {
  const values = names.map((constant, index) => {
    const { dtype, shape } = tensors[constant] as Tensor;
    return { name: `v${index}`, dtype, shape, region: "persistent", constant } as const;
  });
  return modelData(2, { values, load: names.map((_, index) => ["read", index] as const) });
}

/** A shard that comes in blocks of `sizes` bytes, over and over, each overwritten by the next. */
function shardOf(file: Uint8Array, sizes: readonly number[]): Shard {
  return new Shard(
    (async function* () {
      const block = new Uint8Array(Math.max(...sizes));
      for (let at = 0, i = 0; at < file.length; i++) {
        const part = file.subarray(at, (at += sizes[i % sizes.length] as number));
        block.fill(0xaa);
        block.set(part);
        yield block.subarray(0, part.length);
      }
    })(),
  );
}

async function readAll(model: ModelData, arrivals: Arrivals): Promise<Uint8Array[]> {
  const found: Uint8Array[] = [];
  for (const [, target] of model.load) {
    const value = model.values[target];
    if (!value) throw new TypeError("no such value");
    const size = (value.shape as number[]).reduce((all, dim) => all * dim, 1);
    const into = new Uint8Array(size * (value.dtype === "int64" ? 8 : 4)).fill(0x55);
    await arrivals.copy(value, into);
    found.push(into);
  }
  await arrivals.finish();
  return found;
}

const numbers = (count: number, from: number) => Array.from({ length: count }, (_, i) => from + i);
const TENSORS = {
  a: tensor("float32", [3, 5], numbers(15, 0)),
  b: tensor("int64", [2], [7n, -7n]),
  c: tensor("float32", [0], []),
  d: tensor("float32", [], [42]),
  e: tensor("float32", [7], numbers(7, 100)),
};
const { a, b, c, d, e } = TENSORS;
const expected = (names: readonly string[]) =>
  names.map((name) => [...bytesOf((TENSORS as Record<string, Tensor>)[name]?.data as never)]);

describe("weights as they come", () => {
  const file = writeSafetensors(TENSORS);
  const halves = [writeSafetensors({ d, a }), writeSafetensors({ c, e, b })];

  test.each([
    ["in the order of the file", "abcde"],
    ["in another order", "ecadb"],
    ["some of them", "db"],
    ["one of them for several values", "beeadbbe"],
  ])("%s", async (_, names) => {
    const model = modelOf(TENSORS, [...names]);
    for (const files of [[file], halves]) {
      for (const sizes of [[1], [2 ** 16], [5, 1, 64], [3]]) {
        const shards = files.map((one) => shardOf(one, sizes));
        const found = await readAll(model, new Arrivals(model, shards));
        expect(found.map((bytes) => [...bytes])).toEqual(expected([...names]));
      }
    }
  });

  test.each([
    ["no byte", 0, "only 0 bytes"],
    ["half of a length", 4, "only 4 bytes"],
    ["half of a header", 40, "header of"],
    ["half of the data", file.length - 5, "within the bytes of e"],
  ])("a file of which there is %s", async (_, length, message) => {
    const model = modelOf(TENSORS, ["a", "e"]);
    const creation = readAll(model, new Arrivals(model, [shardOf(file.subarray(0, length), [9])]));
    await expect(creation).rejects.toThrow(BundleError);
    await expect(creation).rejects.toThrow(message);
  });

  test("a file whose weights share bytes", async () => {
    const header = '{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},';
    const text = `${header}"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}}`;
    const bytes = new Uint8Array(8 + text.length + 6);
    bytes[0] = text.length;
    bytes.set(new TextEncoder().encode(text), 8);
    const model = modelOf(TENSORS, ["a"]);
    const creation = readAll(model, new Arrivals(model, [shardOf(bytes, [16])]));
    await expect(creation).rejects.toThrow("the bytes of b are another weight's, too");
  });

  test("all that do not fit are listed, wherever they are", async () => {
    const wanted = { ...TENSORS, e: tensor("float32", [8]), f: tensor("float32", [1]) };
    const model = modelOf(wanted, ["d", "e", "f", "b"]);
    const shards = halves.map((half) => shardOf(half, [11]));
    const error = await readAll(model, new Arrivals(model, shards)).catch((error) => error);
    expect(error).toBeInstanceOf(BundleError);
    expect((error as BundleError).problems).toEqual([
      "e: is float32 7; the model wants float32 8",
      "f: is missing; the model wants float32 1",
    ]);
  });
});

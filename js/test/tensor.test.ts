import { describe, expect, test } from "vitest";
import { type DType, InputError, readSafetensors, tensor, writeSafetensors } from "../src/index.js";
import { BundleError } from "../src/index.js";

const DTYPES: [DType, number][] = [
  ["float32", 4],
  ["float64", 8],
  ["float16", 2],
  ["int8", 1],
  ["uint8", 1],
  ["int16", 2],
  ["uint16", 2],
  ["int32", 4],
  ["uint32", 4],
  ["int64", 8],
  ["uint64", 8],
  ["bool", 1],
];

describe("tensor", () => {
  test("is of zeros where no data is given", () => {
    expect(tensor("int32", [2, 2]).data).toEqual(new Int32Array(4));
    expect(tensor("float32", []).data).toEqual(new Float32Array(1));
    expect(tensor("float32", [0, 3]).data).toHaveLength(0);
  });

  test("keeps a typed array and converts an array", () => {
    const data = new Float32Array(6);
    expect(tensor("float32", [2, 3], data).data).toBe(data);
    expect(tensor("int64", [2], [1n, -1n]).data).toEqual(new BigInt64Array([1n, -1n]));
  });

  test("does not follow later changes of the shape that it was given", () => {
    const shape = [2, 3];
    const made = tensor("float32", shape);
    shape[0] = 9;
    expect(made.shape).toEqual([2, 3]);
  });

  test("takes the bits of a Float16Array", () => {
    const bits = new Uint16Array([0x3c00, 0x4000]);
    Object.defineProperty(bits, Symbol.toStringTag, { value: "Float16Array" });
    expect(Array.from(tensor("float16", [2], bits).data)).toEqual([0x3c00, 0x4000]);
  });

  test("refuses data of another length or dtype", () => {
    expect(() => tensor("float32", [2, 3], new Float32Array(5))).toThrow(InputError);
    expect(() => tensor("float32", [2, 3], new Float32Array(5))).toThrow("shape 2x3 wants 6");
    expect(() => tensor("float32", [1], new Float64Array(1) as never)).toThrow("Float64Array");
  });
});

describe("safetensors", () => {
  test.each(DTYPES)("%s comes back as it was", (dtype, bytes) => {
    const made = tensor(dtype, [3, 1]);
    new Uint8Array(made.data.buffer).set([1, 0, 1]);
    const file = writeSafetensors({ a: made, "b.weight": tensor("uint8", [1], [7]) });
    const back = readSafetensors(file);
    expect(back).toEqual({ a: made, "b.weight": tensor("uint8", [1], [7]) });
    expect(back["a"]?.data.byteLength).toBe(3 * bytes);
  });

  test("has its header as the format says", () => {
    const file = writeSafetensors({ w: tensor("float32", [1, 2], [1, 2]) });
    const length = Number(new DataView(file.buffer).getBigUint64(0, true));
    expect(length % 8).toBe(0);
    expect(JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length)))).toEqual({
      w: { dtype: "F32", shape: [1, 2], data_offsets: [0, 8] },
    });
    expect(new Float32Array(file.buffer, 8 + length)).toEqual(new Float32Array([1, 2]));
  });

  test.each(["größe", "層.重み", "🎛.gain", 'quo"te\\', "\u007f\n"])("keeps the name %j", (name) => {
    const back = readSafetensors(writeSafetensors({ [name]: tensor("int8", [1], [5]) }));
    expect(Object.keys(back)).toEqual([name]);
  });

  test.each(["größe", "層.重み", "🎛.gain"])("reads the name %s in UTF-8", (name) => {
    const json = JSON.stringify({
      __metadata__: { format: "pt" },
      [name]: { dtype: "U8", shape: [1], data_offsets: [0, 1] },
    });
    const header = new TextEncoder().encode(json);
    const file = new Uint8Array(9 + header.length);
    new DataView(file.buffer).setBigUint64(0, BigInt(header.length), true);
    file.set(header, 8);
    file[8 + header.length] = 42;
    expect(readSafetensors(file)).toEqual({ [name]: tensor("uint8", [1], [42]) });
  });

  test("reads data that begins at any byte", () => {
    const file = writeSafetensors({ f: tensor("float64", [1], [0.1]) });
    const shifted = new Uint8Array(file.length + 1);
    shifted.set(file, 1);
    expect(readSafetensors(shifted.subarray(1))["f"]?.data).toEqual(new Float64Array([0.1]));
  });

  test("refuses a file cut short at any byte", () => {
    const file = writeSafetensors({ f: tensor("float32", [3]) });
    for (let length = 0; length < file.length; length++) {
      expect(() => readSafetensors(file.subarray(0, length))).toThrow(BundleError);
    }
  });

  test.each([
    ["a header that is no object", "[1]"],
    ["null", "null"],
    ["an entry that is none", '{"a":3}'],
    ["an unknown dtype", '{"a":{"dtype":"F8","shape":[],"data_offsets":[0,1]}}'],
    ["offsets that are none", '{"a":{"dtype":"U8","shape":[1]}}'],
    ["offsets the wrong way round", '{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}}'],
  ])("refuses %s", (_, json) => {
    const file = new Uint8Array(9 + json.length);
    file[0] = json.length;
    file.set(new TextEncoder().encode(json), 8);
    expect(() => readSafetensors(file)).toThrow(BundleError);
  });
});

/**
 * A model small enough to follow by hand, in both of its forms.
 *
 *     packed = scale * 2 (when loading)      x ─ add ─ sum ─ (view) flat ─ mul ─ y
 *
 * With `rows: number` every shape is static; with `"n"` the first axis varies from 1 to 4 rows, and
 * the second input has the same one.
 */
import { createHash } from "node:crypto";
import wabt from "wabt";
import type { Expr, FileData, ModelData, ValueData } from "../src/data.js";
import {
  defineModel,
  FORMAT_VERSION,
  type Model,
  type Tensor,
  tensor,
  writeSafetensors,
} from "../src/index.js";

export type StaticNet = Model<
  { x: Tensor<"float32", [2, 3]>; k: Tensor<"int64", [2]> },
  { y: Tensor<"float32", [6]> },
  "pack" | "add" | "flatten" | "mul"
>;
export type DynamicNet = Model<
  { x: Tensor<"float32", [number, 3]>; k: Tensor<"int64", [number]> },
  { y: Tensor<"float32", [number]> },
  "pack" | "add" | "flatten" | "mul"
>;

export const BASE = 1024;
export const SCALE = [1, 10, 100];

/** The ops of a run, in order. */
export const OPS = ["add", "flatten", "mul"];

/** Inputs of the model with two rows; `wanted` is what it gives for them. */
export const X = [1, 2, 3, 4, 5, 6];
export const K = [10, 20];
export const inputs = { x: tensor("float32", [2, 3], X), k: tensor("int64", [2], K.map(BigInt)) };

/** Kernels for it: loops over rows of three elements, from `begin` to `end`. */
const WAT = `(module
  (import "env" "memory" (memory 1))
  (global (export "__heap_base") i32 (i32.const ${BASE}))
  (func (export "double") (param $in i32) (param $out i32) (param $begin i32) (param $end i32)
    (local $at i32)
    (loop $next
      (if (i32.lt_s (local.get $begin) (local.get $end)) (then
        (local.set $at (i32.mul (local.get $begin) (i32.const 4)))
        (f32.store (i32.add (local.get $out) (local.get $at))
          (f32.mul (f32.const 2) (f32.load (i32.add (local.get $in) (local.get $at)))))
        (local.set $begin (i32.add (local.get $begin) (i32.const 1)))
        (br $next)))))
  ;; out[r, c] = x[r, c] + k[r], for r < n
  (func (export "add_rows") (param $x i32) (param $k i32) (param $out i32) (param $n i32)
      (param $begin i32) (param $end i32)
    (local $at i32)
    (if (i32.ne (local.get $n) (local.get $end)) (then (unreachable)))
    (loop $next
      (if (i32.lt_s (local.get $begin) (i32.mul (local.get $end) (i32.const 3))) (then
        (local.set $at (i32.mul (local.get $begin) (i32.const 4)))
        (f32.store (i32.add (local.get $out) (local.get $at))
          (f32.add (f32.load (i32.add (local.get $x) (local.get $at)))
            (f32.convert_i64_s (i64.load (i32.add (local.get $k)
              (i32.mul (i32.div_s (local.get $begin) (i32.const 3)) (i32.const 8)))))))
        (local.set $begin (i32.add (local.get $begin) (i32.const 1)))
        (br $next)))))
  ;; out[i] = x[i] * scale[i % 3]
  (func (export "mul_scale") (param $x i32) (param $scale i32) (param $out i32)
      (param $begin i32) (param $end i32)
    (local $at i32)
    (loop $next
      (if (i32.lt_s (local.get $begin) (local.get $end)) (then
        (local.set $at (i32.mul (local.get $begin) (i32.const 4)))
        (f32.store (i32.add (local.get $out) (local.get $at))
          (f32.mul (f32.load (i32.add (local.get $x) (local.get $at)))
            (f32.load (i32.add (local.get $scale)
              (i32.mul (i32.rem_s (local.get $begin) (i32.const 3)) (i32.const 4))))))
        (local.set $begin (i32.add (local.get $begin) (i32.const 1)))
        (br $next)))))
  (func (export "trap") (param i32 i32 i32 i32 i32 i32) (unreachable)))`;

export async function assemble(wat = WAT): Promise<Uint8Array<ArrayBuffer>> {
  const { parseWat } = await wabt();
  const module = parseWat("model.wat", wat, { threads: true });
  const { buffer } = module.toBinary({});
  module.destroy();
  return new Uint8Array(buffer);
}

export function weights(scale: readonly number[] = SCALE): Uint8Array<ArrayBuffer> {
  return writeSafetensors({ "block.scale": tensor("float32", [scale.length], scale) });
}

const WASM = await assemble();

/** The model's files, by name. */
export function modelFiles(): Record<string, Uint8Array<ArrayBuffer>> {
  return { "tiny.simd.wasm": WASM, "tiny.relaxed.wasm": WASM, "weights.safetensors": weights() };
}

/** What a bundle says of a file. */
export function describeFile(url: URL | string, bytes: Uint8Array): FileData {
  const integrity = `sha384-${createHash("sha384").update(bytes).digest("base64")}`;
  const digests = createHash("sha256");
  for (let at = 0; at < bytes.length; at += 2 ** 18) {
    digests.update(
      createHash("sha256")
        .update(bytes.subarray(at, at + 2 ** 18))
        .digest(),
    );
  }
  return { url, bytes: bytes.length, integrity, digest: digests.digest("base64") };
}

/** The data of the model; `rows` is the first axis of its inputs. */
export function modelData(rows: Expr, changes: Partial<ModelData> = {}): ModelData {
  const size: Expr = typeof rows === "number" ? rows * 3 : ["*", rows, 3];
  const value = (name: string, shape: readonly Expr[], rest: Partial<ValueData>): ValueData => {
    return { name, dtype: "float32", shape, region: "main", ...rest };
  };
  return {
    formatVersion: FORMAT_VERSION,
    name: "tiny",
    dims: typeof rows === "string" ? [{ name: rows, min: 1, max: 4 }] : [],
    inputs: [
      { name: "x", dtype: "float32", shape: [rows, 3], value: 0 },
      { name: "k", dtype: "int64", shape: [rows], value: 1 },
    ],
    outputs: [{ name: "y", dtype: "float32", shape: [size], value: 6 }],
    values: [
      value("x", [rows, 3], {}),
      value("k", [rows], { dtype: "int64", after: [0] }),
      value("scale", [3], { region: "load", constant: "block.scale" }),
      value("packed", [3], { region: "persistent" }),
      value("sum", [rows, 3], { alias: 0 }),
      value("flat", [size], { alias: 4 }),
      // Takes the place of x's sum again: no value of before outlives it.
      value("y", [size], { alias: 0 }),
    ],
    ops: [
      {
        name: "pack",
        kind: "pack",
        kernel: "double",
        inputs: [2],
        outputs: [3],
        extent: 3,
        origins: [],
      },
      {
        name: "add",
        kind: "add",
        kernel: "add_rows",
        inputs: [0, 1],
        outputs: [4],
        dims: [rows],
        extent: rows,
        origins: [{ node: "Add_0", module: "block.add", source: "net.py:7" }],
      },
      {
        name: "flatten",
        kind: "view",
        inputs: [4],
        outputs: [5],
        origins: [{ node: "Flatten_1" }],
      },
      {
        name: "mul",
        kind: "mul",
        kernel: "mul_scale",
        inputs: [5, 3],
        outputs: [6],
        extent: size,
        origins: [{ node: "Mul_2" }],
      },
    ],
    load: [
      ["read", 2],
      ["call", 0],
    ],
    main: [
      ["call", 1],
      ["call", 2],
      ["call", 3],
    ],
    files: {
      simd128: describeFile("tiny.simd.wasm", WASM),
      relaxed: describeFile("tiny.relaxed.wasm", WASM),
      weights: [describeFile("weights.safetensors", weights())],
    },
    ...changes,
  };
}

export const staticModel = defineModel(modelData(2)) as StaticNet;
export const dynamicModel = defineModel(modelData("n")) as DynamicNet;

/** What the model gives for `x` and `k`. */
export function expected(x: readonly number[], k: readonly number[], scale = SCALE): number[] {
  return x.map((value, i) => (value + (k[Math.floor(i / 3)] ?? NaN)) * 2 * (scale[i % 3] ?? NaN));
}

export const wanted = expected(X, K);

/** The elements of a tensor of floats. */
export const numbers = ({ data }: { data: unknown } = { data: [] }) =>
  Array.from(data as Float32Array);

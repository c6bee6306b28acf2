/**
 * Random models, whose values share bytes wherever their lives allow it:
 *
 *     packed = weight * 2 (when loading)
 *     mix(a, b) = a / 2 + b      root(a) = sqrt(|a|) + 1      flat = a view of a
 */
import type { ModelData, OpData, ValueData } from "../src/data.js";
import { type Model, type Tensor, tensor, writeSafetensors } from "../src/index.js";
import { assemble, describeFile, modelData } from "./model.js";

export const SIZE = 37;
/** About how many flops an op must have to be shared between threads. */
export const WORTH_SHARING = 1e8;
/** An input for the models. */
export const graphX = Float32Array.from({ length: SIZE }, (_, i) => Math.cos(i) * 10);

export type Graph = Model<{ x: Tensor<"float32", [typeof SIZE]> }, Record<string, Tensor>, string>;

const loop = (name: string, inputs: readonly string[], result: string) => `
  (func (export "${name}") ${inputs.map((input) => `(param $${input} i32)`).join(" ")}
      (param $out i32) (param $begin i32) (param $end i32)
    (local $at i32)
    (loop $next
      (if (i32.lt_s (local.get $begin) (local.get $end)) (then
        (local.set $at (i32.mul (local.get $begin) (i32.const 4)))
        (f32.store (i32.add (local.get $out) (local.get $at)) ${result})
        (local.set $begin (i32.add (local.get $begin) (i32.const 1)))
        (br $next)))))`;
const element = (name: string) => `(f32.load (i32.add (local.get $${name}) (local.get $at)))`;

const WASM = await assemble(`(module
  (import "env" "memory" (memory 1 65536))
  (global (export "__heap_base") i32 (i32.const 4096))
  (global (export "__stack_pointer") (mut i32) (i32.const 2048))
  ${loop("double", ["a"], `(f32.mul (f32.const 2) ${element("a")})`)}
  ${loop("mix", ["a", "b"], `(f32.add (f32.mul (f32.const 0.5) ${element("a")}) ${element("b")})`)}
  ${loop("root", ["a"], `(f32.add (f32.const 1) (f32.sqrt (f32.abs ${element("a")})))`)})`);

/** The same kernels in JavaScript. */
export const KERNELS: Readonly<Record<string, (a: number, b: number) => number>> = {
  double: (a) => Math.fround(2 * a),
  mix: (a, b) => Math.fround(Math.fround(a / 2) + b),
  root: (a) => Math.fround(Math.fround(Math.sqrt(Math.abs(a))) + 1),
  view: (a) => a,
};

const WEIGHT = Array.from({ length: SIZE }, (_, i) => Math.fround(Math.sin(i)));
const SHARD = writeSafetensors({ weight: tensor("float32", [SIZE], WEIGHT) });
export const graphFiles = { "graph.wasm": WASM, "graph.safetensors": SHARD };

/** Numbers from 0 to 1 that look random, the same ones for the same seed. */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
}

/** A model of `count` main ops, which a device "webgl2" can run too; `cost` is that of each. */
export function randomGraph(random: () => number, count: number, cost = 0): Graph {
  const pick = (from: readonly number[]) => from[Math.floor(random() * from.length)] as number;
  const value = (name: string, rest: Partial<ValueData>): ValueData => {
    return { name, dtype: "float32", shape: [SIZE], region: "main", ...rest };
  };
  const values = [
    value("weight", { region: "load", constant: "weight" }),
    value("packed", { region: "persistent" }),
    value("x", {}),
  ];
  const op = (name: string, kind: string, inputs: readonly number[], output: number): OpData => {
    const kernel = kind === "view" ? {} : { kernel: kind, shader: kind };
    return {
      name,
      kind,
      ...kernel,
      inputs,
      outputs: [output],
      extent: SIZE,
      flops: cost,
      origins: [],
    };
  };
  const ops = [op("pack", "double", [0], 1)];
  for (let i = 0; i < count; i++) {
    const recent = [...values.keys()].slice(1).slice(-5);
    const kind = ["mix", "mix", "root", "view"][Math.floor(random() * 4)] as string;
    const input = pick(recent.filter((index) => index > 1));
    const inputs = kind === "mix" ? [input, pick(recent)] : [input];
    ops.push(op(`op${i}`, kind, inputs, values.length));
    values.push(value(`v${i}`, {}));
  }
  const outputs = [values.length - 1, pick([...values.keys()].slice(2)), 2];
  return {
    ...modelData(1),
    name: "graph",
    inputs: [{ name: "x", dtype: "float32", shape: [SIZE], value: 2 }],
    outputs: [...new Set(outputs)].map((index) => {
      return { name: `y${index}`, dtype: "float32", shape: [SIZE], value: index };
    }),
    values: layOut(values, ops.slice(1), outputs, random),
    ops,
    load: [
      ["read", 0],
      ["call", 0],
    ],
    main: ops.slice(1).map((_, i) => ["call", i + 1] as const),
    files: {
      simd128: describeFile("graph.wasm", WASM),
      relaxed: describeFile("graph.wasm", WASM),
      weights: [describeFile("graph.safetensors", SHARD)],
    },
  } as ModelData as Graph;
}

/** Put each value where nothing lies that is still needed, or in the place of an input that isn't. */
function layOut(
  values: readonly ValueData[],
  ops: readonly OpData[],
  outputs: readonly number[],
  random: () => number,
): ValueData[] {
  const placed = [...values];
  /** By value: the one whose bytes it shares, and the last op that needs it. */
  const owner = [...values.keys()];
  const last = values.map((_, index) => (outputs.includes(index) ? ops.length : -1));
  for (const [step, { inputs, outputs: written }] of ops.entries()) {
    for (const index of [...inputs, ...written]) {
      last[index] = Math.max(last[index] as number, step);
    }
  }
  const needed = (index: number, step: number) => {
    return owner.some((of, other) => of === owner[index] && (last[other] as number) >= step);
  };
  const mains = [2];
  for (const [step, { kind, inputs, outputs: written }] of ops.entries()) {
    const [input] = inputs as [number];
    const [output] = written as [number];
    const old = values[input]?.region === "main" && !needed(input, step + 1);
    if (kind === "view" || (old && random() < 0.5)) {
      owner[output] = owner[input] as number;
      placed[output] = { ...(values[output] as ValueData), alias: input };
    } else {
      const after = mains.filter((index) => index !== output && needed(index, step));
      placed[output] = { ...(values[output] as ValueData), after };
    }
    mains.push(output);
  }
  return placed;
}

/**
 * What the model gives for `x`, computed in JavaScript: all of its values, those of `instead` taking
 * the place of what the ops give.
 */
export function evaluateGraph(
  model: ModelData,
  x: Float32Array,
  instead: ReadonlyMap<number, Float32Array> = new Map(),
): Float32Array[] {
  const all: Float32Array[] = model.values.map(() => new Float32Array(0));
  all[1] = Float32Array.from(WEIGHT, (a) => (KERNELS["double"] as (a: number) => number)(a));
  all[2] = x;
  for (const { kind, inputs, outputs } of model.ops.slice(1)) {
    const [a, b = a] = inputs.map((index) => all[index] as Float32Array);
    const kernel = KERNELS[kind] as (a: number, b: number) => number;
    const data = Float32Array.from(a as Float32Array, (one, i) => kernel(one, b?.[i] as number));
    const [output] = outputs as [number];
    all[output] = instead.get(output) ?? data;
  }
  return all;
}

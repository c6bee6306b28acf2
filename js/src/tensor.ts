import type { DType } from "./data.js";
import { InputError } from "./errors.js";

/** The typed array that holds each dtype; a `float16` is held as its 16 bits. */
export interface Arrays {
  float32: Float32Array;
  float64: Float64Array;
  float16: Uint16Array;
  int8: Int8Array;
  uint8: Uint8Array;
  int16: Int16Array;
  uint16: Uint16Array;
  int32: Int32Array;
  uint32: Uint32Array;
  int64: BigInt64Array;
  uint64: BigUint64Array;
  bool: Uint8Array;
}

/** The typed array of dtype `D`. */
export type DataOf<D extends DType> = Arrays[D];

export type Shape = readonly number[];

/**
 * A dense array in row-major order: plain data, which survives `structuredClone` and means the same
 * to every copy of this runtime. `S` is a tuple of literals where the shape is known.
 */
export interface Tensor<D extends DType = DType, S extends Shape = Shape> {
  readonly dtype: D;
  readonly shape: S;
  readonly data: DataOf<D>;
}

type Mutable<S> = { -readonly [K in keyof S]: S[K] };
type Elements<D extends DType> = readonly (D extends "int64" | "uint64" ? bigint : number)[];

const CONSTRUCTORS = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
} as const;

/** Bytes per element. */
export function itemSize(dtype: DType): number {
  return CONSTRUCTORS[dtype].BYTES_PER_ELEMENT;
}

/** The number of elements of a shape; 1 for a scalar's. */
export function sizeOf(shape: Shape): number {
  return shape.reduce((size, dim) => size * dim, 1);
}

/**
 * Build a tensor: `tensor("float32", [2, 3], data)`, of zeros where `data` is absent. The shape's
 * literals become its type. A typed array is kept, not copied; an array of numbers is converted.
 * Throws InputError where the data is of another dtype or length.
 */
export function tensor<D extends DType, const S extends Shape>(
  dtype: D,
  shape: S,
  data?: DataOf<D> | Elements<D>,
): Tensor<D, Mutable<S>> {
  const problems: string[] = [];
  const kept = asArray(dtype, data ?? zeros(dtype, sizeOf(shape)), problems);
  if (kept && kept.length !== sizeOf(shape)) {
    problems.push(
      `it has ${kept.length} elements; shape ${formatShape(shape)} wants ${sizeOf(shape)}`,
    );
  }
  if (!kept || problems.length) throw new InputError("can't build the tensor", problems);
  return { dtype, shape: [...shape] as Mutable<S>, data: kept };
}

/** A zeroed array of `length` elements. */
export function zeros<D extends DType>(dtype: D, length: number): DataOf<D> {
  return new CONSTRUCTORS[dtype](length) as DataOf<D>;
}

/** All of `buffer` as an array, shared with it. */
export function viewOf<D extends DType>(dtype: D, buffer: ArrayBufferLike): DataOf<D> {
  return new CONSTRUCTORS[dtype](buffer as ArrayBuffer) as DataOf<D>;
}

/** A copy of `length` elements that begin at byte `offset` of `buffer`, at any alignment. */
export function copyOut<D extends DType>(
  dtype: D,
  buffer: ArrayBufferLike,
  offset: number,
  length: number,
): DataOf<D> {
  const copy = zeros(dtype, length);
  bytesOf(copy).set(new Uint8Array(buffer, offset, copy.byteLength));
  return copy;
}

/** The bytes of a typed array or buffer, shared with it. */
export function bytesOf(source: ArrayBufferView | ArrayBufferLike): Uint8Array {
  return ArrayBuffer.isView(source)
    ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
    : new Uint8Array(source);
}

/**
 * Return `data` as the typed array of `dtype`, or push what is wrong with it to `problems`. Arrays
 * of another realm are told by their tag, which takes longer to find than `instanceof`.
 */
export function asArray<D extends DType>(
  dtype: D,
  data: unknown,
  problems: string[],
): DataOf<D> | undefined {
  const Constructor = CONSTRUCTORS[dtype];
  if (data instanceof Constructor) return data as DataOf<D>;
  const given = tagOf(data);
  const wanted = Constructor.name;
  if (given === wanted) return data as DataOf<D>;
  if (dtype === "float16" && given === "Float16Array") {
    const { buffer, byteOffset, byteLength } = data as ArrayBufferView;
    return new Uint16Array(buffer, byteOffset, byteLength / 2) as DataOf<D>;
  }
  if (Array.isArray(data)) {
    try {
      return (Constructor as { from(values: unknown[]): unknown }).from(data) as DataOf<D>;
    } catch {
      problems.push(`its elements are not all of dtype ${dtype}`);
      return undefined;
    }
  }
  problems.push(`its data is of type ${given}; dtype ${dtype} wants ${wanted}`);
  return undefined;
}

/** Write a shape as people do: `1x3x224x224`, `scalar`. */
export function formatShape(shape: Shape): string {
  return shape.join("x") || "scalar";
}

/** The name of a value's built-in class: `Float32Array`, `Object`, `Undefined`. */
export function tagOf(value: unknown): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}

/** Between the arrays of a tensor's dtype and the two that textures are filled from and read into. */

import type { DType } from "../data.js";
import { InputError } from "../errors.js";
import { type DataOf, zeros } from "../tensor.js";

/** What a texture is filled from. */
export type Elements = Float32Array | Int32Array;

const LEAST = -(2 ** 31);
const MOST = 2 ** 31 - 1;

/** Integers of 64 bits, and unsigned ones of 32: what may not fit. */
const WIDE: ReadonlySet<DType> = new Set(["int64", "uint64", "uint32"]);

/**
 * The elements of `data` as a texture has them; where they are already, `data` itself. Throws
 * InputError for an integer that does not fit in 32 bits; `name` is the tensor's.
 */
export function toElements(dtype: DType, data: ArrayBufferView, name: string): Elements {
  if (dtype === "float32" || dtype === "int32") return data as Elements;
  const wide = data as DataOf<"int8" | "uint8" | "int16" | "uint16" | "uint32" | "int64">;
  const narrow = new Int32Array(wide.length);
  for (let i = 0; i < wide.length; i++) narrow[i] = Number(wide[i]);
  if (!WIDE.has(dtype)) return narrow;
  for (let i = 0; i < wide.length; i++) {
    const element = Number(wide[i]);
    if (element >= LEAST && element <= MOST) continue;
    throw new InputError(
      `${name}: element ${i} is ${wide[i]}, and integers on webgl2 have 32 bits (${LEAST} to ` +
        `${MOST}): place the ops that use it on wasm`,
    );
  }
  return narrow;
}

/** The array of `dtype` that `elements` stand for; where they are it already, `elements` itself. */
export function fromElements<D extends DType>(dtype: D, elements: Elements): DataOf<D> {
  if (dtype === "float32" || dtype === "int32") return elements as DataOf<D>;
  const data = zeros(dtype, elements.length) as DataOf<DType>;
  const isBig = dtype === "int64" || dtype === "uint64";
  for (let i = 0; i < elements.length; i++) {
    const element = elements[i] as number;
    data[i] = isBig ? BigInt(element) : element;
  }
  return data as DataOf<D>;
}

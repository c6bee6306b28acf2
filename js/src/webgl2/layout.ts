/**
 * How tensors lie in textures (see `ShaderData`), and which of them share one. Nothing here needs a
 * context.
 */

import type { DType } from "../data.js";
import { DeviceError, KernelError } from "../errors.js";
import { overlap, type Plan, type Range } from "../schedule/plan.js";
import { formatShape, type Shape, sizeOf } from "../tensor.js";

/** Shaders add up halves of texels as float32, which is exact as far as this. */
export const MOST_TEXELS = 2 ** 23;
/** How many elements a texel has. */
export const LANES = 4;

/** What a texture's elements are. */
export type Kind = "float" | "int";

/** Extents in texels. */
export interface Extent {
  readonly width: number;
  readonly height: number;
}

/**
 * A texture that values take turns in. It has as many texels as the largest of them; how wide it is
 * the others take from it.
 */
export interface Slot extends Extent {
  readonly kind: Kind;
  /** Indices of values. */
  readonly values: readonly number[];
}

/** A value that wants a place while the steps `first` to `last` run. */
export interface Tenant {
  readonly value: number;
  /** Its bytes in the plan. */
  readonly bytes: Range;
  readonly kind: Kind;
  readonly extent: Extent;
  readonly first: number;
  readonly last: number;
}

/** The kind of texture that holds a dtype; undefined where none does. */
export function kindOf(dtype: DType): Kind | undefined {
  if (dtype === "float32") return "float";
  return dtype === "float64" || dtype === "float16" ? undefined : "int";
}

/**
 * The extent of so many texels: about square, since drivers share out rows between their threads,
 * and of a width that is a power of two. Throws DeviceError, which says what `user` is, for more than
 * shaders can count, or than fit into a texture that is `maxSize` wide.
 */
export function extentOf(texels: number, maxSize: number, user: string): Extent {
  const advice = "use smaller inputs, or place its ops on wasm";
  if (texels > MOST_TEXELS) {
    throw new DeviceError(
      `${user} takes ${texels} texels, and shaders count to ${MOST_TEXELS}: ${advice}`,
    );
  }
  let width = 1;
  while (width * width < texels) width *= 2;
  if (width > maxSize) {
    throw new DeviceError(
      `${user} takes a texture ${width} texels wide, and those of this machine are ${maxSize} at ` +
        `most: ${advice}`,
    );
  }
  return { width, height: Math.max(1, Math.ceil(texels / width)) };
}

/** How many texels so many elements take. */
export function texelsOf(elements: number): number {
  return Math.ceil(elements / LANES);
}

/**
 * The kind and extent of a value. Throws KernelError for a dtype that no texture holds, DeviceError
 * as `extentOf` does.
 */
export function placeOf(
  { dtypes, shapes, names }: Plan,
  value: number,
  maxSize: number,
): { readonly kind: Kind; readonly extent: Extent } {
  const dtype = dtypes[value] as DType;
  const shape = shapes[value] as Shape;
  const kind = kindOf(dtype);
  if (!kind) {
    throw new KernelError(
      `the tensor ${names[value]} of ${dtype} has no place on webgl2: place its ops on wasm`,
    );
  }
  const user = `the tensor ${names[value]}, ${dtype} ${formatShape(shape)},`;
  return { kind, extent: extentOf(texelsOf(sizeOf(shape)), maxSize, user) };
}

/**
 * Let tenants share slots that are never there together, and whose bytes in the plan overlap: then
 * whoever runs the steps in another order keeps to the order in which these take turns. The largest
 * choose first, so that a slot is seldom larger than who is in it.
 */
export function share(tenants: readonly Tenant[]): Slot[] {
  const slots: { readonly kind: Kind; readonly extent: Extent; readonly tenants: Tenant[] }[] = [];
  const area = ({ extent }: Tenant) => extent.width * extent.height;
  for (const tenant of [...tenants].sort((a, b) => area(b) - area(a))) {
    const { kind, extent } = tenant;
    const free = slots.find((slot) => {
      return slot.kind === kind && slot.tenants.every((other) => takeTurns(tenant, other));
    });
    if (free) free.tenants.push(tenant);
    else slots.push({ kind, extent, tenants: [tenant] });
  }
  return slots.map(({ kind, extent, tenants }) => {
    return { kind, ...extent, values: tenants.map(({ value }) => value) };
  });
}

function takeTurns(one: Tenant, other: Tenant): boolean {
  const apart = one.last < other.first || other.last < one.first;
  return apart && overlap(one.bytes, other.bytes);
}

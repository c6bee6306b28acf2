import type { DType, ModelData, ValueData } from "../data.js";
import { isView } from "../devices/device.js";
import { type Binding, evaluateAll } from "../dims.js";
import { BundleError } from "../errors.js";
import { itemSize, type Shape, sizeOf } from "../tensor.js";

/**
 * Where each value lies, once the dims have values; the arrays are indexed as `ModelData.values`.
 * Addresses count from where a device keeps values, which is at a multiple of REGION_ALIGNMENT.
 */
export interface Plan {
  readonly binding: Binding;
  readonly names: readonly string[];
  readonly dtypes: readonly DType[];
  /** Undefined for a value outside the planned regions, here and in `addresses`. */
  readonly shapes: readonly (Shape | undefined)[];
  readonly addresses: readonly (number | undefined)[];
  /** The value whose bytes each one has: that of which it is a view, else itself. */
  readonly roots: readonly number[];
  /** End of the values that live as long as the executor. */
  readonly persistentEnd: number;
  /** End of all values: the memory that this plan needs. */
  readonly end: number;
}

/** Bytes of a memory, or of a plan: from the first address to before the second. */
export type Range = readonly [number, number];

/** The arena that a plan lays out beside the persistent values; the two arenas share their bytes. */
export type Arena = "load" | "main";

const VALUE_ALIGNMENT = 16;
export const REGION_ALIGNMENT = 64;

/**
 * Lay out the persistent values, and the values of `arena` behind them. Each value lies at the
 * highest end of the values that it comes after. Throws BundleError where the model's placements go
 * in circles.
 */
export function makePlan(model: ModelData, arena: Arena, binding: Binding): Plan {
  const { values } = model;
  const shapes = values.map((value) =>
    value.region === "persistent" || value.region === arena
      ? evaluateAll(value.shape, binding)
      : undefined,
  );
  const addresses: (number | undefined)[] = values.map(() => undefined);

  const layOut = (region: ValueData["region"], start: number): number => {
    const endOf = (index: number) => {
      const bytes = sizeOf(shapes[index] ?? []) * itemSize((values[index] as ValueData).dtype);
      return (addresses[index] as number) + align(bytes, VALUE_ALIGNMENT);
    };
    let end = start;
    for (const [index, value] of values.entries()) {
      if (value.region !== region) continue;
      for (const next of inOrder(values, index, addresses)) {
        const { alias = -1, after = [] } = values[next] as ValueData;
        addresses[next] =
          alias >= 0 ? addresses[alias] : after.reduce((at, i) => Math.max(at, endOf(i)), start);
        end = Math.max(end, endOf(next));
      }
    }
    return end;
  };

  const persistentEnd = layOut("persistent", 0);
  const end = layOut(arena, align(persistentEnd, REGION_ALIGNMENT));
  return {
    binding,
    names: values.map(({ name }) => name),
    dtypes: values.map(({ dtype }) => dtype),
    shapes,
    addresses,
    roots: rootsOf(model),
    persistentEnd,
    end,
  };
}

/** An op may write in the place of one of its inputs, too; that is no view of it. */
function rootsOf({ values, ops }: ModelData): number[] {
  const seen = new Map<number, number>();
  for (const op of ops) {
    if (isView(op)) for (const value of op.outputs) seen.set(value, op.inputs[0] as number);
  }
  return values.map((_, index) => {
    let root = index;
    for (let next = seen.get(root); next !== undefined; next = seen.get(root)) root = next;
    return root;
  });
}

/** The bytes of the value number `index`: none where the plan has no place for it. */
export function rangeOf(index: number, { addresses, shapes, dtypes }: Plan): Range {
  const start = addresses[index] ?? 0;
  return [start, start + sizeOf(shapes[index] ?? [0]) * itemSize(dtypes[index] as DType)];
}

export function overlap([start, end]: Range, [otherStart, otherEnd]: Range): boolean {
  return start < otherEnd && otherStart < end;
}

/**
 * Yield `index` after all that its address depends on and that has none yet. Chains are as long as
 * the model is deep, so this keeps a stack of its own.
 */
function* inOrder(
  values: readonly ValueData[],
  index: number,
  addresses: readonly (number | undefined)[],
): Generator<number> {
  const stack = [index];
  while (stack.length) {
    const top = stack[stack.length - 1] as number;
    const { alias = -1, after = [], name } = values[top] as ValueData;
    const missing = (alias >= 0 ? [alias] : after).filter((i) => addresses[i] === undefined);
    if (stack.length > values.length) {
      throw new BundleError(`the placement of ${name} depends on itself: bundle the model again`);
    }
    if (missing.length) {
      stack.push(missing[0] as number);
    } else {
      stack.pop();
      if (addresses[top] === undefined) yield top;
    }
  }
}

/** The next multiple of `alignment`. */
export function align(size: number, alignment: number): number {
  return Math.ceil(size / alignment) * alignment;
}

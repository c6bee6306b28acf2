import type { ModelData, OpData } from "./data.js";
import { isView, type Use } from "./device.js";
import type { RoomSets } from "./values.js";

/** Where values are, and when. */
export interface Uses {
  /** The devices on which each value has room as soon as on any. */
  readonly places: RoomSets;
  /** The last step that needs each value, or the bytes of which it is a view. */
  readonly lasts: ReadonlyMap<number, number>;
  /** For each device: its values, and during which steps they are used. */
  readonly of: readonly (readonly Use[])[];
}

/**
 * Find what the main steps use on each of `count` devices, step i being on the device number
 * `homes[i]`. A value stays on all of its devices until its last use on any, since one may copy it
 * from the other; what no step uses has room on the device number `spare`.
 */
export function findUses(
  model: ModelData,
  homes: readonly number[],
  count: number,
  spare: number,
): Uses {
  const firsts = Array.from({ length: count }, () => new Map<number, number>());
  const lasts = lastUses(model);
  for (const [step, [, target]] of model.main.entries()) {
    const { inputs, outputs } = model.ops[target] as OpData;
    const first = firsts[homes[step] as number] as Map<number, number>;
    for (const value of [...inputs, ...outputs]) if (!first.has(value)) first.set(value, step);
  }
  for (const [value, { region }] of model.values.entries()) {
    if (region !== "load" && !firsts.some((first) => first.has(value))) {
      firsts[spare]?.set(value, -1);
    }
  }
  const given = new Set(model.inputs.map(({ value }) => value));
  const isThere = (value: number) => {
    return given.has(value) || model.values[value]?.region === "persistent";
  };
  const of = firsts.map((first) =>
    [...first].map(([value, step]) => {
      return { value, first: isThere(value) ? -1 : step, last: lasts.get(value) ?? -1 };
    }),
  );
  const earliest = new Map<number, number>();
  for (const { value, first } of of.flat()) {
    earliest.set(value, Math.min(first, earliest.get(value) ?? Infinity));
  }
  const places = new Uint8Array(model.values.length);
  for (const [device, uses] of of.entries()) {
    for (const { value, first } of uses) {
      if (first === earliest.get(value)) places[value] = (places[value] as number) | (1 << device);
    }
  }
  return { places, lasts, of };
}

/** The last step that uses each value, or the bytes of which it is a view. */
function lastUses(model: ModelData): Map<number, number> {
  const lasts = new Map<number, number>();
  for (const [value, { region }] of model.values.entries()) {
    if (region === "persistent") lasts.set(value, Infinity);
  }
  for (const { value } of model.outputs) lasts.set(value, lasts.get(value) ?? model.main.length);
  for (const [step, [, target]] of [...model.main.entries()].reverse()) {
    const op = model.ops[target] as OpData;
    for (const value of [...op.outputs, ...op.inputs]) {
      if (!lasts.has(value)) lasts.set(value, step);
    }
    if (!isView(op)) continue;
    const last = Math.max(...op.outputs.map((value) => lasts.get(value) as number));
    for (const value of op.inputs) {
      lasts.set(value, Math.max(lasts.get(value) as number, last));
    }
  }
  return lasts;
}

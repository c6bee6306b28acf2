import type { ModelData, OpData, StepData } from "../data.js";
import { isView, type Use } from "../devices/device.js";
import { isBlock } from "../executor/block.js";
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

/** What is to be found out of: the steps of a run and their devices. */
export interface Schedule {
  /** With an op for each block. */
  readonly model: ModelData;
  /** In the order in which they are done; some may be blocks. */
  readonly main: readonly StepData[];
  readonly devices: number;
  /** The device of an op that is no block, by its number. */
  homeOf(target: number): number;
}

/**
 * Find what a run uses on each device. A value stays on all of its devices until its last use on any,
 * since one may copy it from the other; what no step uses has room on the device number `spare`. The
 * ops of a block are steps of their own here, but what it reads from outside is brought before it.
 */
export function findUses({ model, main, devices, homeOf }: Schedule, spare: number): Uses {
  const parts = main.flatMap(([, target], step) => partsOf(model, target, step));
  const firsts = Array.from({ length: devices }, () => new Map<number, number>());
  const lasts = lastUses(model, parts);
  for (const [index, { op, target, block, start }] of parts.entries()) {
    const first = firsts[homeOf(target)] as Map<number, number>;
    for (const value of [...op.inputs, ...op.outputs]) {
      const isBrought = block?.inputs.includes(value);
      if (!first.has(value)) first.set(value, isBrought ? index - start : index);
    }
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
  return { places, lasts: wholeSteps(lasts, parts), of };
}

/** An op of a run, or of a block of it. */
interface Part {
  readonly target: number;
  readonly op: OpData;
  /** The step of the run that it is in. */
  readonly step: number;
  readonly block?: OpData;
  /** How many ops of the step are before it, and behind it. */
  readonly start: number;
  readonly rest: number;
}

function partsOf(model: ModelData, target: number, step: number): Part[] {
  const op = model.ops[target] as OpData;
  if (!isBlock(op)) return [{ target, op, step, start: 0, rest: 0 }];
  return op.parts.map((part, start) => {
    const rest = op.parts.length - 1 - start;
    return { target: part, op: model.ops[part] as OpData, step, block: op, start, rest };
  });
}

/** Say it in steps of the run: what the last op of a block does not use may be gone with it. */
function wholeSteps(
  lasts: ReadonlyMap<number, number>,
  parts: readonly Part[],
): Map<number, number> {
  const stepOf = (last: number) => {
    const part = parts[last];
    return part ? part.step - (part.rest ? 1 : 0) : last;
  };
  return new Map([...lasts].map(([value, last]) => [value, stepOf(last)]));
}

/** The last of `parts` that uses each value, or the bytes of which it is a view. */
function lastUses(model: ModelData, parts: readonly Part[]): Map<number, number> {
  const lasts = new Map<number, number>();
  for (const [value, { region }] of model.values.entries()) {
    if (region === "persistent") lasts.set(value, Infinity);
  }
  for (const { value } of model.outputs) lasts.set(value, lasts.get(value) ?? parts.length);
  for (const [step, { op }] of [...parts.entries()].reverse()) {
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

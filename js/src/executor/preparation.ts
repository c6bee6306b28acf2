import type { ModelData, ValueData } from "../data.js";
import type { Frame } from "../schedule/frames.js";
import { bytesOf } from "../tensor.js";
import type { Progress } from "./options.js";

/** What making an executor is about to do. */
export interface Preparation {
  readonly progress: Progress;
  /** The constant that whoever hears of this has to bring first. */
  readonly wants: Wanted | undefined;
}

/** A constant, and the memory that it is to be copied to. */
export interface Wanted {
  readonly value: ValueData;
  readonly into: Uint8Array;
}

/** Run the steps that pack the weights. Before each step it tells how far it is, and what it wants. */
export function* prepare(
  model: ModelData,
  { steps, values }: Frame,
): Generator<Preparation, void, void> {
  const at = (loaded: number) => ({ phase: "prepare", loaded, total: steps.length }) as const;
  for (const [index, { kind, target, call }] of steps.entries()) {
    const value = kind === "read" ? (model.values[target] as ValueData) : undefined;
    const wants = value && { value, into: bytesOf(values.view(target)) };
    yield { progress: at(index), wants };
    call?.();
  }
  yield { progress: at(steps.length), wants: undefined };
}

import type { ModelData, ValueData } from "./data.js";
import type { Frame } from "./frames.js";
import type { Progress } from "./options.js";
import type { Weights } from "./weights.js";

/** What making an executor is about to do. */
export interface Preparation {
  readonly progress: Progress;
  /** The value whose constant it is about to read. */
  readonly reads: ValueData | undefined;
}

/**
 * Run the steps that bring in the weights and pack them. Before each step it tells how far it is and
 * which constant it is about to read, which is to be in `weights` then.
 */
export function* prepare(
  model: ModelData,
  { steps, values }: Frame,
  weights: Weights,
): Generator<Preparation> {
  const at = (loaded: number) => ({ phase: "prepare", loaded, total: steps.length }) as const;
  for (const [index, { kind, target, call }] of steps.entries()) {
    const reads = kind === "read" ? (model.values[target] as ValueData) : undefined;
    yield { progress: at(index), reads };
    if (reads) {
      const bytes = weights.find(reads);
      if (!bytes) throw weights.misfits();
      values.write(target, bytes);
    } else {
      call?.();
    }
  }
  yield { progress: at(steps.length), reads: undefined };
}

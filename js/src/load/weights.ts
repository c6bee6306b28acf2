import type { DType, ModelData, ValueData } from "../data.js";
import { evaluateAll } from "../dims.js";
import { BundleError } from "../errors.js";
import { formatShape, type Shape } from "../tensor.js";
import { type Entry, readEntries } from "./safetensors.js";

/** What is known of a weight of a file. */
export interface Found {
  readonly dtype: DType;
  readonly shape: Shape;
}

/** The constants of a model, in files that are in memory. */
export class Weights {
  readonly #model: ModelData;
  readonly #entries: ReadonlyMap<string, Entry>;

  /** Throws BundleError if a shard is malformed. */
  constructor(model: ModelData, shards: readonly Uint8Array[]) {
    this.#model = model;
    this.#entries = new Map(shards.flatMap((shard) => [...readEntries(shard)]));
  }

  /** Copy the constant that `value` holds. Throws BundleError if it is not as it should be. */
  copy(value: ValueData, into: Uint8Array): void {
    const entry = this.#entries.get(value.constant ?? "");
    if (!entry || problemOf(value, entry)) throw misfits(this.#model, this.#entries);
    into.set(entry.bytes);
  }
}

/** An error that lists every weight that is missing, or of another dtype or shape than compiled for. */
export function misfits(model: ModelData, found: ReadonlyMap<string, Found>): BundleError {
  const problems = model.values.map((value) => problemOf(value, found.get(value.constant ?? "")));
  return new BundleError(`${model.name}: the weights don't fit`, problems.filter(isText));
}

/** What is wrong with a weight, for the value that is to hold it; undefined if nothing is. */
export function problemOf(
  { constant, dtype, shape }: ValueData,
  entry: Found | undefined,
): string | undefined {
  if (constant === undefined) return undefined;
  const wanted = `${dtype} ${formatShape(evaluateAll(shape, new Map()))}`;
  const found = entry && `${entry.dtype} ${formatShape(entry.shape)}`;
  if (!found) return `${constant}: is missing; the model wants ${wanted}`;
  return found === wanted ? undefined : `${constant}: is ${found}; the model wants ${wanted}`;
}

function isText(problem: string | undefined): problem is string {
  return problem !== undefined;
}

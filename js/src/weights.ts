import type { ModelData, ValueData } from "./data.js";
import { evaluateAll } from "./dims.js";
import { BundleError } from "./errors.js";
import { type Entry, readEntries } from "./safetensors.js";
import { formatShape } from "./tensor.js";

/** The constants of a model, as the shards of its weights come in. */
export class Weights {
  readonly #model: ModelData;
  readonly #entries = new Map<string, Entry>();

  constructor(model: ModelData) {
    this.#model = model;
  }

  /** Take in a shard, without copying. Throws BundleError if it is malformed. */
  add(shard: Uint8Array): void {
    for (const [name, entry] of readEntries(shard)) this.#entries.set(name, entry);
  }

  /** The bytes of the constant that `value` holds; undefined if no shard so far has it as it should be. */
  find(value: ValueData): Uint8Array | undefined {
    return this.#problem(value) ? undefined : this.#entries.get(value.constant ?? "")?.bytes;
  }

  /** An error that lists every weight that is missing, or of another dtype or shape than compiled for. */
  misfits(): BundleError {
    const problems = this.#model.values.map((value) => this.#problem(value)).filter(Boolean);
    return new BundleError(`${this.#model.name}: the weights don't fit`, problems as string[]);
  }

  #problem({ constant, dtype, shape }: ValueData): string | undefined {
    if (constant === undefined) return undefined;
    const wanted = `${dtype} ${formatShape(evaluateAll(shape, new Map()))}`;
    const entry = this.#entries.get(constant);
    const found = entry && `${entry.dtype} ${formatShape(entry.shape)}`;
    if (!found) return `${constant}: is missing; the model wants ${wanted}`;
    return found === wanted ? undefined : `${constant}: is ${found}; the model wants ${wanted}`;
  }
}

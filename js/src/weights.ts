import type { ModelData } from "./data.js";
import { evaluateAll } from "./dims.js";
import { BundleError } from "./errors.js";
import { type Entry, readEntries } from "./safetensors.js";
import { formatShape } from "./tensor.js";

/**
 * Find the constants that `model` reads in the shards of its weights. Throws one BundleError that
 * lists every weight that is missing, or of another dtype or shape than the model was compiled for.
 */
export function findWeights(
  model: ModelData,
  shards: readonly Uint8Array[],
): ReadonlyMap<string, Entry> {
  const entries = new Map(shards.flatMap((shard) => [...readEntries(shard)]));
  const problems: string[] = [];
  for (const { constant, dtype, shape } of model.values) {
    if (constant === undefined) continue;
    const wanted = `${dtype} ${formatShape(evaluateAll(shape, new Map()))}`;
    const entry = entries.get(constant);
    const found = entry && `${entry.dtype} ${formatShape(entry.shape)}`;
    if (!found) {
      problems.push(`${constant}: is missing; the model wants ${wanted}`);
    } else if (found !== wanted) {
      problems.push(`${constant}: is ${found}; the model wants ${wanted}`);
    }
  }
  if (problems.length) throw new BundleError(`${model.name}: the weights don't fit`, problems);
  return entries;
}

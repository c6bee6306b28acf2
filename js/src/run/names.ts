import type { ModelData } from "../data.js";

/** What is wrong with a name that `findValue` does not find. */
export const UNKNOWN = "a run has no value, op or output of this name";

/**
 * Find the value that a name means in a run: the value called so, the first output of the op called
 * so, or the model's output. Values that exist only while an executor is created have no name.
 */
export function findValue({ values, ops, outputs }: ModelData, name: string): number | undefined {
  const named = values.findIndex((value) => value.name === name);
  const index =
    named >= 0
      ? named
      : (ops.find((op) => op.name === name)?.outputs[0] ??
        outputs.find((port) => port.name === name)?.value);
  return index === undefined || values[index]?.region === "load" ? undefined : index;
}

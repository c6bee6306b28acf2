import type { ModelData } from "../data.js";
import { InputError } from "../errors.js";
import { findValue, UNKNOWN } from "./names.js";
import type { Part } from "./part.js";

/** What to copy out before the first step (at -1) and after each step: names, and the values they mean. */
export type Captures = ReadonlyMap<number, ReadonlyMap<string, number>>;

export const NO_CAPTURES: Captures = new Map();

/**
 * Find when each of the tensors called `names` may be copied out: right after the step that writes
 * it, since a later step may reuse its bytes. Throws InputError that lists all unknown names.
 */
export function findCaptures(model: ModelData, part: Part, names: readonly string[]): Captures {
  const captures = new Map<number, Map<string, number>>();
  const timeline = part.frame.timeline();
  const problems: string[] = [];
  for (const name of new Set(names)) {
    const index = findValue(model, name);
    if (index === undefined) {
      problems.push(`${name}: ${UNKNOWN}`);
      continue;
    }
    const step = timeline.writerBetween(index, part.first, part.end);
    const isMain = model.values[index]?.region === "main";
    if (isMain && step === undefined && !part.has(index)) {
      problems.push(`${name}: ${timeline.whyAbsent(index, part, part.end)}`);
      continue;
    }
    const at = step ?? -1;
    captures.set(at, new Map(captures.get(at)).set(name, index));
  }
  if (problems.length) throw new InputError(`${model.name}: can't capture these values`, problems);
  return captures;
}

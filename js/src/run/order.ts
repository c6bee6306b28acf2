import type { ModelData, OpData, StepData } from "../data.js";
import { writtenBy } from "../devices/device.js";
import { StateError } from "../errors.js";
import type { Model, Op } from "../model.js";
import { type Plan, type Range, rangeOf } from "../schedule/plan.js";

/** A method, which TypeScript lets an executor of one model have where any model's is asked for. */
interface Choosing<M extends Model> {
  choose(ready: readonly Op<M>[]): Op;
}

/** Chooses one of the ops that may be next. */
export type Chooser<M extends Model> = Choosing<M>["choose"];

/**
 * Put the main steps in the order that `choose` wants: it is asked for one op after the other, of
 * those that all steps they wait for are before. Gives the steps' indices. Throws StateError if it
 * chooses another op.
 */
export function orderSteps<M extends Model>(
  model: M,
  ops: readonly Op<M>[],
  plan: Plan,
  choose: Chooser<M>,
): number[] {
  const steps = model.main;
  const { before, after } = findDependencies(model, steps, plan);
  const opAt = (step: number) => ops[(steps[step] as StepData)[1]] as Op<M>;
  const missing = before.map(({ size }) => size);
  const ready = [...missing.keys()].filter((step) => !missing[step]);
  const chosen: number[] = [];
  while (ready.length) {
    const choices = ready.map(opAt);
    const choice = choose(choices);
    const at = choices.indexOf(choice as Op<M>);
    if (at < 0) throw notReady(choice, choices);
    const [step] = ready.splice(at, 1) as [number];
    chosen.push(step);
    for (const next of after[step] as readonly number[]) {
      const left = (missing[next] as number) - 1;
      missing[next] = left;
      if (!left) ready.push(next);
    }
    ready.sort((a, b) => a - b);
  }
  return chosen;
}

function notReady(choice: unknown, choices: readonly Op[]): StateError {
  const name = (choice as Partial<Op> | null)?.name ?? choice;
  const names = choices.map((op) => op.name).join(", ");
  return new StateError(`"order" chose ${String(name)}, which is not ready; ready: ${names}`);
}

interface Dependencies {
  /** For each step, those that it waits for. */
  readonly before: readonly ReadonlySet<number>[];
  /** For each step, those that wait for it. */
  readonly after: readonly (readonly number[])[];
}

/**
 * Find which steps have to keep their order. A step waits for those that write what it reads, and
 * since the plan assumes the order of `steps`, for those that used the bytes it writes before it.
 */
export function findDependencies(
  model: ModelData,
  steps: readonly StepData[],
  plan: Plan,
): Dependencies {
  const before = steps.map(() => new Set<number>());
  const after = steps.map((): number[] => []);
  const writers = new Map<number, number>();
  const memory = new Memory(plan.end);
  for (const [step, [, target]] of steps.entries()) {
    const op = model.ops[target] as OpData;
    const { inputs, outputs } = op;
    const earlier = before[step] as Set<number>;
    const planned = (values: readonly number[]) =>
      // Nothing writes the others during a run.
      values.filter((index) => model.values[index]?.region === "main");
    for (const input of planned(inputs)) {
      const writer = writers.get(input);
      if (writer !== undefined) earlier.add(writer);
      memory.read(rangeOf(input, plan), step, earlier);
    }
    for (const output of planned(outputs)) writers.set(output, step);
    for (const output of planned(writtenBy(op))) {
      memory.write(rangeOf(output, plan), step, earlier);
    }
    earlier.delete(step);
    for (const one of earlier) after[one]?.push(step);
  }
  return { before, after };
}

/** Bytes with one history: the step that wrote them last, and those that have read them since. */
interface Segment {
  readonly start: number;
  readonly writer: number | undefined;
  readonly readers: number[];
}

/** Who used which bytes last. */
class Memory {
  readonly #end: number;
  /** All the memory, in ascending order: each segment ends where the next one begins. */
  readonly #segments: Segment[] = [{ start: 0, writer: undefined, readers: [] }];

  constructor(end: number) {
    this.#end = end;
  }

  /** Add the writers of the bytes of `range` to `earlier`, and `step` to their readers. */
  read(range: Range, step: number, earlier: Set<number>): void {
    const [from, to] = this.#cut(range);
    for (const { writer, readers } of this.#segments.slice(from, to)) {
      if (writer !== undefined) earlier.add(writer);
      readers.push(step);
    }
  }

  /** Add all who used the bytes of `range` to `earlier`, and make `step` their writer. */
  write(range: Range, step: number, earlier: Set<number>): void {
    const [from, to] = this.#cut(range);
    if (from === to) return;
    const segment = { start: range[0], writer: step, readers: [] };
    for (const { writer, readers } of this.#segments.splice(from, to - from, segment)) {
      if (writer !== undefined) earlier.add(writer);
      for (const reader of readers) earlier.add(reader);
    }
  }

  /** Make segments begin at both ends of a range; return the index of the first, and past the last. */
  #cut([start, end]: Range): Range {
    if (start === end) return [0, 0];
    return [this.#cutAt(start), this.#cutAt(end)];
  }

  #cutAt(address: number): number {
    if (address >= this.#end) return this.#segments.length;
    let low = 0;
    let high = this.#segments.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#segments[middle] as Segment).start < address) low = middle + 1;
      else high = middle;
    }
    if (this.#segments[low]?.start === address) return low;
    const { writer, readers } = this.#segments[low - 1] as Segment;
    this.#segments.splice(low, 0, { start: address, writer, readers: [...readers] });
    return low;
  }
}

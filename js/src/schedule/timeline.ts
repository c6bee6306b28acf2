import type { ModelData, OpData } from "../data.js";
import { isView, writtenBy } from "../devices/device.js";
import { blockAround, isBlock } from "../executor/block.js";
import type { Frame } from "./frames.js";
import { overlap, rangeOf } from "./plan.js";

/** Which of a frame's steps a run does, and what it begins with. */
export interface Span {
  readonly first: number;
  /** The step behind the last one. */
  readonly end: number;
  /** Whether the value number `index` is there before the first step. */
  has(index: number): boolean;
}

/** When the values of a frame come and go. */
export class Timeline {
  readonly #model: ModelData;
  readonly #frame: Frame;
  /** By value: the steps that write it. */
  readonly #writers = new Map<number, number[]>();
  /** By value that is another one in another shape: that other one. */
  readonly #whole = new Map<number, number>();

  constructor(model: ModelData, frame: Frame) {
    this.#model = model;
    this.#frame = frame;
    for (const step of frame.steps.keys()) {
      const op = this.#opAt(step);
      for (const output of isBlock(op) ? op.leaving : op.outputs) {
        this.#writers.set(output, [...(this.#writers.get(output) ?? []), step]);
      }
      const parts = isBlock(op) ? op.parts.map((part) => model.ops[part] as OpData) : [op];
      for (const { inputs, outputs } of parts.filter(isView)) {
        this.#whole.set(outputs[0] as number, this.rootOf(inputs[0] as number));
      }
    }
  }

  /** The first step that calls the op `name`. */
  stepOf(name: string): number | undefined {
    const step = this.#frame.steps.findIndex((_, index) => this.#opAt(index).name === name);
    return step < 0 ? undefined : step;
  }

  /** The value that `index` only gives another shape, or `index` itself. */
  rootOf(index: number): number {
    return this.#whole.get(index) ?? index;
  }

  /** All values that are the same as `index` but for their shape, those that are so by `rootOf`. */
  familyOf(index: number): number[] {
    const root = this.rootOf(index);
    return [root, ...[...this.#whole].filter(([, of]) => of === root).map(([view]) => view)];
  }

  /** The last step of `first` to before `end` that writes a value. */
  writerBetween(index: number, first: number, end: number): number | undefined {
    return this.#writers.get(index)?.findLast((step) => first <= step && step < end);
  }

  /** The values of the run that the steps `first` to before `end` read and do not write. */
  needs(first: number, end: number): Map<number, OpData> {
    const needed = new Map<number, OpData>();
    for (let step = first; step < end; step++) {
      const op = this.#opAt(step);
      for (const input of op.inputs) {
        if (this.#model.values[input]?.region !== "main" || needed.has(input)) continue;
        if (this.writerBetween(input, first, step) === undefined) needed.set(input, op);
      }
    }
    return needed;
  }

  /** Say why the value number `index` is not there when the step `next` is; undefined if it is. */
  whyAbsent(index: number, span: Span, next: number): string | undefined {
    const written = this.writerBetween(index, span.first, next);
    if (written === undefined && !span.has(index)) return this.#whyUnwritten(index, span);
    const { plan, lasts, values } = this.#frame;
    const mine = rangeOf(index, plan);
    const since = written === undefined ? span.first : written + 1;
    // Only of one device is it known which bytes it uses for what.
    const safe = values.several ? (lasts.get(index) ?? Infinity) + 1 : Infinity;
    for (let step = since; step < next; step++) {
      const op = this.#opAt(step);
      const reuses = writtenBy(op).some((value) => overlap(mine, rangeOf(value, plan)));
      if (reuses || step >= safe) return `is gone: the op ${op.name} has reused its bytes`;
    }
    return undefined;
  }

  #whyUnwritten(index: number, { first, end }: Span): string {
    const [writer] = this.#writers.get(index) ?? [];
    if (writer === undefined) {
      const block = blockAround(this.#model, index);
      if (block) return `does not leave the block ${block.name}`;
      return "is an input that this run does not read";
    }
    const { name } = this.#opAt(writer);
    return first <= writer && writer < end
      ? `does not exist yet: the op ${name} writes it`
      : `is not there: the op ${name}, which this run leaves out, writes it`;
  }

  #opAt(step: number): OpData {
    return this.#model.ops[this.#frame.steps[step]?.target as number] as OpData;
  }
}

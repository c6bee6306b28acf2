import type { ModelData } from "../data.js";
import type { TextureOf } from "../devices/device.js";
import type { Run } from "../executor/policy.js";
import type { Host } from "../host.js";
import type { Model, Op } from "../model.js";
import type { Output } from "../schedule/frames.js";
import { asTensor, type Step } from "../schedule/schedule.js";
import type { Tensor } from "../tensor.js";
import { type Captures, findCaptures, NO_CAPTURES } from "./capture.js";
import type { Part } from "./part.js";
import { type Moment, replaceValue } from "./reach.js";
import type { AnyRunOptions } from "./run.js";

type Tensors = Record<string, Tensor>;

/** What a run gives: the outputs that are there at its end, and what was to be captured. */
export interface Outcome {
  readonly outputs: Tensors;
  readonly captured: Tensors;
}

/** What a run is begun with. */
export interface Beginning<M extends Model> {
  readonly run: Run;
  /** The model with its blocks, as it is when the run begins, and its ops. */
  readonly model: ModelData;
  readonly ops: readonly Op<M>[];
  readonly part: Part;
  /** The names of what to capture. */
  readonly names: readonly string[];
  readonly options: AnyRunOptions;
  readonly host: Host;
}

/** A run under way: does its steps, one by one. */
export class Underway<M extends Model> {
  readonly run: Run;
  readonly part: Part;
  readonly options: AnyRunOptions;
  readonly #of: Beginning<M>;
  readonly #captures: Captures;
  readonly #captured: Tensors = {};
  /** The outputs, where they were read without blocking. */
  #read: Tensors | undefined;
  #next: number;

  /** Makes the tensors it is given ready. Throws InputError where a name is unknown. */
  constructor(beginning: Beginning<M>) {
    const { run, model, part, names, options } = beginning;
    this.run = run;
    this.part = part;
    this.options = options;
    this.#of = beginning;
    this.#captures = names.length ? findCaptures(model, part, names) : NO_CAPTURES;
    this.#next = part.first;
    part.frame.begin();
    for (const [value, array] of part.given) part.frame.values.write(value, array);
    this.#copyOut(-1);
    options.trace?.begin();
  }

  /** The step that is not done yet, while those before it are. */
  get next(): number {
    return this.#next;
  }

  get isDone(): boolean {
    return this.#next >= this.part.end;
  }

  /** Whether nothing has to be done between the steps. */
  get isPlain(): boolean {
    const { frame, fed, isWhole } = this.part;
    const isAsked = this.options.trace !== undefined || this.#captures.size > 0 || fed.size > 0;
    return isWhole && !isAsked && !frame.claims;
  }

  /** Where the run is, for whoever wants its tensors. */
  get moment(): Moment {
    const { model, part } = this.#of;
    return { model, part, next: this.#next };
  }

  opAt(index: number): Op<M> {
    return this.#of.ops[this.#stepAt(index).target] as Op<M>;
  }

  /** Bring what a step needs from other devices without blocking; undefined if there is no need to. */
  fetch(index: number): Promise<void> | undefined {
    return this.#stepAt(index).fetch?.();
  }

  /** Call all the steps of a plain run. */
  callAll(): void {
    for (const call of this.part.frame.calls) call();
    this.#next = this.part.end;
  }

  /** Whether a step needs an accelerator. */
  claims(index: number): boolean {
    return this.part.frame.claims && this.#stepAt(index).claim !== undefined;
  }

  /** Do `call`, which calls a step, under the lease that the step claims, until its op is done. */
  holding(index: number, call: () => void): void {
    const { claim, end } = this.#stepAt(index);
    if (!claim) return;
    const { owner, priority } = claim;
    claim.accelerator.holdSync({ owner, priority }, () => {
      call();
      end?.();
    });
  }

  /** The same, waiting for the lease and for the op. */
  async holdingLater(index: number, call: () => void): Promise<void> {
    const { claim, endLater } = this.#stepAt(index);
    if (!claim) return;
    const { owner, priority } = claim;
    const { signal } = this.options;
    await claim.accelerator.hold({ owner, priority, signal }, async () => {
      call();
      await endLater?.();
    });
  }

  /** Call a step, which is then done. Tracing waits for the op. */
  call(index: number): void {
    const { call, end: finish, work, device, sharers: threads } = this.#stepAt(index);
    const { trace } = this.options;
    if (!trace) {
      call?.();
    } else {
      const { host } = this.#of;
      const start = host.now();
      call?.();
      finish?.();
      const end = host.now();
      const { name: op, kind } = this.opAt(index);
      const run = trace.runs - 1;
      trace.add({ op, kind, start, end, device: device.name, threads, ...work, run });
    }
    this.#next = index + 1;
  }

  /** Feed and capture what is due after a step. */
  settle(index: number): void {
    if (!this.#captures.size && !this.part.fed.size) return;
    this.#feed(index);
    this.#copyOut(index);
  }

  /** The same without blocking. Gives what is to be awaited, if anything. */
  settleLater(index: number): Promise<void> | undefined {
    this.#feed(index);
    if (this.part.frame.values.blocks && this.#captures.has(index))
      return this.#copyOutLater(index);
    this.#copyOut(index);
    return undefined;
  }

  /** Read the outputs without blocking. Gives what is to be awaited, if anything. */
  readLater(): Promise<void> | undefined {
    return this.part.frame.values.blocks ? this.#readLater() : undefined;
  }

  /** What the run has given. Blocks where `readLater` was not called. */
  outcome(): Outcome {
    return { outputs: this.#read ?? this.#readNow(), captured: this.#captured };
  }

  /** The outputs as textures, which nothing is copied out of. Throws StateError where it is in none. */
  async textures(): Promise<Readonly<Record<string, TextureOf>>> {
    const { frame } = this.part;
    const { values } = frame;
    await frame.endLater();
    return Object.fromEntries(
      this.#outputs().map(({ name, value }) => [name, values.texture(value)]),
    );
  }

  #readNow(): Tensors {
    const { frame } = this.part;
    const { values } = frame;
    frame.end();
    const outputs: Tensors = {};
    for (const { name, dtype, shape, value } of this.#outputs()) {
      put(outputs, name, { dtype, shape: [...shape], data: values.read(value) });
    }
    return outputs;
  }

  async #readLater(): Promise<void> {
    const { frame } = this.part;
    const { values } = frame;
    await frame.endLater();
    const outputs = this.#outputs().map(async ({ name, dtype, shape, value }) => {
      return [name, { dtype, shape: [...shape], data: await values.readLater(value) }] as const;
    });
    this.#read = Object.fromEntries(await Promise.all(outputs));
  }

  #stepAt(index: number): Step {
    return this.part.frame.steps[index] as Step;
  }

  #feed(index: number): void {
    for (const [value, array] of this.part.fed.get(index) ?? []) {
      replaceValue(this.part, index + 1, value, array);
    }
  }

  #copyOut(index: number): void {
    const { plan, values } = this.part.frame;
    for (const [name, value] of this.#captures.get(index) ?? []) {
      put(this.#captured, name, asTensor(plan, value, values.read(value)));
    }
  }

  async #copyOutLater(index: number): Promise<void> {
    const { plan, values } = this.part.frame;
    for (const [name, value] of this.#captures.get(index) ?? []) {
      put(this.#captured, name, asTensor(plan, value, await values.readLater(value)));
    }
  }

  /** The outputs that are there once the part is done. */
  #outputs(): readonly Output[] {
    const { frame, end, isWhole } = this.part;
    if (isWhole) return frame.outputs;
    return frame.outputs.filter(({ value }) => !frame.timeline().whyAbsent(value, this.part, end));
  }
}

/** Add a tensor of any name. To assign to `__proto__` would set the prototype. */
function put(tensors: Tensors, name: string, tensor: Tensor): void {
  if (name !== "__proto__") tensors[name] = tensor;
  else Object.defineProperty(tensors, name, { value: tensor, enumerable: true, writable: true });
}

import { type Captures, findCaptures, NO_CAPTURES } from "./capture.js";
import type { ModelData } from "./data.js";
import { StateError } from "./errors.js";
import type { Frame, Output } from "./frames.js";
import { dispatchWaiting, SyncChain } from "./hooks.js";
import type { Model, Op } from "./model.js";
import { bindAll, bindPart, type Part } from "./part.js";
import type { Parts } from "./parts.js";
import type { Run } from "./policy.js";
import { type Moment, type ReadOptions, readNow, writeNow } from "./reach.js";
import { type AnyRunOptions, checkYieldEvery } from "./run.js";
import { asTensor, type Step } from "./schedule.js";
import type { Tensor } from "./tensor.js";
import { Timeline } from "./timeline.js";

type Tensors = Record<string, Tensor>;

/** A run under way. */
interface Underway<M extends Model> {
  readonly run: Run;
  /** As they were when it began. */
  readonly model: ModelData;
  readonly ops: readonly Op<M>[];
  readonly part: Part;
  readonly captures: Captures;
  readonly captured: Tensors;
  readonly options: AnyRunOptions;
  /** The step that is not done yet, while those before it are. */
  next: number;
  /** When others had the thread last, by the host's clock. */
  rested: number;
}

/** What a run gives: the outputs that are there at its end, and what was to be captured. */
export interface Outcome {
  readonly outputs: Tensors;
  readonly captured: Tensors;
}

/** How long a run may keep the event loop waiting for what might abort it. */
export const REST_AFTER_MS = 8;

/** Takes runs from inputs to outputs: with or without giving up control, or op by op. */
export class Runner<M extends Model> {
  readonly #of: Parts<M>;
  /** The hooks that don't wait: of a run that may wait, and of one that may not. */
  readonly #inner: SyncChain<M> | undefined;
  readonly #always: SyncChain<M> | undefined;
  readonly #timelines = new WeakMap<Frame, Timeline>();
  #underway: Underway<M> | undefined;
  #runs = 0;

  constructor(parts: Parts<M>) {
    const { sync, always } = parts.hooks;
    const call = (index: number) => this.#call(index);
    this.#of = parts;
    this.#inner = sync.length ? new SyncChain(sync, call) : undefined;
    this.#always = always?.length ? new SyncChain(always, call) : undefined;
  }

  async run(inputs: unknown, names: readonly string[], options: AnyRunOptions): Promise<Outcome> {
    const underway = this.#begin(inputs, names, options);
    let failed = true;
    try {
      if (this.#mayWait(underway)) await this.#walk(underway);
      else this.#walkSync(underway, this.#inner);
      const outcome = await this.#outcomeLater(underway);
      failed = false;
      return outcome;
    } finally {
      this.#end(underway, failed);
    }
  }

  /** The same without giving up control. Throws StateError where a hook can only wait. */
  runSync(inputs: unknown, names: readonly string[], options: AnyRunOptions): Outcome {
    if (!this.#of.hooks.always) {
      throw new StateError(
        "this executor, or a policy of it, has dispatch alone: add dispatchSync, or use run",
      );
    }
    const underway = this.#begin(inputs, names, options);
    let failed = true;
    try {
      this.#walkSync(underway, this.#always);
      const outcome = this.#outcome(underway);
      failed = false;
      return outcome;
    } finally {
      this.#end(underway, failed);
    }
  }

  /** The same as `run`, op by op: gives each when it is done, and returns the outputs. */
  async *step(inputs: unknown, options: AnyRunOptions): AsyncGenerator<Op<M>, Tensors, void> {
    const underway = this.#begin(inputs, [], options);
    let failed = false;
    try {
      while (underway.next < underway.part.end) {
        const op = opAt(underway, underway.next);
        await this.#advance(underway);
        yield op;
        await this.#rest(underway);
      }
      options.signal?.throwIfAborted();
      this.#of.turns.checkOpen();
      return (await this.#outcomeLater(underway)).outputs;
    } catch (error) {
      failed = true;
      throw error;
    } finally {
      this.#end(underway, failed);
    }
  }

  /** Give a tensor of the run under way, as `readNow` does. Throws StateError where there is none. */
  read(name: string, options: ReadOptions): Tensor {
    return readNow(this.#moment(), name, options);
  }

  /** Replace a tensor of the run under way, as `writeNow` does. Throws StateError where there is none. */
  write(name: string, tensor: unknown): void {
    writeNow(this.#moment(), name, tensor);
  }

  #mayWait({ part, options }: Underway<M>): boolean {
    const { signal, yieldEvery } = options;
    const isAsked = signal !== undefined || yieldEvery !== undefined;
    return isAsked || this.#of.hooks.waits.length > 0 || part.frame.values.blocks;
  }

  /** Check the inputs, find their frame, copy them in, and tell the hooks. */
  #begin(inputs: unknown, names: readonly string[], options: AnyRunOptions): Underway<M> {
    const { model, ops, host, frames, hooks } = this.#of;
    const { signal, yieldEvery, from, to, feed } = options;
    checkYieldEvery(yieldEvery);
    signal?.throwIfAborted();
    const part =
      from === undefined && to === undefined && feed === undefined
        ? bindAll(model, inputs, frames)
        : bindPart(model, inputs, options, frames, (frame) => this.#timelineOf(model, frame));
    const { binding, frame, first, given } = part;
    const captures = names.length
      ? findCaptures(model, this.#timelineOf(model, frame), part, names)
      : NO_CAPTURES;
    const run = { id: this.#runs++, binding, signal };
    const rested = host.now();
    const underway = {
      run,
      model,
      ops,
      part,
      captures,
      captured: {},
      options,
      next: first,
      rested,
    };
    frame.begin();
    for (const [value, array] of given) frame.values.write(value, array);
    this.#copyOut(underway, -1);
    options.trace?.begin();
    this.#underway = underway;
    try {
      hooks.start(run);
    } catch (error) {
      this.#underway = undefined;
      throw error;
    }
    return underway;
  }

  /** Call each step; without anything to do in between these are the plain calls. */
  #walkSync(underway: Underway<M>, chain: SyncChain<M> | undefined): void {
    const { part, captures, options } = underway;
    const { frame, first, end, fed } = part;
    const isWhole = first === 0 && end === frame.steps.length;
    if (isWhole && !chain && !options.trace && !captures.size && !fed.size) {
      for (const call of frame.calls) call();
      underway.next = end;
      return;
    }
    while (underway.next < end) this.#dispatch(underway, chain);
  }

  /** Call each step, and let others have the thread in between. */
  async #walk(underway: Underway<M>): Promise<void> {
    const { end } = underway.part;
    while (underway.next < end) {
      const dispatching = this.#advance(underway);
      if (dispatching) await dispatching;
      const resting = this.#rest(underway);
      if (resting) await resting;
    }
    underway.options.signal?.throwIfAborted();
  }

  /** Do the next step; give what is to be awaited, if anything. */
  #advance(underway: Underway<M>): Promise<void> | undefined {
    const { hooks, turns } = this.#of;
    const { part, captures, options, next } = underway;
    options.signal?.throwIfAborted();
    turns.checkOpen();
    const fetching = (part.frame.steps[next] as Step).fetch?.();
    const isCaptured = captures.has(next) && part.frame.values.blocks;
    if (fetching || hooks.waits.length || isCaptured) return this.#advanceLater(underway, fetching);
    this.#dispatch(underway, this.#inner);
    return undefined;
  }

  async #advanceLater(underway: Underway<M>, fetching: Promise<void> | undefined): Promise<void> {
    const { waits } = this.#of.hooks;
    const { part, captures, captured, options, next } = underway;
    if (fetching) await fetching;
    const op = opAt(underway, next);
    const call = () => this.#callWithin(this.#inner, op, next);
    if (waits.length) await dispatchWaiting(waits, op, call, options.signal);
    else call();
    this.#feed(underway, next);
    for (const [name, value] of captures.get(next) ?? []) {
      captured[name] = asTensor(part.frame.plan, value, await part.frame.values.readLater(value));
    }
  }

  #dispatch(underway: Underway<M>, chain: SyncChain<M> | undefined): void {
    const { next } = underway;
    this.#callWithin(chain, opAt(underway, next), next);
    this.#feed(underway, next);
    this.#copyOut(underway, next);
  }

  #callWithin(chain: SyncChain<M> | undefined, op: Op<M>, index: number): void {
    if (chain) chain.run(op, index);
    else this.#call(index);
  }

  /** Call a step of the run under way, which is then done. */
  #call(index: number): void {
    const { host, turns } = this.#of;
    turns.checkOpen();
    const underway = this.#underway as Underway<M>;
    const { frame } = underway.part;
    const { call, work, device } = frame.steps[index] as Step;
    const { trace } = underway.options;
    if (!trace) {
      call?.();
    } else {
      const start = host.now();
      call?.();
      const end = host.now();
      const { name: op, kind } = opAt(underway, index);
      const { name, threads } = device;
      trace.add({ op, kind, start, end, device: name, threads, ...work, run: trace.runs - 1 });
    }
    underway.next = index + 1;
  }

  /** Write what a run was told to after a step. */
  #feed({ part }: Underway<M>, index: number): void {
    this.#of.turns.checkOpen();
    for (const [value, array] of part.fed.get(index) ?? []) part.frame.values.write(value, array);
  }

  #copyOut({ part, captures, captured }: Underway<M>, index: number): void {
    const { plan, values } = part.frame;
    for (const [name, value] of captures.get(index) ?? []) {
      captured[name] = asTensor(plan, value, values.read(value));
    }
  }

  /** Let others have the thread once the run has had it for long enough. */
  #rest(underway: Underway<M>): Promise<void> | undefined {
    const { host, turns } = this.#of;
    const { signal, yieldEvery = signal ? REST_AFTER_MS : Infinity } = underway.options;
    if (host.now() - underway.rested < yieldEvery) return undefined;
    // What would abort the run may be less urgent than the run.
    return (signal ? host.rest() : host.yield()).then(() => {
      turns.checkOpen();
      underway.rested = host.now();
    });
  }

  #outcome(underway: Underway<M>): Outcome {
    const { values } = underway.part.frame;
    const outputs = this.#outputsOf(underway).map(({ name, dtype, shape, value }) => {
      return [name, { dtype, shape: [...shape], data: values.read(value) }];
    });
    return { outputs: Object.fromEntries(outputs), captured: underway.captured };
  }

  /** The same without blocking. */
  async #outcomeLater(underway: Underway<M>): Promise<Outcome> {
    const { values } = underway.part.frame;
    if (!values.blocks) return this.#outcome(underway);
    const outputs = this.#outputsOf(underway).map(async ({ name, dtype, shape, value }) => {
      return [name, { dtype, shape: [...shape], data: await values.readLater(value) }];
    });
    return { outputs: Object.fromEntries(await Promise.all(outputs)), captured: underway.captured };
  }

  /** The outputs that are there when a run has done its part. */
  #outputsOf({ model, part }: Underway<M>): readonly Output[] {
    const { frame, first, end } = part;
    if (first === 0 && end === frame.steps.length) return frame.outputs;
    const timeline = this.#timelineOf(model, frame);
    return frame.outputs.filter(({ value }) => !timeline.whyAbsent(value, part, end));
  }

  /** Tell the hooks that a run is over. What it failed with matters more than what they throw. */
  #end({ run }: Underway<M>, failed: boolean): void {
    try {
      this.#of.hooks.finish(run);
    } catch (error) {
      if (!failed) throw error;
    } finally {
      this.#underway = undefined;
    }
  }

  #moment(): Moment {
    this.#of.turns.checkOpen();
    if (!this.#underway) {
      throw new StateError("no run is under way: read and write within hooks, or between steps");
    }
    const { model, part, next } = this.#underway;
    const { frame } = part;
    return { model, frame, timeline: this.#timelineOf(model, frame), span: part, next };
  }

  #timelineOf(model: ModelData, frame: Frame): Timeline {
    let timeline = this.#timelines.get(frame);
    if (!timeline) {
      timeline = new Timeline(model, frame);
      this.#timelines.set(frame, timeline);
    }
    return timeline;
  }
}

function opAt<M extends Model>({ ops, part }: Underway<M>, index: number): Op<M> {
  return ops[(part.frame.steps[index] as Step).target] as Op<M>;
}

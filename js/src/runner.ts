import type { DType, PortData, ValueData } from "./data.js";
import { OptionError } from "./errors.js";
import type { Frame } from "./frames.js";
import { dispatchSync, dispatchWaiting, type SyncHook } from "./hooks.js";
import { bindInputs } from "./inputs.js";
import type { Feed, Model, Op, OutputsOf } from "./model.js";
import type { Parts } from "./parts.js";
import type { Run } from "./policy.js";
import { asTensor, type Captures, findCaptures, type Step } from "./schedule.js";
import type { DataOf, Tensor } from "./tensor.js";
import type { Trace } from "./trace.js";

export interface RunSyncOptions {
  /** Collects the time of each op. */
  readonly trace?: Trace | undefined;
}

export interface RunOptions extends RunSyncOptions {
  /** Checked between ops; a run that it stops rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Hand the thread back between ops whenever the run has had it for so many milliseconds, so that a
   * page stays responsive.
   */
  readonly yieldEvery?: number | undefined;
}

/** What `capture` gives: the outputs, and copies of the values asked for. */
export interface Capture<M extends Model, Name extends string> {
  readonly outputs: OutputsOf<M>;
  readonly captured: { readonly [N in Name]: Tensor };
}

/** A run under way. */
interface Underway {
  readonly run: Run;
  readonly frame: Frame;
  readonly captures: Captures;
  readonly captured: Record<string, Tensor>;
  readonly options: RunOptions;
}

/** How long a run may keep the event loop waiting for what might abort it. */
export const REST_AFTER_MS = 8;

/** Takes runs from inputs to outputs, in one of two ways: with or without giving up control. */
export class Runner<M extends Model> {
  readonly #of: Parts<M>;
  #runs = 0;

  constructor(parts: Parts<M>) {
    this.#of = parts;
  }

  async run<Name extends string>(
    inputs: Feed<M>,
    names: readonly Name[],
    options: RunOptions,
  ): Promise<Capture<M, Name>> {
    const { waits, sync } = this.#of.hooks;
    const { signal, yieldEvery } = options;
    checkYieldEvery(yieldEvery);
    signal?.throwIfAborted();
    const underway = this.#begin(inputs, names, options);
    try {
      const { blocks } = underway.frame.values;
      if (blocks || waits.length || signal || yieldEvery !== undefined) await this.#walk(underway);
      else this.#walkSync(underway, sync);
    } catch (error) {
      this.#abandon(underway);
      throw error;
    }
    this.#of.hooks.finish(underway.run);
    const outputs = underway.frame.values.blocks ? await this.#outputsLater(underway) : undefined;
    return this.#result(underway, outputs ?? this.#outputs(underway));
  }

  /** The same without giving up control, with the `hooks` of such a run. */
  runSync<Name extends string>(
    inputs: Feed<M>,
    names: readonly Name[],
    options: RunSyncOptions,
    hooks: readonly SyncHook<M>[],
  ): Capture<M, Name> {
    const underway = this.#begin(inputs, names, options);
    try {
      this.#walkSync(underway, hooks);
    } catch (error) {
      this.#abandon(underway);
      throw error;
    }
    this.#of.hooks.finish(underway.run);
    return this.#result(underway, this.#outputs(underway));
  }

  /** Check the inputs, find their frame, tell the hooks, and copy the inputs in. */
  #begin(inputs: Feed<M>, names: readonly string[], options: RunOptions): Underway {
    const { model, frames, hooks } = this.#of;
    const { binding, arrays } = bindInputs(model, inputs);
    const captures = findCaptures(model, names);
    const frame = frames.main(binding);
    frame.begin();
    for (const [index, array] of arrays.entries()) {
      frame.values.write((model.inputs[index] as PortData).value, array);
    }
    const run = { id: this.#runs++, binding, signal: options.signal };
    const underway = { run, frame, captures, captured: {}, options };
    this.#copyOut(underway, -1);
    options.trace?.begin();
    hooks.start(run);
    return underway;
  }

  /** Call each step, and let others have the thread in between. */
  async #walk(underway: Underway): Promise<void> {
    const { host, turns, hooks, ops } = this.#of;
    const { frame, captures, options } = underway;
    const { blocks } = frame.values;
    const { signal, yieldEvery = signal ? REST_AFTER_MS : Infinity } = options;
    let rested = host.now();
    for (const [index, step] of frame.steps.entries()) {
      signal?.throwIfAborted();
      const op = ops[step.target] as Op<M>;
      const call = () => this.#callHooked(op, step, hooks.sync, options.trace);
      const fetching = step.fetch?.();
      if (fetching) await fetching;
      if (hooks.waits.length) await dispatchWaiting(hooks.waits, op, call, signal);
      else call();
      turns.checkOpen();
      if (blocks && captures.has(index)) await this.#copyOutLater(underway, index);
      else this.#copyOut(underway, index);
      if (host.now() - rested >= yieldEvery) {
        // What would abort the run may be less urgent than the run.
        await (signal ? host.rest() : host.yield());
        turns.checkOpen();
        rested = host.now();
      }
    }
    signal?.throwIfAborted();
  }

  /** Call each step; without anything to do in between these are the plain calls. */
  #walkSync(underway: Underway, hooks: readonly SyncHook<M>[]): void {
    const { turns, ops } = this.#of;
    const { frame, captures, options } = underway;
    if (!hooks.length && !options.trace && !captures.size) {
      for (const call of frame.calls) call();
      return;
    }
    for (const [index, step] of frame.steps.entries()) {
      this.#callHooked(ops[step.target] as Op<M>, step, hooks, options.trace);
      turns.checkOpen();
      this.#copyOut(underway, index);
    }
  }

  #callHooked(
    op: Op<M>,
    step: Step,
    hooks: readonly SyncHook<M>[],
    trace: Trace | undefined,
  ): void {
    if (hooks.length) dispatchSync(hooks, op, () => this.#call(op, step, trace));
    else this.#call(op, step, trace);
  }

  #call(op: Op<M>, { call, work, device }: Step, trace: Trace | undefined): void {
    const { host, turns } = this.#of;
    turns.checkOpen();
    if (!trace) {
      call?.();
      return;
    }
    const start = host.now();
    call?.();
    const end = host.now();
    const { name, threads } = device;
    const { flops, bytes } = work;
    const run = trace.runs - 1;
    trace.add({ op: op.name, kind: op.kind, start, end, device: name, threads, flops, bytes, run });
  }

  #copyOut({ frame, captures, captured }: Underway, step: number): void {
    for (const value of captures.get(step) ?? []) {
      captured[this.#nameOf(value)] = asTensor(frame.plan, value, frame.values.read(value));
    }
  }

  async #copyOutLater({ frame, captures, captured }: Underway, step: number): Promise<void> {
    for (const value of captures.get(step) ?? []) {
      const data = await frame.values.readLater(value);
      captured[this.#nameOf(value)] = asTensor(frame.plan, value, data);
    }
  }

  /** Tell the hooks that a run has failed. What it failed with matters more than what they throw. */
  #abandon({ run }: Underway): void {
    try {
      this.#of.hooks.finish(run);
    } catch {}
  }

  #outputs({ frame: { outputs, values } }: Underway): DataOf<DType>[] {
    return outputs.map(({ value }) => values.read(value));
  }

  #outputsLater({ frame: { outputs, values } }: Underway): Promise<DataOf<DType>[]> {
    return Promise.all(outputs.map(({ value }) => values.readLater(value)));
  }

  #result<Name extends string>(
    { frame, captured }: Underway,
    data: readonly DataOf<DType>[],
  ): Capture<M, Name> {
    const outputs = frame.outputs.map(({ name, dtype, shape }, index) => {
      return [name, { dtype, shape: [...shape], data: data[index] }];
    });
    return {
      outputs: Object.fromEntries(outputs) as OutputsOf<M>,
      captured: captured as { [N in Name]: Tensor },
    };
  }

  #nameOf(value: number): string {
    return (this.#of.model.values[value] as ValueData).name;
  }
}

/** Throw OptionError unless `yieldEvery` is a duration. */
function checkYieldEvery(yieldEvery: number | undefined): void {
  if (yieldEvery !== undefined && !(yieldEvery >= 0)) {
    throw new OptionError(`yieldEvery is ${String(yieldEvery)}: give milliseconds, 0 or more`);
  }
}

import type { PortData, ValueData } from "./data.js";
import type { Device } from "./device.js";
import type { Frame, Frames } from "./frames.js";
import { type Hooks, onceFor } from "./hooks.js";
import { bindInputs } from "./inputs.js";
import type { Host } from "./load.js";
import type { Feed, Model, Op, OutputsOf } from "./model.js";
import { type Captures, findCaptures, readOutputs, readValue, type Step } from "./schedule.js";
import type { Tensor } from "./tensor.js";
import type { Trace } from "./trace.js";
import type { Turns } from "./turns.js";

export interface RunSyncOptions {
  /** Collects the time of each op. */
  readonly trace?: Trace | undefined;
}

export interface RunOptions extends RunSyncOptions {
  /** Checked between ops; a run that it stops rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** What `capture` gives: the outputs, and copies of the values asked for. */
export interface Capture<M extends Model, Name extends string> {
  readonly outputs: OutputsOf<M>;
  readonly captured: { readonly [N in Name]: Tensor };
}

/** What runs of one executor have in common. */
export interface Surroundings<M extends Model> {
  readonly model: M;
  readonly ops: readonly Op<M>[];
  readonly device: Device;
  readonly host: Host;
  readonly frames: Frames;
  readonly turns: Turns;
  readonly hooks: Hooks<M>;
}

/** A run under way. */
interface Run {
  readonly frame: Frame;
  readonly captures: Captures;
  readonly captured: Record<string, Tensor>;
}

/** How long a run may keep the event loop waiting for what might abort it. */
export const REST_AFTER_MS = 8;

/** Takes runs from inputs to outputs, in one of two ways: with or without giving up control. */
export class Runner<M extends Model> {
  readonly #of: Surroundings<M>;

  constructor(surroundings: Surroundings<M>) {
    this.#of = surroundings;
  }

  async run<Name extends string>(
    inputs: Feed<M>,
    names: readonly Name[],
    options: RunOptions,
  ): Promise<Capture<M, Name>> {
    const run = this.#begin(inputs, names);
    options.trace?.begin();
    await this.#walk(run, options);
    return this.#finish(run);
  }

  runSync<Name extends string>(
    inputs: Feed<M>,
    names: readonly Name[],
    { trace }: RunSyncOptions,
  ): Capture<M, Name> {
    const run = this.#begin(inputs, names);
    trace?.begin();
    this.#walkSync(run, trace);
    return this.#finish(run);
  }

  /** Check the inputs, find their frame, and copy them in. */
  #begin(inputs: Feed<M>, names: readonly string[]): Run {
    const { model, device, frames } = this.#of;
    const { binding, arrays } = bindInputs(model, inputs);
    const frame = frames.main(binding);
    device.begin(frame.cost);
    for (const [index, array] of arrays.entries()) {
      const { value } = model.inputs[index] as PortData;
      device.write(frame.plan.addresses[value] as number, array);
    }
    const run = { frame, captures: findCaptures(model, names), captured: {} };
    this.#copyOut(run, -1);
    return run;
  }

  /** Call each step; with neither hooks nor a signal there is nothing to wait for. */
  async #walk(run: Run, { signal, trace }: RunOptions): Promise<void> {
    const { host, turns, hooks } = this.#of;
    signal?.throwIfAborted();
    const hooked = hooks.overrides("dispatch");
    if (!hooked && !signal) {
      this.#walkSync(run, trace);
      return;
    }
    let rested = host.now();
    for (const [index, step] of run.frame.steps.entries()) {
      if (hooked) await this.#dispatch(step, trace);
      else this.#dispatchSync(step, trace);
      turns.checkOpen();
      this.#copyOut(run, index);
      if (signal && host.now() - rested > REST_AFTER_MS) {
        await host.rest();
        turns.checkOpen();
        rested = host.now();
      }
      signal?.throwIfAborted();
    }
  }

  #walkSync(run: Run, trace: Trace | undefined): void {
    const { turns, hooks } = this.#of;
    if (!trace && !run.captures.size && !hooks.overrides("dispatchSync")) {
      for (const call of run.frame.calls) call();
      return;
    }
    for (const [index, step] of run.frame.steps.entries()) {
      this.#dispatchSync(step, trace);
      turns.checkOpen();
      this.#copyOut(run, index);
    }
  }

  async #dispatch(step: Step, trace: Trace | undefined): Promise<void> {
    const op = this.#of.ops[step.target] as Op<M>;
    const once = onceFor(op, () => this.#call(op, step, trace));
    await this.#of.hooks.dispatch(op, async () => once.next());
    once.check();
  }

  #dispatchSync(step: Step, trace: Trace | undefined): void {
    const op = this.#of.ops[step.target] as Op<M>;
    const once = onceFor(op, () => this.#call(op, step, trace));
    this.#of.hooks.dispatchSync(op, once.next);
    once.check();
  }

  #call(op: Op<M>, { call, work }: Step, trace: Trace | undefined): void {
    const { host, turns, device } = this.#of;
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

  #copyOut({ frame, captures, captured }: Run, step: number): void {
    const { model, device } = this.#of;
    for (const index of captures.get(step) ?? []) {
      const { name } = model.values[index] as ValueData;
      captured[name] = readValue(model, index, frame.plan, device);
    }
  }

  #finish<Name extends string>({ frame, captured }: Run): Capture<M, Name> {
    const outputs = readOutputs(frame.outputs, this.#of.device) as OutputsOf<M>;
    return { outputs, captured: captured as { [N in Name]: Tensor } };
  }
}

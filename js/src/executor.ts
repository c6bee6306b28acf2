/// <reference lib="esnext.disposable" preserve="true" />

import type { Block } from "./blocks.js";
import { create, createSync, type ExecutorClass } from "./create.js";
import type { Description } from "./describe.js";
import { StateError } from "./errors.js";
import type { Next, NextSync } from "./hooks.js";
import type { CreateOptions, CreateSyncOptions } from "./options.js";
import type { Feed, Model, Op, OpNameOf, OutputsOf } from "./model.js";
import type { Parts } from "./parts.js";
import type { Placement } from "./placement.js";
import type { Policy, Run } from "./policy.js";
import { type Capture, Runner, type RunOptions, type RunSyncOptions } from "./runner.js";

// Not every engine has these symbols; code compiled for such an engine looks for the same stand-ins.
const DISPOSE: typeof Symbol.dispose = Symbol.dispose ?? Symbol.for("Symbol.dispose");
const ASYNC_DISPOSE: typeof Symbol.asyncDispose =
  Symbol.asyncDispose ?? Symbol.for("Symbol.asyncDispose");

/**
 * What `create` gives for a class. TypeScript can't apply a generic subclass to the model at hand,
 * so there the subclass's own members are added to the executor of the model.
 */
export type Created<E, M extends Model> =
  E extends Executor<infer Of>
    ? Model extends Of
      ? Executor<M> & Omit<E, keyof Executor<M>>
      : E
    : never;

/**
 * Runs a model. Subclass it to choose where ops run (`place`) and to act around them (`dispatch`)
 * and around runs (`onStart`, `onFinish`); policies do the same without a subclass.
 *
 * Runs of one executor queue up: each has the memory for itself, and reads its inputs when its turn
 * comes. An executor keeps its memory until `dispose`.
 */
export class Executor<M extends Model> {
  readonly model: M;
  /** All ops of the model, those that prepare the weights included. */
  readonly ops: readonly Op<M>[];
  readonly #parts: Parts<M>;
  readonly #runner: Runner<M>;

  constructor(parts: Parts<M>) {
    this.model = parts.model;
    this.ops = parts.ops;
    this.#parts = parts;
    parts.surround(this.#own());
    this.#runner = new Runner(parts);
  }

  /**
   * Fetch a model's files, check them, compile, and pack the weights.
   *
   * Throws FormatVersionError, LoadError, DigestError or BundleError where a file is at fault,
   * OptionError where an option is, PlacementError where `place` is, OutOfMemoryError, WorkerError, or
   * the signal's reason.
   */
  static async create<M extends Model, E extends Executor<Model>>(
    this: ExecutorClass<M, E>,
    model: M,
    options: CreateOptions = {},
  ): Promise<Created<E, M>> {
    return (await create(this, model, options)) as unknown as Created<E, M>;
  }

  /** The same at once, from files that the caller has read and checked. */
  static createSync<M extends Model, E extends Executor<Model>>(
    this: ExecutorClass<M, E>,
    model: M,
    options: CreateSyncOptions,
  ): Created<E, M> {
    return createSync(this, model, options) as unknown as Created<E, M>;
  }

  /**
   * Choose where `op` runs; undefined leaves that to the policies. Called once for each op of a run,
   * when the executor is created.
   */
  place(_op: Op<M>): Placement | undefined {
    return undefined;
  }

  /** Act around each op of `run` and `capture`; call `next` exactly once. */
  async dispatch(_op: Op<M>, next: Next): Promise<void> {
    await next();
  }

  /**
   * The same for `runSync` and `captureSync`, and for `run` and `capture` too unless `dispatch` is
   * overridden as well.
   */
  dispatchSync(_op: Op<M>, next: NextSync): void {
    next();
  }

  /** Hear that a run begins. What it throws ends the run. */
  onStart(_run: Run): void {}

  /** Hear that a run has ended, well or not. What it throws ends a run that was well. */
  onFinish(_run: Run): void {}

  /**
   * Run the model. Throws InputError, OptionError, OutOfMemoryError, KernelError, WorkerError,
   * StateError, what a hook throws, or the signal's reason.
   */
  async run(inputs: Feed<M>, options: RunOptions = {}): Promise<OutputsOf<M>> {
    return (await this.capture(inputs, [], options)).outputs;
  }

  /** Run the model without giving up control. Throws StateError if another run is under way. */
  runSync(inputs: Feed<M>, options: RunSyncOptions = {}): OutputsOf<M> {
    return this.captureSync(inputs, [], options).outputs;
  }

  /**
   * Run the model, and copy the values called `names` out, each right after the op that wrote it.
   * Throws InputError for unknown names too.
   */
  capture<const Name extends string>(
    inputs: Feed<M>,
    names: readonly Name[],
    options: RunOptions = {},
  ): Promise<Capture<M, Name>> {
    return this.#parts.turns.take(() => this.#runner.run(inputs, names, options));
  }

  /** The same without giving up control. */
  captureSync<const Name extends string>(
    inputs: Feed<M>,
    names: readonly Name[],
    options: RunSyncOptions = {},
  ): Capture<M, Name> {
    const { turns, hooks } = this.#parts;
    const { always } = hooks;
    if (!always) {
      throw new StateError(
        "this executor, or a policy of it, has dispatch alone: add dispatchSync, or use run",
      );
    }
    return turns.takeNow(() => this.#runner.runSync(inputs, names, options, always));
  }

  /** Whether a hook may wait and has no form that does not, so that only `run` and `capture` work. */
  get waits(): boolean {
    return !this.#parts.hooks.always;
  }

  /**
   * Let runs that begin later do each of `blocks` as one: hooks see it as an op of kind "block", and
   * a run stops, yields, captures and traces around it, not within.
   *
   * Throws OptionError where the model has no such module or op, or a block's ops do not follow each
   * other, or are another block's too; PlacementError where they are on several devices.
   */
  lazy(...blocks: Block<OpNameOf<M>>[]): void {
    this.#parts.join(blocks);
  }

  describe(): Description {
    return this.#parts.describe();
  }

  /** Let go of the memory. Runs that are under way or queued reject with StateError. */
  dispose(): void {
    this.#parts.dispose();
  }

  [DISPOSE](): void {
    this.dispose();
  }

  /** Wait for the runs that are queued, then dispose. */
  async [ASYNC_DISPOSE](): Promise<void> {
    await this.#parts.turns.done();
    this.dispose();
  }

  /** What the class overrides, as a policy. */
  #own(): Policy<M> {
    const overrides = (hook: "dispatch" | "dispatchSync") =>
      this[hook] !== Executor.prototype[hook];
    return {
      place: (op) => this.place(op),
      onStart: (run) => this.onStart(run),
      onFinish: (run) => this.onFinish(run),
      ...(overrides("dispatch") && { dispatch: (op, next) => this.dispatch(op, next) }),
      ...(overrides("dispatchSync") && {
        dispatchSync: (op, next) => this.dispatchSync(op, next),
      }),
    };
  }
}

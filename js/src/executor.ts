/// <reference lib="esnext.disposable" preserve="true" />

import type { Block } from "./blocks.js";
import { create, createSync, type ExecutorClass } from "./create.js";
import type { Description } from "./describe.js";
import type { Next, NextSync } from "./hooks.js";
import type { CreateOptions, CreateSyncOptions } from "./options.js";
import type { Feed, Model, Op, OpNameOf, OutputsOf } from "./model.js";
import type { Parts } from "./parts.js";
import type { Placement } from "./placement.js";
import type { Policy, Run } from "./policy.js";
import type { ReadOptions } from "./reach.js";
import type {
  AnyRunOptions,
  Capture,
  Feeds,
  PartOptions,
  PartSyncOptions,
  RunOptions,
  RunSyncOptions,
} from "./run.js";
import { type Outcome, Runner } from "./runner.js";
import type { Tensor } from "./tensor.js";

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
 * and around runs (`onStart`, `onFinish`), and in which order (`order`); policies do the same without a subclass.
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
   * Choose the next op among those that may be: all that they depend on is done, and so is all that
   * used the bytes they write. Undefined leaves that to the policies, and at last to the model.
   * Called once for each op, when the first run with these dims begins; later ones keep the order. A
   * run throws StateError where it chooses another op.
   */
  order(_ready: readonly Op<M>[]): Op | undefined {
    return undefined;
  }

  /**
   * Run the model. Throws InputError, OptionError, OutOfMemoryError, KernelError, WorkerError,
   * StateError, what a hook throws, or the signal's reason.
   *
   * With `from` and `to`, run from that op to that op, in the order of the run: it gives those of the
   * outputs that are there then. What its ops read of earlier ones has to be among `feed`; inputs
   * that they don't read may be left out.
   */
  run(inputs: Partial<Feed<M>>, options: PartOptions<M>): Promise<Partial<OutputsOf<M>>>;
  run(inputs: Feed<M>, options?: RunOptions): Promise<OutputsOf<M>>;
  async run(inputs: unknown, options: AnyRunOptions = {}): Promise<unknown> {
    return (await this.#run(inputs, [], options)).outputs;
  }

  /** Run the model without giving up control. Throws StateError if another run is under way. */
  runSync(inputs: Partial<Feed<M>>, options: PartSyncOptions<M>): Partial<OutputsOf<M>>;
  runSync(inputs: Feed<M>, options?: RunSyncOptions): OutputsOf<M>;
  runSync(inputs: unknown, options: AnyRunOptions = {}): unknown {
    return this.#runSync(inputs, [], options).outputs;
  }

  /**
   * Run the model, and copy the tensors called `names` (see `read`) out, each right after the op that
   * wrote it. Throws InputError for unknown names too.
   */
  capture<const Name extends string>(
    inputs: Partial<Feed<M>>,
    names: readonly Name[],
    options: PartOptions<M>,
  ): Promise<Capture<M, Name, Partial<OutputsOf<M>>>>;
  capture<const Name extends string>(
    inputs: Feed<M>,
    names: readonly Name[],
    options?: RunOptions,
  ): Promise<Capture<M, Name>>;
  capture(
    inputs: unknown,
    names: readonly string[],
    options: AnyRunOptions = {},
  ): Promise<unknown> {
    return this.#run(inputs, names, options);
  }

  /** The same without giving up control. */
  captureSync<const Name extends string>(
    inputs: Partial<Feed<M>>,
    names: readonly Name[],
    options: PartSyncOptions<M>,
  ): Capture<M, Name, Partial<OutputsOf<M>>>;
  captureSync<const Name extends string>(
    inputs: Feed<M>,
    names: readonly Name[],
    options?: RunSyncOptions,
  ): Capture<M, Name>;
  captureSync(inputs: unknown, names: readonly string[], options: AnyRunOptions = {}): unknown {
    return this.#runSync(inputs, names, options);
  }

  /**
   * Run the model one op at a time: gives each op when it is done, and returns what `run` does. In
   * between, `read` and `write` reach the tensors.
   *
   *     for await (const op of executor.step({ input })) {
   *       if (op.name === "exit_1" && isSure(executor.read("exit_1"))) break;
   *     }
   *
   * To leave the loop ends the run. Who calls `next` by hand has to go on to the end, or to call
   * `return`: until then, other runs wait.
   */
  step(
    inputs: Partial<Feed<M>>,
    options: PartOptions<M>,
  ): AsyncGenerator<Op<M>, Partial<OutputsOf<M>>, void>;
  step(inputs: Feed<M>, options?: RunOptions): AsyncGenerator<Op<M>, OutputsOf<M>, void>;
  step(inputs: unknown, options: AnyRunOptions = {}): AsyncGenerator<Op<M>, unknown, void> {
    return this.#parts.turns.iterate(() => this.#runner.step(inputs, options));
  }

  /**
   * Give a tensor of the run under way, in hooks and between steps: the value called `name`, the
   * (first) output of the op called so, or the model's output. Throws InputError for a name that a
   * run does not know, and StateError where no run is under way, where the tensor does not exist
   * yet, or where an op has reused its bytes.
   */
  read(name: string, options: ReadOptions = {}): Tensor {
    return this.#runner.read(name, options);
  }

  /**
   * Put a tensor in the place of one of the run under way: the ops that come read it instead. Throws
   * like `read`, InputError where the tensor does not fit, and StateError for a weight.
   */
  write(name: string, tensor: Feeds[string]): void {
    this.#runner.write(name, tensor);
  }

  /** Whether a hook may wait and has no form that does not, so that `runSync` can't be used. */
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

  #run(inputs: unknown, names: readonly string[], options: AnyRunOptions): Promise<Outcome> {
    return this.#parts.turns.take(() => this.#runner.run(inputs, names, options));
  }

  #runSync(inputs: unknown, names: readonly string[], options: AnyRunOptions): Outcome {
    return this.#parts.turns.takeNow(() => this.#runner.runSync(inputs, names, options));
  }

  /** What the class overrides, as a policy. */
  #own(): Policy<M> {
    const overrides = (hook: "dispatch" | "dispatchSync" | "order") =>
      this[hook] !== Executor.prototype[hook];
    return {
      place: (op) => this.place(op),
      onStart: (run) => this.onStart(run),
      onFinish: (run) => this.onFinish(run),
      ...(overrides("order") && { order: (ready) => this.order(ready) }),
      ...(overrides("dispatch") && { dispatch: (op, next) => this.dispatch(op, next) }),
      ...(overrides("dispatchSync") && {
        dispatchSync: (op, next) => this.dispatchSync(op, next),
      }),
    };
  }
}

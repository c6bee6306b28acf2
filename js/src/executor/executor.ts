/// <reference lib="esnext.disposable" preserve="true" />

import type { TextureOf } from "../devices/device.js";
import type { Feed, Model, Op, OpNameOf, OutputsOf } from "../model.js";
import type { ReadOptions } from "../run/reach.js";
import {
  type AnyRunOptions,
  type Capture,
  type Feeds,
  NO_OPTIONS,
  type PartOptions,
  type PartSyncOptions,
  type RunOptions,
  type RunSyncOptions,
} from "../run/run.js";
import { Runner } from "../run/runner.js";
import type { Outcome } from "../run/underway.js";
import type { Tensor } from "../tensor.js";
import type { Block } from "./blocks.js";
import { create, createSync, type ExecutorClass } from "./create.js";
import type { Description } from "./describe.js";
import type { CreateOptions, CreateSyncOptions } from "./options.js";
import { Overrides, policyOf } from "./overrides.js";
import type { Parts } from "./parts.js";

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
 * Runs a model. Subclass it to choose where ops run (`place`) and in which order (`order`), and to
 * act around them (`dispatch`) and around runs (`onStart`, `onFinish`); policies do the same without
 * a subclass.
 *
 * Runs of one executor queue up: each has the memory for itself, and reads its inputs when its turn
 * comes. An executor keeps its memory until `dispose`.
 */
export class Executor<M extends Model> extends Overrides<M> {
  readonly model: M;
  /** All ops of the model, those that prepare the weights included. */
  readonly ops: readonly Op<M>[];
  readonly #parts: Parts<M>;
  readonly #runner: Runner<M>;

  constructor(parts: Parts<M>) {
    super();
    this.model = parts.model;
    this.ops = parts.ops;
    this.#parts = parts;
    parts.surround(policyOf(this));
    this.#runner = new Runner(parts);
  }

  /**
   * Fetch a model's files, check them, compile, and pack the weights.
   *
   * Throws FormatVersionError, LoadError, DigestError or BundleError where a file is at fault,
   * OptionError where an option is, PlacementError where `place` is, DeviceError or ShaderError where
   * there is no device as asked for, OutOfMemoryError, WorkerError, or the signal's reason.
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
   * Run the model. Throws InputError, OptionError, OutOfMemoryError, KernelError, WorkerError,
   * DeviceLostError, StateError, what a hook throws, or the signal's reason.
   *
   * With `from` and `to`, run from that op to that op, in the order of the run: it gives those of the
   * outputs that are there then. What its ops read of earlier ones has to be among `feed`; inputs
   * that they don't read may be left out.
   */
  run(inputs: Partial<Feed<M>>, options: PartOptions<M>): Promise<Partial<OutputsOf<M>>>;
  run(inputs: Feed<M>, options?: RunOptions): Promise<OutputsOf<M>>;
  async run(inputs: unknown, options: AnyRunOptions = NO_OPTIONS): Promise<unknown> {
    return (await this.#run(inputs, [], options)).outputs;
  }

  /**
   * Run the model, and leave the outputs on webgl2, as textures that the next run overwrites: nothing
   * is copied out, and the GPU may still be at work on them. Throws what `run` does, and StateError
   * for an output whose op runs on wasm.
   */
  async runToTextures(
    inputs: Feed<M>,
    options: RunOptions = NO_OPTIONS,
  ): Promise<{ readonly [Name in keyof OutputsOf<M>]: TextureOf }> {
    const made = this.#parts.turns.take(() => this.#runner.runToTextures(inputs, options));
    return (await made) as { readonly [Name in keyof OutputsOf<M>]: TextureOf };
  }

  /** Run the model without giving up control. Throws StateError if another run is under way. */
  runSync(inputs: Partial<Feed<M>>, options: PartSyncOptions<M>): Partial<OutputsOf<M>>;
  runSync(inputs: Feed<M>, options?: RunSyncOptions): OutputsOf<M>;
  runSync(inputs: unknown, options: AnyRunOptions = NO_OPTIONS): unknown {
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
    options: AnyRunOptions = NO_OPTIONS,
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
  captureSync(
    inputs: unknown,
    names: readonly string[],
    options: AnyRunOptions = NO_OPTIONS,
  ): unknown {
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
  step(inputs: unknown, options: AnyRunOptions = NO_OPTIONS): AsyncGenerator<Op<M>, unknown, void> {
    return this.#parts.turns.iterate(() => this.#runner.step(inputs, options));
  }

  /**
   * Give a tensor of the run under way, in hooks and between steps: the value called `name`, the
   * (first) output of the op called so, or the model's output. Throws InputError for a name that a
   * run does not know, and StateError where no run is under way, where the tensor does not exist
   * yet, or where an op has reused its bytes. It waits for an op that is still at it, on a GPU or on
   * another thread.
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
}

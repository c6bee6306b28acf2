/// <reference lib="esnext.disposable" preserve="true" />

import type { Description } from "./describe.js";
import type { Device, DeviceName } from "./device.js";
import { StateError } from "./errors.js";
import { Frames } from "./frames.js";
import { type Next, type NextSync, placeAll, type Placement } from "./hooks.js";
import {
  type CreateOptions,
  type CreateSyncOptions,
  type Host,
  type Isa,
  load,
  loadSync,
  systemHost,
} from "./load.js";
import { checkFormat, type Feed, type Model, type Op, opsOf, type OutputsOf } from "./model.js";
import { usableThreads } from "./pool-host.js";
import { compose, type Hooks, type Policy, type Run } from "./policy.js";
import { prepare, type Preparation } from "./preparation.js";
import {
  type Capture,
  REST_AFTER_MS,
  Runner,
  type RunOptions,
  type RunSyncOptions,
} from "./runner.js";
import { Turns } from "./turns.js";
import { WasmDevice } from "./wasm.js";
import { Weights } from "./weights.js";

// Not every engine has these symbols; code compiled for such an engine looks for the same stand-ins.
const DISPOSE: typeof Symbol.dispose = Symbol.dispose ?? Symbol.for("Symbol.dispose");
const ASYNC_DISPOSE: typeof Symbol.asyncDispose =
  Symbol.asyncDispose ?? Symbol.for("Symbol.asyncDispose");

/** What an executor is made of; only `create` and `createSync` make it. */
export interface Parts<M extends Model> {
  readonly model: M;
  readonly isa: Isa;
  readonly device: Device;
  readonly host: Host;
  readonly policies: readonly Policy[];
}

/** The class of an executor, as `create` wants it. */
export type ExecutorClass<M extends Model, E> = new (parts: Parts<M>) => E;

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
  readonly #isa: Isa;
  readonly #device: Device;
  readonly #frames: Frames;
  readonly #turns = new Turns();
  readonly #hooks: Hooks<M>;
  readonly #runner: Runner<M>;
  #places: readonly DeviceName[] = [];
  #weightsEnd = 0;

  constructor({ model, isa, device, host, policies }: Parts<M>) {
    const ops = opsOf(model);
    const frames = new Frames(model, device);
    const hooks = compose<M>([this.#own(), ...policies]);
    this.model = model;
    this.ops = ops;
    this.#isa = isa;
    this.#device = device;
    this.#frames = frames;
    this.#hooks = hooks;
    this.#runner = new Runner({ model, ops, device, host, frames, turns: this.#turns, hooks });
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
    checkFormat(model);
    const { signal, onProgress, policies = [] } = options;
    signal?.throwIfAborted();
    const threads = usableThreads(options);
    const host = systemHost(options.host);
    const loading = load(model, options);
    let device: Device | undefined;
    try {
      const wasm = await loading.wasm;
      onProgress?.({ phase: "compile", loaded: 0, total: 1 });
      device = await WasmDevice.create(wasm, threads, () => host.now());
      onProgress?.({ phase: "compile", loaded: 1, total: 1 });
      const executor = new this({ model, isa: loading.isa, device, host, policies });
      const weights = new Weights(model);
      let arrived = 0;
      let rested = host.now();
      for (const { progress, reads } of executor.#prepare(weights)) {
        while (reads && !weights.find(reads) && arrived < loading.weights.length) {
          weights.add(await (loading.weights[arrived++] as Promise<Uint8Array>));
        }
        signal?.throwIfAborted();
        onProgress?.(progress);
        if (host.now() - rested > REST_AFTER_MS) {
          await host.rest();
          rested = host.now();
        }
      }
      await loading.checked;
      return executor as unknown as Created<E, M>;
    } catch (error) {
      device?.dispose();
      // A file that is not the one promised may be why.
      await loading.checked;
      throw error;
    }
  }

  /** The same at once, from files that the caller has read and checked. */
  static createSync<M extends Model, E extends Executor<Model>>(
    this: ExecutorClass<M, E>,
    model: M,
    options: CreateSyncOptions,
  ): Created<E, M> {
    checkFormat(model);
    const loaded = loadSync(model, options);
    const device = WasmDevice.createSync(loaded.wasm);
    const host = systemHost(options.host);
    const { policies = [] } = options;
    const executor = new this({ model, isa: loaded.isa, device, host, policies });
    const weights = new Weights(model);
    for (const shard of loaded.weights) weights.add(shard);
    for (const _ of executor.#prepare(weights));
    return executor as unknown as Created<E, M>;
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
    return this.#turns.take(() => this.#runner.run(inputs, names, options));
  }

  /** The same without giving up control. */
  captureSync<const Name extends string>(
    inputs: Feed<M>,
    names: readonly Name[],
    options: RunSyncOptions = {},
  ): Capture<M, Name> {
    const { always } = this.#hooks;
    if (!always) {
      throw new StateError(
        "this executor, or a policy of it, has dispatch alone: add dispatchSync, or use run",
      );
    }
    return this.#turns.takeNow(() => this.#runner.runSync(inputs, names, options, always));
  }

  describe(): Description {
    const { name, inputs, outputs, dims } = this.model;
    return {
      model: name,
      isa: this.#isa,
      threads: this.#device.threads,
      inputs,
      outputs,
      dims,
      ops: this.#mainOps().map(({ name, kind, origins }, index) => {
        return { name, kind, device: this.#places[index] as DeviceName, origins };
      }),
      memory: { total: this.#frames.memoryEnd, weights: this.#weightsEnd - this.#device.base },
    };
  }

  /** Let go of the memory. Runs that are under way or queued reject with StateError. */
  dispose(): void {
    if (this.#turns.closed) return;
    this.#turns.close();
    this.#frames.clear();
    this.#device.dispose();
  }

  [DISPOSE](): void {
    this.dispose();
  }

  /** Wait for the runs that are queued, then dispose. */
  async [ASYNC_DISPOSE](): Promise<void> {
    await this.#turns.done();
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

  #mainOps(): Op<M>[] {
    return this.model.main.map(([, target]) => this.ops[target] as Op<M>);
  }

  /** Place the ops, and prepare the weights as `prepare` says. */
  *#prepare(weights: Weights): Generator<Preparation> {
    this.#places = placeAll(this.#mainOps(), (op) => this.#hooks.place(op));
    const frame = this.#frames.load();
    this.#weightsEnd = frame.plan.persistentEnd;
    yield* prepare(this.model, frame, this.#device, weights);
  }
}

/// <reference lib="esnext.disposable" preserve="true" />

import type { DimData, OriginData, PortData, ValueData } from "./data.js";
import type { Device, DeviceName } from "./device.js";
import type { Binding } from "./dims.js";
import { PlacementError, StateError } from "./errors.js";
import { bindInputs } from "./inputs.js";
import {
  type CreateOptions,
  type CreateSyncOptions,
  type Host,
  type Isa,
  load,
  loadSync,
  type Progress,
  systemHost,
} from "./load.js";
import { checkFormat, type Feed, type Model, type Op, opsOf, type OutputsOf } from "./model.js";
import { makePlan, type Plan } from "./plan.js";
import {
  bindSteps,
  type Captures,
  findCaptures,
  readOutputs,
  readValue,
  type Step,
} from "./schedule.js";
import type { Tensor } from "./tensor.js";
import type { Trace } from "./trace.js";
import { WasmDevice } from "./wasm.js";
import { Weights } from "./weights.js";

// Not every engine has these symbols; code compiled for such an engine looks for the same stand-ins.
const DISPOSE: typeof Symbol.dispose = Symbol.dispose ?? Symbol.for("Symbol.dispose");
const ASYNC_DISPOSE: typeof Symbol.asyncDispose =
  Symbol.asyncDispose ?? Symbol.for("Symbol.asyncDispose");

/** Where an op runs. */
export type Placement = DeviceName | { readonly device: DeviceName };

/** Runs the op that a hook was called for. To be called exactly once. */
export type Next = () => Promise<void>;
export type NextSync = () => void;

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

/** What an executor is made of; only `create` and `createSync` make it. */
export interface Parts<M extends Model> {
  readonly model: M;
  readonly isa: Isa;
  readonly device: Device;
  readonly host: Host;
}

/** What an executor is and does, as plain data. */
export interface Description {
  readonly model: string;
  readonly isa: Isa;
  readonly inputs: readonly PortData[];
  readonly outputs: readonly PortData[];
  readonly dims: readonly DimData[];
  /** The ops of a run, in order. */
  readonly ops: readonly {
    readonly name: string;
    readonly kind: string;
    readonly device: DeviceName;
    readonly origins: readonly OriginData[];
  }[];
  /** In bytes: of all the memory taken so far, and of the packed weights in it. */
  readonly memory: { readonly total: number; readonly weights: number };
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

/** The steps of one binding of the dims, ready to be called. */
interface Frame {
  readonly plan: Plan;
  readonly steps: readonly Step[];
}

/** What making an executor is about to do. */
interface Preparation {
  readonly progress: Progress;
  readonly reads: ValueData | undefined;
}

/** A run under way. */
interface Turn extends Frame {
  readonly captures: Captures;
  readonly captured: Record<string, Tensor>;
}

const FRAMES_KEPT = 16;
const REST_AFTER_MS = 8;

/**
 * Runs a model. Subclass it to choose where ops run (`place`) and to act around them (`dispatch`).
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
  readonly #host: Host;
  readonly #frames = new Map<string, Frame>();
  #places: readonly DeviceName[] = [];
  #weightsEnd = 0;
  #memoryEnd = 0;
  #queue: Promise<unknown> | undefined;
  #running = false;
  #disposed = false;

  constructor(parts: Parts<M>) {
    this.model = parts.model;
    this.ops = opsOf(parts.model);
    this.#isa = parts.isa;
    this.#device = parts.device;
    this.#host = parts.host;
  }

  /**
   * Fetch a model's files, check them, compile, and pack the weights.
   *
   * Throws FormatVersionError, LoadError, DigestError or BundleError where a file is at fault,
   * PlacementError where `place` is, OutOfMemoryError, or the signal's reason.
   */
  static async create<M extends Model, E extends Executor<Model>>(
    this: ExecutorClass<M, E>,
    model: M,
    options: CreateOptions = {},
  ): Promise<Created<E, M>> {
    checkFormat(model);
    const { signal, onProgress } = options;
    signal?.throwIfAborted();
    const loading = load(model, options);
    try {
      const wasm = await loading.wasm;
      onProgress?.({ phase: "compile", loaded: 0, total: 1 });
      const device = await WasmDevice.create(wasm);
      onProgress?.({ phase: "compile", loaded: 1, total: 1 });
      const host = systemHost(options.host);
      const executor = new this({ model, isa: loading.isa, device, host });
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
    const executor = new this({ model, isa: loaded.isa, device, host: systemHost(options.host) });
    const weights = new Weights(model);
    for (const shard of loaded.weights) weights.add(shard);
    for (const _ of executor.#prepare(weights));
    return executor as unknown as Created<E, M>;
  }

  /** Choose where `op` runs. Called once for each op of a run, when the executor is created. */
  place(_op: Op<M>): Placement {
    return "wasm";
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

  /** Run the model. Throws InputError, OutOfMemoryError, KernelError, StateError, or the signal's reason. */
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
    const before = this.#queue;
    const turn = (async () => {
      await before;
      return this.#exclusively(async () => {
        const turn = this.#begin(inputs, names);
        await this.#walk(turn, options);
        return this.#finish<Name>(turn);
      });
    })();
    this.#queue = turn.catch(() => {});
    return turn;
  }

  /** The same without giving up control. */
  captureSync<const Name extends string>(
    inputs: Feed<M>,
    names: readonly Name[],
    options: RunSyncOptions = {},
  ): Capture<M, Name> {
    if (this.#isHooked("dispatch") && !this.#isHooked("dispatchSync")) {
      throw new StateError(
        "this executor overrides dispatch: override dispatchSync too, or use run",
      );
    }
    this.#checkUsable();
    if (this.#running) {
      throw new StateError(
        "a run of this executor is under way: await it before a synchronous one",
      );
    }
    const turn = this.#begin(inputs, names);
    this.#walkSync(turn, options.trace);
    return this.#finish<Name>(turn);
  }

  describe(): Description {
    const { name, inputs, outputs, dims } = this.model;
    return {
      model: name,
      isa: this.#isa,
      inputs,
      outputs,
      dims,
      ops: this.#mainOps().map(({ name, kind, origins }, index) => {
        return { name, kind, device: this.#places[index] as DeviceName, origins };
      }),
      memory: { total: this.#memoryEnd, weights: this.#weightsEnd - this.#device.base },
    };
  }

  /** Let go of the memory. Runs that are under way or queued reject with StateError. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#frames.clear();
    this.#device.dispose();
  }

  [DISPOSE](): void {
    this.dispose();
  }

  /** Wait for the runs that are queued, then dispose. */
  async [ASYNC_DISPOSE](): Promise<void> {
    await this.#queue;
    this.dispose();
  }

  #mainOps(): Op<M>[] {
    return this.model.main.map(([, target]) => this.ops[target] as Op<M>);
  }

  /**
   * Place the ops, and run the steps that bring in the weights and pack them. Before each step it
   * tells how far it is and which constant it is about to read, which is to be in `weights` then.
   */
  *#prepare(weights: Weights): Generator<Preparation> {
    this.#places = placeAll(this.#mainOps(), (op) => this.place(op));
    const { model } = this;
    const plan = makePlan(model, this.#device.base, "load", new Map());
    this.#reserve(plan);
    this.#weightsEnd = plan.persistentEnd;
    const steps = bindSteps(model, model.load, plan, this.#device);
    const at = (loaded: number) => ({ phase: "prepare", loaded, total: steps.length }) as const;
    for (const [index, { kind, target, call }] of steps.entries()) {
      const reads = kind === "read" ? (model.values[target] as ValueData) : undefined;
      yield { progress: at(index), reads };
      if (reads) {
        const bytes = weights.find(reads);
        if (!bytes) throw weights.misfits();
        this.#device.write(plan.addresses[target] as number, bytes);
      } else {
        call?.();
      }
    }
    yield { progress: at(steps.length), reads: undefined };
  }

  async #exclusively<T>(job: () => Promise<T>): Promise<T> {
    this.#checkUsable();
    this.#running = true;
    try {
      return await job();
    } finally {
      this.#running = false;
    }
  }

  /** Check the inputs, find their plan, and copy them in. */
  #begin(inputs: Feed<M>, names: readonly string[]): Turn {
    const { model } = this;
    const { binding, arrays } = bindInputs(model, inputs);
    const turn = { ...this.#frame(binding), captures: findCaptures(model, names), captured: {} };
    for (const [index, { value }] of model.inputs.entries()) {
      this.#device.write(turn.plan.addresses[value] as number, arrays[index] as ArrayBufferView);
    }
    this.#copyOut(turn, -1);
    return turn;
  }

  /** The steps of a binding; the latest few are kept. */
  #frame(binding: Binding): Frame {
    const { model } = this;
    const key = model.dims.map(({ name }) => binding.get(name)).join();
    let frame = this.#frames.get(key);
    if (!frame) {
      const plan = makePlan(model, this.#device.base, "main", binding);
      this.#reserve(plan);
      frame = { plan, steps: bindSteps(model, model.main, plan, this.#device) };
    }
    this.#frames.delete(key);
    this.#frames.set(key, frame);
    for (const oldest of this.#frames.keys()) {
      if (this.#frames.size <= FRAMES_KEPT) break;
      this.#frames.delete(oldest);
    }
    return frame;
  }

  #reserve(plan: Plan): void {
    this.#device.reserve(plan.end);
    this.#memoryEnd = Math.max(this.#memoryEnd, plan.end);
  }

  /** Call each step; with neither hooks nor a signal there is nothing to wait for. */
  async #walk(turn: Turn, { signal, trace }: RunOptions): Promise<void> {
    signal?.throwIfAborted();
    const hooked = this.#isHooked("dispatch");
    if (!hooked && !signal) {
      this.#walkSync(turn, trace);
      return;
    }
    let rested = this.#host.now();
    for (const [index, step] of turn.steps.entries()) {
      if (hooked) await this.#dispatch(step, trace);
      else this.#dispatchSync(step, trace);
      this.#checkUsable();
      this.#copyOut(turn, index);
      if (signal && this.#host.now() - rested > REST_AFTER_MS) {
        await this.#host.rest();
        this.#checkUsable();
        rested = this.#host.now();
      }
      signal?.throwIfAborted();
    }
  }

  #walkSync(turn: Turn, trace: Trace | undefined): void {
    if (!trace && !turn.captures.size && !this.#isHooked("dispatchSync")) {
      for (const { call } of turn.steps) call?.();
      return;
    }
    for (const [index, step] of turn.steps.entries()) {
      this.#dispatchSync(step, trace);
      this.#checkUsable();
      this.#copyOut(turn, index);
    }
  }

  async #dispatch(step: Step, trace: Trace | undefined): Promise<void> {
    const op = this.ops[step.target] as Op<M>;
    const once = onceFor(op, () => this.#call(op, step, trace));
    await this.dispatch(op, async () => once.next());
    once.check();
  }

  #dispatchSync(step: Step, trace: Trace | undefined): void {
    const op = this.ops[step.target] as Op<M>;
    const once = onceFor(op, () => this.#call(op, step, trace));
    this.dispatchSync(op, once.next);
    once.check();
  }

  #call(op: Op<M>, { call }: Step, trace: Trace | undefined): void {
    this.#checkUsable();
    if (!trace) {
      call?.();
      return;
    }
    const start = this.#host.now();
    call?.();
    trace.add(op, this.#host.now() - start);
  }

  #copyOut(turn: Turn, step: number): void {
    for (const index of turn.captures.get(step) ?? []) {
      const { name } = this.model.values[index] as ValueData;
      turn.captured[name] = readValue(this.model, index, turn.plan, this.#device);
    }
  }

  #finish<Name extends string>({ plan, captured }: Turn): Capture<M, Name> {
    const outputs = readOutputs(this.model, plan, this.#device) as OutputsOf<M>;
    return { outputs, captured: captured as { [N in Name]: Tensor } };
  }

  #isHooked(hook: "dispatch" | "dispatchSync"): boolean {
    return this[hook] !== Executor.prototype[hook];
  }

  #checkUsable(): void {
    if (this.#disposed) throw new StateError("this executor is disposed: create another one");
  }
}

/** Ask for the device of each op. Throws one PlacementError that names every op without one. */
function placeAll<M extends Model>(
  ops: readonly Op<M>[],
  place: (op: Op<M>) => Placement,
): DeviceName[] {
  const problems: string[] = [];
  const places = ops.map((op) => {
    const placement = place(op);
    const device = typeof placement === "string" ? placement : placement?.device;
    if (device !== "wasm") problems.push(`${op.name}: is placed on ${String(device)}`);
    return device;
  });
  if (problems.length) {
    throw new PlacementError('"place" may only return "wasm": there is no other device', problems);
  }
  return places;
}

/** Let a hook call `call` exactly once: never leaves a wrong result, twice spoils one in place. */
function onceFor(op: { readonly name: string }, call: () => void) {
  let calls = 0;
  return {
    next: (): void => {
      if (calls++) throw new StateError(`the hook called next twice for the op ${op.name}`);
      call();
    },
    check: (): void => {
      if (!calls) throw new StateError(`the hook did not call next for the op ${op.name}`);
    },
  };
}

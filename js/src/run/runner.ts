import type { TextureOf } from "../devices/device.js";
import { StateError } from "../errors.js";
import { dispatchWaiting, SyncChain } from "../executor/hooks.js";
import type { Parts } from "../executor/parts.js";
import type { Model, Op } from "../model.js";
import type { Tensor } from "../tensor.js";
import { bindAll, bindPart } from "./part.js";
import { type ReadOptions, readNow, writeNow } from "./reach.js";
import { type AnyRunOptions, checkRun, checkRunSync } from "./run.js";
import { type Outcome, Underway } from "./underway.js";

/**
 * How long a run may keep the event loop waiting for what might abort it: less than the longest op of
 * most models, and long beside the microseconds that a turn of the loop takes.
 */
const ANSWER_AFTER_MS = 0.25;

/** Takes runs from inputs to outputs: with or without giving up control, or op by op. */
export class Runner<M extends Model> {
  readonly #of: Parts<M>;
  /** The hooks that don't wait: of a run that may wait, and of one that may not. */
  readonly #inner: SyncChain<M> | undefined;
  readonly #always: SyncChain<M> | undefined;
  #underway: Underway<M> | undefined;
  /** When the event loop had the thread last, by the host's clock. */
  #rested = 0;
  #runs = 0;

  constructor(parts: Parts<M>) {
    const { sync, always } = parts.hooks;
    const call = (index: number) => this.#live().call(index);
    this.#of = parts;
    this.#inner = sync.length ? new SyncChain(sync, call) : undefined;
    this.#always = always?.length ? new SyncChain(always, call) : undefined;
  }

  async run(inputs: unknown, names: readonly string[], options: AnyRunOptions): Promise<Outcome> {
    checkRun(this.#of.model, options);
    const underway = this.#begin(inputs, names, options);
    let failed = true;
    try {
      if (this.#mayWait(underway)) await this.#walk(underway);
      else this.#walkSync(underway, this.#inner);
      const reading = underway.readLater();
      if (reading) await reading;
      const outcome = underway.outcome();
      failed = false;
      return outcome;
    } finally {
      this.#end(underway, failed);
    }
  }

  /** The same, leaving the outputs where they are: in textures. */
  async runToTextures(
    inputs: unknown,
    options: AnyRunOptions,
  ): Promise<Readonly<Record<string, TextureOf>>> {
    checkRun(this.#of.model, options);
    const underway = this.#begin(inputs, [], options);
    let failed = true;
    try {
      await this.#walk(underway);
      const textures = await underway.textures();
      failed = false;
      return textures;
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
    checkRunSync(this.#of.model, options);
    const underway = this.#begin(inputs, names, options);
    let failed = true;
    try {
      this.#walkSync(underway, this.#always);
      const outcome = underway.outcome();
      failed = false;
      return outcome;
    } finally {
      this.#end(underway, failed);
    }
  }

  /** The same as `run`, op by op: gives each when it is done, and returns the outputs. */
  async *step(
    inputs: unknown,
    options: AnyRunOptions,
  ): AsyncGenerator<Op<M>, Outcome["outputs"], void> {
    checkRun(this.#of.model, options);
    const underway = this.#begin(inputs, [], options);
    let failed = false;
    this.#rested = this.#of.host.now();
    try {
      while (!underway.isDone) {
        const op = underway.opAt(underway.next);
        await this.#advance(underway);
        yield op;
        await this.#rest(underway);
      }
      options.signal?.throwIfAborted();
      this.#of.turns.checkOpen();
      await underway.readLater();
      return underway.outcome().outputs;
    } catch (error) {
      failed = true;
      throw error;
    } finally {
      this.#end(underway, failed);
    }
  }

  /** Give a tensor of the run under way, as `readNow` does. Throws StateError where there is none. */
  read(name: string, options: ReadOptions): Tensor {
    return readNow(this.#live().moment, name, options);
  }

  /** Replace a tensor of the run under way, as `writeNow` does. Throws StateError where there is none. */
  write(name: string, tensor: unknown): void {
    writeNow(this.#live().moment, name, tensor);
  }

  /** Check the inputs, find their frame, copy them in, and tell the hooks. */
  #begin(inputs: unknown, names: readonly string[], options: AnyRunOptions): Underway<M> {
    const { model, ops, host, frames, hooks } = this.#of;
    const { signal, from, to, feed } = options;
    signal?.throwIfAborted();
    const isPart = from !== undefined || to !== undefined || feed !== undefined;
    const part = isPart ? bindPart(model, inputs, options, frames) : bindAll(model, inputs, frames);
    const run = { id: this.#runs, binding: part.binding, signal };
    const underway = new Underway({ run, model, ops, part, names, options, host });
    this.#runs++;
    this.#underway = underway;
    try {
      hooks.start(run);
    } catch (error) {
      this.#underway = undefined;
      throw error;
    }
    return underway;
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

  #mayWait({ part, options }: Underway<M>): boolean {
    const { signal, yieldEvery } = options;
    const isAsked = signal !== undefined || yieldEvery !== undefined;
    const { values, claims } = part.frame;
    return isAsked || this.#of.hooks.waits.length > 0 || values.blocks || claims;
  }

  /** Call each step; without anything to do in between these are the plain calls. */
  #walkSync(underway: Underway<M>, chain: SyncChain<M> | undefined): void {
    const { turns } = this.#of;
    if (!chain && underway.isPlain) {
      underway.callAll();
      return;
    }
    while (!underway.isDone) {
      const { next } = underway;
      if (underway.claims(next)) {
        underway.holding(next, () => this.#callWithin(chain, underway, next));
      } else {
        this.#callWithin(chain, underway, next);
      }
      turns.checkOpen();
      underway.settle(next);
    }
  }

  /** Call each step, and let others have the thread in between. */
  async #walk(underway: Underway<M>): Promise<void> {
    this.#rested = this.#of.host.now();
    while (!underway.isDone) {
      const advancing = this.#advance(underway);
      if (advancing) await advancing;
      const resting = this.#rest(underway);
      if (resting) await resting;
    }
    underway.options.signal?.throwIfAborted();
  }

  /** Do the next step; give what is to be awaited, if anything. */
  #advance(underway: Underway<M>): Promise<void> | undefined {
    const { hooks, turns } = this.#of;
    const { options, next } = underway;
    options.signal?.throwIfAborted();
    turns.checkOpen();
    const fetching = underway.fetch(next);
    if (fetching || hooks.waits.length || underway.claims(next)) {
      return this.#advanceLater(underway, fetching);
    }
    this.#callWithin(this.#inner, underway, next);
    turns.checkOpen();
    return underway.settleLater(next);
  }

  async #advanceLater(underway: Underway<M>, fetching: Promise<void> | undefined): Promise<void> {
    const { hooks, turns } = this.#of;
    const { options, next } = underway;
    const { signal } = options;
    if (fetching) {
      await fetching;
      signal?.throwIfAborted();
    }
    const bare = () => this.#callWithin(this.#inner, underway, next);
    const call = underway.claims(next) ? () => underway.holdingLater(next, bare) : bare;
    if (hooks.waits.length) await dispatchWaiting(hooks.waits, underway.opAt(next), call, signal);
    else await call();
    turns.checkOpen();
    await underway.settleLater(next);
  }

  #callWithin(chain: SyncChain<M> | undefined, underway: Underway<M>, index: number): void {
    if (chain) chain.run(underway.opAt(index), index);
    else this.#live().call(index);
  }

  /** Let others have the thread once the run has had it for long enough. */
  #rest({ options }: Underway<M>): Promise<void> | undefined {
    const { host, turns } = this.#of;
    const { signal, yieldEvery = signal ? ANSWER_AFTER_MS : Infinity } = options;
    if (host.now() - this.#rested < yieldEvery) return undefined;
    // What would abort the run may be less urgent than the run.
    return (signal ? host.rest() : host.yield()).then(() => {
      turns.checkOpen();
      this.#rested = host.now();
    });
  }

  /** The run under way. */
  #live(): Underway<M> {
    this.#of.turns.checkOpen();
    if (this.#underway) return this.#underway;
    throw new StateError("no run is under way: read and write within hooks, or between steps");
  }
}

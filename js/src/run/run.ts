import type { DType } from "../data.js";
import { OptionError } from "../errors.js";
import type { Model, OpNameOf, OutputsOf } from "../model.js";
import type { DataOf, Tensor } from "../tensor.js";
import type { Trace } from "../trace/trace.js";
import type { Selection } from "./part.js";

/** Tensors for values of a run by name, or their typed arrays where the shape is static. */
export type Feeds = Readonly<Record<string, Tensor | DataOf<DType>>>;

interface CommonSync {
  /** Collects the time of each op. */
  readonly trace?: Trace | undefined;
  /**
   * Tensors to put in the place of values by name (see `read`): each right after the op that writes
   * it, or at once where the run leaves that op out.
   */
  readonly feed?: Feeds | undefined;
}

interface Common extends CommonSync {
  /** Checked between ops; a run that it stops rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Hand the thread back between ops whenever the run has had it for so many milliseconds, so that a
   * page stays responsive.
   */
  readonly yieldEvery?: number | undefined;
}

/** Which ops to run, in the order of the run: those before `from` and behind `to` are left out. */
interface Ends<M extends Model> {
  readonly from?: OpNameOf<M> | undefined;
  readonly to?: OpNameOf<M> | undefined;
}

interface NoEnds {
  readonly from?: undefined;
  readonly to?: undefined;
}

type AtLeastOne<T> = { [K in keyof T]-?: Required<Pick<T, K>> & T }[keyof T];

/** Of a run of all the model. */
export interface RunOptions extends Common, NoEnds {}
export interface RunSyncOptions extends CommonSync, NoEnds {}

/** Of a run of a part of the model. */
export type PartOptions<M extends Model> = Common & AtLeastOne<Ends<M>>;
export type PartSyncOptions<M extends Model> = CommonSync & AtLeastOne<Ends<M>>;

/** Any of them, as who carries them out sees them. */
export interface AnyRunOptions extends Omit<Common, "feed">, Selection {}

/** What `capture` gives: the outputs, and copies of the tensors asked for. */
export interface Capture<M extends Model, Name extends string, Outputs = OutputsOf<M>> {
  readonly outputs: Outputs;
  readonly captured: { readonly [N in Name]: Tensor };
}

/** Throw OptionError unless `yieldEvery` is a duration. */
export function checkYieldEvery(yieldEvery: number | undefined): void {
  if (yieldEvery !== undefined && !(yieldEvery >= 0)) {
    throw new OptionError(`yieldEvery is ${String(yieldEvery)}: give milliseconds, 0 or more`);
  }
}

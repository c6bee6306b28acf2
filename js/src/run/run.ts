import type { DType, ModelData } from "../data.js";
import type { Model, OpNameOf, OutputsOf } from "../model.js";
import {
  aSignal,
  aText,
  checkOptions,
  having,
  isRecord,
  mustBe,
  refused,
  type Rules,
} from "../rules.js";
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

/** What a run has where it is told nothing. */
export const NO_OPTIONS = {};

const OF_SYNC: Rules<AnyRunOptions> = {
  trace: having("a Trace", "add"),
  feed: mustBe("an object with tensors by name", isRecord),
  from: aText,
  to: aText,
  signal: refused("is for runs that may wait"),
  yieldEvery: refused("is for runs that may wait"),
};

const OF_RUN: Rules<AnyRunOptions> = {
  ...OF_SYNC,
  signal: aSignal,
  yieldEvery: mustBe("milliseconds, 0 or more", (value) => typeof value === "number" && value >= 0),
};

/** Throw OptionError with all that is wrong with the options of a run of `model`. */
export function checkRun(model: ModelData, options: AnyRunOptions): void {
  // Most runs have none, and this is done for each.
  if (options !== NO_OPTIONS) checkOptions(model.name, options, OF_RUN);
}

/** The same for a run that may not wait. */
export function checkRunSync(model: ModelData, options: AnyRunOptions): void {
  if (options !== NO_OPTIONS) checkOptions(model.name, options, OF_SYNC);
}

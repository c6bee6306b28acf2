import { OptionError, StateError } from "../errors.js";
import { aSignal, checkOptions, type Rules, wholeFrom } from "../rules.js";

/** What a stage may know of the pipeline that it is in. */
export interface StageOptions {
  /** Aborts when the pipeline ends before all is through; absent where the host has no such thing. */
  readonly signal: AbortSignal | undefined;
}

/** Does its part for one item after the other: a function, or what has a `run`, as executors have. */
export type Stage<In, Out> =
  | ((input: In, options: StageOptions) => Out | Promise<Out>)
  | { readonly run: (input: In, options: StageOptions) => Promise<Out> };

export interface PipelineOptions {
  /**
   * How many items may be on their way at once, from being asked of the source to being taken, beside
   * the one that is in use; by default as many as there are stages.
   */
  readonly depth?: number | undefined;
  /** Ends the pipeline: whoever waits for an item gets its reason. */
  readonly signal?: AbortSignal | undefined;
}

const RULES: Rules<PipelineOptions> = {
  depth: wholeFrom(1),
  signal: aSignal,
};

type Result = { readonly done?: boolean | undefined; readonly value: unknown };
type Source = Iterable<unknown> | AsyncIterable<unknown>;
type Work = (input: unknown, options: StageOptions) => unknown;

/**
 * Take the items of `source` through stages, each of which has one item at a time: while one stage
 * has an item, the stage before it has the next one. `for await` gives them in their order.
 *
 *     for await (const label of pipeline(frames).through(toInputs).through(executor).through(best))
 *
 * A stage overlaps with the others as far as it waits: for a GPU, a worker, a network. The source is
 * asked for no more than `depth` allows. Where a stage or the source fails, the items before come
 * out and then the error does. Then, and where the loop is left or the signal aborts, the stages'
 * signal aborts and what they were doing is waited for.
 *
 * Throws OptionError where an option is of no use.
 */
export function pipeline<T>(
  source: Iterable<T> | AsyncIterable<T>,
  options: PipelineOptions = {},
): Pipeline<T> {
  checkOptions("a pipeline", options, RULES);
  return new Pipeline<T>(source, [], options);
}

/** A source and the stages that its items go through; see `pipeline`. */
export class Pipeline<T> implements AsyncIterable<T> {
  readonly #source: Source;
  readonly #stages: readonly Work[];
  readonly #options: PipelineOptions;

  constructor(source: Source, stages: readonly Work[], options: PipelineOptions) {
    this.#source = source;
    this.#stages = stages;
    this.#options = options;
  }

  /** The same with one more stage at its end. Throws OptionError for what is no stage. */
  through<Out>(stage: Stage<T, Out>): Pipeline<Out> {
    const work = workOf(stage as Stage<unknown, unknown>);
    return new Pipeline<Out>(this.#source, [...this.#stages, work], this.#options);
  }

  [Symbol.asyncIterator](): AsyncGenerator<T, void, void> {
    const { depth = Math.max(1, this.#stages.length), signal } = this.#options;
    const flow = new Flow(this.#source, this.#stages);
    return flow.take(depth, signal) as AsyncGenerator<T, void, void>;
  }
}

/** One passage of a source's items through stages. */
class Flow {
  readonly #items: AsyncIterator<unknown> | Iterator<unknown>;
  readonly #stages: readonly Work[];
  readonly #control = globalThis.AbortController && new AbortController();
  /** For the source and then for each stage: what it does last. */
  readonly #lasts: Promise<Result>[];
  readonly #busy = new Set<Promise<unknown>>();
  #asked = false;
  #over = false;

  constructor(source: Source, stages: readonly Work[]) {
    this.#items =
      Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
    this.#stages = stages;
    const nothing = Promise.resolve<Result>({ done: false, value: undefined });
    this.#lasts = [nothing, ...stages.map(() => nothing)];
  }

  async *take(depth: number, signal: AbortSignal | undefined): AsyncGenerator<unknown, void, void> {
    let refuse: (reason: unknown) => void = () => {};
    const abort = () => {
      this.#end();
      refuse(signal?.reason);
    };
    signal?.addEventListener("abort", abort, { once: true });
    const flying: Promise<Result>[] = [];
    const fill = () => {
      while (flying.length < depth) flying.push(this.#send());
    };
    try {
      for (;;) {
        signal?.throwIfAborted();
        fill();
        const item = await new Promise<Result>((resolve, reject) => {
          refuse = reject;
          (flying.shift() as Promise<Result>).then(resolve, reject);
        });
        if (item.done) return;
        fill();
        yield item.value;
      }
    } finally {
      signal?.removeEventListener("abort", abort);
      this.#end();
      await this.#settle();
    }
  }

  /** Send one more item on its way; it follows the one before in each stage. */
  #send(): Promise<Result> {
    let item = this.#follow(0, undefined, () => this.#ask());
    for (const [index, work] of this.#stages.entries()) {
      item = this.#follow(index + 1, item, (input) => this.#work(work, input));
    }
    return item;
  }

  /** Let a stage do `work` when it is free and `item` is there; it ends or fails as they do. */
  #follow(
    index: number,
    item: Promise<Result> | undefined,
    work: (input: unknown) => Promise<Result>,
  ): Promise<Result> {
    const before = this.#lasts[index] as Promise<Result>;
    const last = Promise.all([item ?? before, before]).then(([found]) => {
      if (found.done) return found;
      if (this.#over) throw new StateError("the pipeline is over");
      return work(found.value);
    });
    // Nobody may wait for it, where an item before has failed.
    last.catch(() => {});
    this.#lasts[index] = last;
    return last;
  }

  async #ask(): Promise<Result> {
    this.#asked = true;
    const item = await this.#items.next();
    this.#asked = false;
    return item;
  }

  async #work(work: Work, input: unknown): Promise<Result> {
    const job = (async () => work(input, { signal: this.#control?.signal }))();
    this.#busy.add(job);
    try {
      return { done: false, value: await job };
    } finally {
      this.#busy.delete(job);
    }
  }

  /** Begin nothing more. */
  #end(): void {
    this.#over = true;
    this.#control?.abort();
  }

  /** Wait for what the stages have begun, and close the source. */
  async #settle(): Promise<void> {
    await Promise.allSettled(this.#busy);
    const closing = (async () => this.#items.return?.())();
    // A source that owes an item may owe it for ever, and a generator closes only after that.
    if (this.#asked) closing.catch(() => {});
    else await closing;
  }
}

function workOf(stage: Stage<unknown, unknown>): Work {
  if (typeof stage === "function") return stage;
  if (typeof (stage as Partial<typeof stage> | null)?.run === "function") {
    return (input, options) => stage.run(input, options);
  }
  throw new OptionError("a stage of a pipeline is neither a function nor an executor");
}

import { StateError } from "../errors.js";
import type { Model, Op } from "../model.js";

/** Runs the op that a hook was called for. To be called exactly once. */
export type Next = () => Promise<void>;
export type NextSync = () => void;

/** Methods, which TypeScript lets an executor of one model have where any model's is asked for. */
interface Around<M extends Model> {
  dispatch(op: Op<M>, next: Next): Promise<void>;
  dispatchSync(op: Op<M>, next: NextSync): void;
}

/** Acts around an op, and may wait. */
export type WaitHook<M extends Model> = Around<M>["dispatch"];
/** Acts around an op without waiting. */
export type SyncHook<M extends Model> = Around<M>["dispatchSync"];

/**
 * Calls hooks around ops, the first of which is the outermost. Each has to call next exactly once:
 * never leaves a wrong result, twice spoils one in place. A hook can't hide what fails within it.
 *
 * One chain serves op after op, and makes nothing anew for each.
 */
export class SyncChain<M extends Model> {
  readonly #hooks: readonly SyncHook<M>[];
  readonly #nexts: readonly NextSync[];
  readonly #call: (index: number) => void;
  #op: Op<M> | undefined;
  #index = 0;
  /** How many hooks are entered for the op, and how many of them have called next. */
  #entered = 0;
  #passed = 0;
  #failure: { readonly error: unknown } | undefined;

  /** `call` runs the step of an index. */
  constructor(hooks: readonly SyncHook<M>[], call: (index: number) => void) {
    this.#hooks = hooks;
    this.#call = call;
    this.#nexts = hooks.map((_, level) => () => this.#next(level));
  }

  /** Call the hooks around `op`, which is the step number `index`. */
  run(op: Op<M>, index: number): void {
    this.#op = op;
    this.#index = index;
    try {
      this.#enter(0, op);
    } finally {
      this.#op = undefined;
      this.#failure = undefined;
      this.#entered = 0;
      this.#passed = 0;
    }
  }

  #enter(level: number, op: Op<M>): void {
    const hook = this.#hooks[level];
    if (!hook) {
      this.#call(this.#index);
      return;
    }
    this.#entered = level + 1;
    hook(op, this.#nexts[level] as NextSync);
    if (this.#passed <= level) throw never(op);
    if (this.#failure) throw this.#failure.error;
  }

  #next(level: number): void {
    const op = this.#op;
    if (!op || level >= this.#entered) throw late();
    if (level < this.#passed) throw twice(op);
    this.#passed = level + 1;
    try {
      this.#enter(level + 1, op);
    } catch (error) {
      this.#failure ??= { error };
      throw error;
    }
  }
}

/**
 * The same around one op with hooks that may wait, of which there is one at least, and `call` in the
 * innermost: what is within a hook has ended when it does. An abort ends it at once, and a hook that
 * comes back later may not call next any more.
 *
 * To wait for a promise, even one that is settled, costs more than all else here; in PythonMonkey it
 * is a turn of Python's event loop. So it waits for a hook, and within only for what is not done.
 */
export function dispatchWaiting<M extends Model>(
  hooks: readonly WaitHook<M>[],
  op: Op<M>,
  call: () => Promise<void> | void,
  signal: AbortSignal | undefined,
): Promise<void> {
  const done = Promise.resolve();
  let over = false;
  const enter = async (level: number): Promise<void> => {
    const hook = hooks[level] as WaitHook<M>;
    let inner: Promise<void> | undefined;
    const next = (): Promise<void> => {
      if (over) return Promise.reject(late());
      if (inner) return Promise.reject(twice(op));
      inner = level + 1 < hooks.length ? enter(level + 1) : attempt(call, done);
      // It is waited for below, unless the hook fails before.
      if (inner !== done) inner.catch(() => {});
      return inner;
    };
    try {
      await hook(op, next);
      if (!inner) throw never(op);
      if (inner !== done) await inner;
    } finally {
      if (level === 0) over = true;
    }
  };
  const job = enter(0);
  return signal ? unlessAborted(job, signal, () => (over = true)) : job;
}

/** Give the promise of `call`, `done` where it has none, or one that rejects with what it throws. */
function attempt(call: () => Promise<void> | void, done: Promise<void>): Promise<void> {
  try {
    return call() ?? done;
  } catch (error) {
    return Promise.reject(error);
  }
}

function unlessAborted(
  job: Promise<void>,
  signal: AbortSignal,
  onAbort: () => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      onAbort();
      reject(signal.reason);
    };
    signal.addEventListener("abort", abort, { once: true });
    void job.then(resolve, reject).then(() => signal.removeEventListener("abort", abort));
  });
}

function twice({ name }: { readonly name: string }): StateError {
  return new StateError(`the hook called next twice for the op ${name}`);
}

function never({ name }: { readonly name: string }): StateError {
  return new StateError(`the hook did not call next for the op ${name}`);
}

function late(): StateError {
  return new StateError("a hook called next after its op was over");
}

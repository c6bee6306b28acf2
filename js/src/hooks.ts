import { StateError } from "./errors.js";
import type { Model, Op } from "./model.js";

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
 * Call `hooks` around `op`, the first of which is the outermost, and `call` in the innermost. Each
 * has to call next exactly once: never leaves a wrong result, twice spoils one in place. A hook can't
 * hide what fails within it.
 */
export function dispatchSync<M extends Model>(
  hooks: readonly SyncHook<M>[],
  op: Op<M>,
  call: () => void,
): void {
  let over = false;
  const enter = (level: number): void => {
    const hook = hooks[level];
    if (!hook) {
      call();
      return;
    }
    let called = false;
    const failures: { readonly error: unknown }[] = [];
    hook(op, () => {
      if (over) throw late(op);
      if (called) throw twice(op);
      called = true;
      try {
        enter(level + 1);
      } catch (error) {
        failures.push({ error });
        throw error;
      }
    });
    if (!called) throw never(op);
    for (const { error } of failures) throw error;
  };
  try {
    enter(0);
  } finally {
    over = true;
  }
}

/**
 * The same with hooks that may wait: what is within a hook has ended when it does. An abort ends it
 * at once, and a hook that comes back later may not call next any more.
 */
export async function dispatchWaiting<M extends Model>(
  hooks: readonly WaitHook<M>[],
  op: Op<M>,
  call: () => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  let over = false;
  const enter = async (level: number): Promise<void> => {
    const hook = hooks[level];
    if (!hook) return call();
    let inner: Promise<void> | undefined;
    await hook(op, async () => {
      if (over) throw late(op);
      if (inner) throw twice(op);
      inner = enter(level + 1);
      return inner;
    });
    if (!inner) throw never(op);
    return inner;
  };
  try {
    await unlessAborted(enter(0), signal);
  } finally {
    over = true;
  }
}

function unlessAborted(job: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (!signal) return job;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
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

function late({ name }: { readonly name: string }): StateError {
  return new StateError(`a hook called next for the op ${name} after it was over`);
}

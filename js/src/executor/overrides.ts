import type { Model, Op } from "../model.js";
import type { Placement } from "../schedule/placement.js";
import type { Next, NextSync } from "./hooks.js";
import type { Policy, Run } from "./policy.js";

/** What a subclass of Executor may override. Each of them leaves all as it is. */
export abstract class Overrides<M extends Model> {
  /**
   * Choose where `op` runs; undefined leaves that to the policies. Called once for each op of a run,
   * when the executor is created.
   */
  place(_op: Op<M>): Placement | undefined {
    return undefined;
  }

  /**
   * Choose the next op among those that may be: all that they depend on is done, and so is all that
   * used the bytes they write. So any order is right, on any device. Undefined leaves the choice to
   * the policies, and at last to the model.
   *
   * Called for one op after the other when the first run with its dims begins, which throws
   * StateError where it chooses another op. The runs that follow keep the order.
   */
  order(_ready: readonly Op<M>[]): Op | undefined {
    return undefined;
  }

  /** Act around each op of a run that may wait; call `next` exactly once. */
  async dispatch(_op: Op<M>, next: Next): Promise<void> {
    await next();
  }

  /**
   * The same without waiting, for `runSync` and `captureSync`, and for the other runs too unless
   * `dispatch` is overridden as well.
   */
  dispatchSync(_op: Op<M>, next: NextSync): void {
    next();
  }

  /** Hear that a run begins: its inputs are there. What it throws ends the run. */
  onStart(_run: Run): void {}

  /**
   * Hear that a run has ended, well or not: what is left of its tensors can still be read. What it
   * throws ends a run that was well.
   */
  onFinish(_run: Run): void {}
}

/** What the class of `executor` overrides, as a policy. */
export function policyOf<M extends Model>(executor: Overrides<M>): Policy<M> {
  const overrides = (hook: "order" | "dispatch" | "dispatchSync") =>
    executor[hook] !== Overrides.prototype[hook];
  return {
    place: (op) => executor.place(op),
    onStart: (run) => executor.onStart(run),
    onFinish: (run) => executor.onFinish(run),
    ...(overrides("order") && { order: (ready) => executor.order(ready) }),
    ...(overrides("dispatch") && { dispatch: (op, next) => executor.dispatch(op, next) }),
    ...(overrides("dispatchSync") && {
      dispatchSync: (op, next) => executor.dispatchSync(op, next),
    }),
  };
}

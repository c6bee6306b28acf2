import type { Binding } from "../dims.js";
import type { Model, Op } from "../model.js";
import type { Chooser } from "../run/order.js";
import { aFunction, isRecord, nearest, type Rule, show, unknown } from "../rules.js";
import type { Placement } from "../schedule/placement.js";
import type { Next, NextSync, SyncHook, WaitHook } from "./hooks.js";

/** A run, as hooks see it. */
export interface Run {
  /** Counts the runs of an executor, from 0. */
  readonly id: number;
  /** The value of each dim of the model that may vary. */
  readonly binding: Binding;
  readonly signal: AbortSignal | undefined;
}

/**
 * What an executor may be told about its ops and runs. Policies compose: their hooks nest in the
 * order in which they are given, within those of the executor's own class.
 */
export interface Policy<M extends Model = Model> {
  /** Choose where `op` runs; undefined leaves that to the next policy. */
  place?(op: Op<M>): Placement | undefined;
  /** Act around each op of a run that may wait; call `next` exactly once. */
  dispatch?(op: Op<M>, next: Next): Promise<void>;
  /**
   * The same without waiting. A run that may wait calls it only for a policy without `dispatch`, and
   * within every `dispatch`: what does not wait can't surround what does.
   */
  dispatchSync?(op: Op<M>, next: NextSync): void;
  /**
   * Choose the next op among those that may be: all that they depend on is done, and so is all that
   * used the bytes they write. Undefined leaves that to the next policy, and at last to the model.
   * Called once for each op, when the first run with these dims begins; later ones keep the order.
   */
  order?(ready: readonly Op<M>[]): Op | undefined;
  /** Hear that a run begins. What it throws ends the run. */
  onStart?(run: Run): void;
  /** Hear that a run has ended, well or not. What it throws ends a run that was well. */
  onFinish?(run: Run): void;
}

/** The hooks of several policies, by what they are for; the outermost is first. */
export interface Hooks<M extends Model> {
  /** Each op goes through the hooks of `waits`, then of `sync`, in a run that may wait. */
  readonly waits: readonly WaitHook<M>[];
  readonly sync: readonly SyncHook<M>[];
  /** The hooks of a run that may not wait; undefined where one of them has no such form. */
  readonly always: readonly SyncHook<M>[] | undefined;
  /** Undefined where no policy has one. */
  readonly order: Chooser<M> | undefined;
  place(op: Op<M>): Placement | undefined;
  /** Tell all that a run begins. Where one throws, those before it hear that the run has ended. */
  start(run: Run): void;
  /** Tell all that a run has ended, then throw the first error of theirs. */
  finish(run: Run): void;
}

/** All that a policy may have. */
export const HOOKS: readonly (keyof Policy)[] = [
  "place",
  "dispatch",
  "dispatchSync",
  "order",
  "onStart",
  "onFinish",
];

/** The rule for a policy. It may have fields of its own, but none that is a hook but for a slip. */
export const policyRule: Rule = (policy, name) => {
  if (!isRecord(policy)) return [`"${name}" is ${show(policy)}; it may be an object with hooks`];
  const slips = Object.keys(policy).filter((key) => {
    return !isHook(key) && typeof policy[key] === "function" && nearest(key, HOOKS) !== undefined;
  });
  return [
    ...slips.map((key) => unknown("hook", key, HOOKS, `${name}.`)),
    ...HOOKS.flatMap((hook) => {
      return policy[hook] === undefined ? [] : aFunction(policy[hook], `${name}.${hook}`);
    }),
  ];
};

function isHook(name: string): boolean {
  return (HOOKS as readonly string[]).includes(name);
}

/** Sort the hooks of `policies`, the outermost of which is first. */
export function compose<M extends Model>(policies: readonly Policy<M>[]): Hooks<M> {
  const waits: WaitHook<M>[] = [];
  const sync: SyncHook<M>[] = [];
  const always: SyncHook<M>[] = [];
  let waitsOnly = false;
  for (const policy of policies) {
    const wait = policy.dispatch?.bind(policy);
    const hook = policy.dispatchSync?.bind(policy);
    if (wait) waits.push(wait);
    if (hook) always.push(hook);
    if (hook && !wait) sync.push(hook);
    if (wait && !hook) waitsOnly = true;
  }
  return {
    waits,
    sync,
    always: waitsOnly ? undefined : always,
    order: policies.some((policy) => policy.order)
      ? (ready) => first(policies, (policy) => policy.order?.(ready)) ?? (ready[0] as Op)
      : undefined,
    place: (op) => first(policies, (policy) => policy.place?.(op)),
    start(run) {
      for (let at = 0; at < policies.length; at++) {
        try {
          policies[at]?.onStart?.(run);
        } catch (error) {
          finish(policies.slice(0, at), run);
          throw error;
        }
      }
    },
    finish(run) {
      const [failure] = finish(policies, run);
      if (failure) throw failure.error;
    },
  };
}

/** The answer of the first of `policies` that has one. */
function first<M extends Model, T>(
  policies: readonly Policy<M>[],
  ask: (policy: Policy<M>) => T | undefined,
): T | undefined {
  for (const policy of policies) {
    const answer = ask(policy);
    if (answer !== undefined) return answer;
  }
  return undefined;
}

/** Tell `policies`, the innermost first, that `run` has ended. Gives what they throw. */
function finish<M extends Model>(policies: readonly Policy<M>[], run: Run): { error: unknown }[] {
  const failures: { error: unknown }[] = [];
  for (let at = policies.length - 1; at >= 0; at--) {
    try {
      policies[at]?.onFinish?.(run);
    } catch (error) {
      failures.push({ error });
    }
  }
  return failures;
}

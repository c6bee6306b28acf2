import { ExecutorError } from "../errors.js";
import type { Model } from "../model.js";
import { isRecord } from "../rules.js";
import { type Created, Executor } from "./executor.js";
import type { CommonOptions, CreateOptions, CreateSyncOptions } from "./options.js";
import { HOOKS, type Policy } from "./policy.js";

/** What a module that customises execution exports by default: a class of executors, or policies. */
export type Custom = (new (parts: never) => object) | Policy | readonly Policy[];

/** The executor that `createCustom` makes. */
export type CustomExecutor<C, M extends Model> = C extends new (parts: never) => infer E
  ? Created<E, M>
  : Executor<M>;

/**
 * Make an executor of the class `custom`, or one with the policies `custom`, within which those of
 * the options are. Throws ExecutorError where it is neither, and what `Executor.create` throws.
 */
export async function createCustom<const C extends Custom, M extends Model>(
  custom: C,
  model: M,
  options: CreateOptions = {},
): Promise<CustomExecutor<C, M>> {
  const { Class, policies } = read(custom);
  return (await Class.create(model, within(policies, options))) as CustomExecutor<C, M>;
}

/** The same at once, from files that the caller has read and checked. */
export function createCustomSync<const C extends Custom, M extends Model>(
  custom: C,
  model: M,
  options: CreateSyncOptions,
): CustomExecutor<C, M> {
  const { Class, policies } = read(custom);
  return Class.createSync(model, within(policies, options)) as CustomExecutor<C, M>;
}

function read(custom: unknown): { Class: typeof Executor; policies: readonly Policy[] } {
  if (typeof custom === "function") {
    if (custom.prototype instanceof Executor) {
      return { Class: custom as typeof Executor, policies: [] };
    }
    throw new ExecutorError(
      `the default export, ${custom.name || "a function"}, does not extend Executor, or extends ` +
        'that of another copy of the runtime: import Executor from "pyjsml"',
    );
  }
  const policies: readonly unknown[] = Array.isArray(custom) ? custom : [custom];
  if (policies.length && policies.every(isPolicy)) return { Class: Executor, policies };
  throw new ExecutorError(
    `the default export is neither a class that extends Executor nor policies, objects with some of: ` +
      HOOKS.join(", "),
  );
}

/** The options, with their policies within `outer`. What can't be so, `create` refuses. */
function within<O extends CommonOptions>(outer: readonly Policy[], options: O): O {
  if (!outer.length || !isRecord(options)) return options;
  const { policies = [] } = options as CommonOptions;
  return Array.isArray(policies) ? { ...options, policies: [...outer, ...policies] } : options;
}

function isPolicy(given: unknown): given is Policy {
  if (typeof given !== "object" || given === null) return false;
  return HOOKS.some((hook) => typeof (given as Record<string, unknown>)[hook] === "function");
}

import type { OpData } from "../data.js";
import { KernelError, PyjsmlError } from "../errors.js";

/** Say of what an op threw which op it was, and what the user wrote that it comes from. */
export function failureOf(op: OpData, cause: unknown): PyjsmlError {
  if (cause instanceof PyjsmlError) return cause;
  return new KernelError(`the op ${describeOp(op)} failed: ${cause}`, [], { cause });
}

/** Name an op and what the user wrote that it comes from. */
export function describeOp({ name, origins }: OpData): string {
  const { node = "", module, source = "" } = origins[origins.length - 1] ?? {};
  const origin = [module || node, source].filter(Boolean).join(" ");
  return origin ? `${name} (${origin})` : name;
}

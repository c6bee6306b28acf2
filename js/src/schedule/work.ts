import type { Expr, ModelData, OpData, ValueData } from "../data.js";
import { isView } from "../devices/device.js";
import { add, type Binding, evaluate, multiply } from "../dims.js";
import { isBlock } from "../executor/block.js";
import { itemSize } from "../tensor.js";
import type { Work } from "../trace/trace.js";

/** What a common core does with SIMD, where most of the memory it needs is in its caches. */
const FLOPS_PER_NS = 50;
const BYTES_PER_NS = 40;

/** The bytes of the tensors that an op reads and writes, over the model's dims. */
export function bytesOf(model: ModelData, op: OpData): Expr {
  if (isView(op)) return 0;
  if (isBlock(op)) return sum(op.parts.map((part) => bytesOf(model, model.ops[part] as OpData)));
  const values = [...op.inputs, ...op.outputs].map((index) => model.values[index] as ValueData);
  return sum(values.map(({ dtype, shape }) => shape.reduce(multiply, itemSize(dtype))));
}

/** What a call of an op has to do. */
export function workOf(model: ModelData, op: OpData, binding: Binding): Work {
  const flops = isView(op) ? 0 : (op.flops ?? 0);
  return { flops: evaluate(flops, binding), bytes: evaluate(bytesOf(model, op), binding) };
}

/**
 * About how many nanoseconds an op takes on one thread: as long as its arithmetic, or as its memory
 * traffic, whichever is more.
 */
export function costOf({ flops, bytes }: Work): number {
  return Math.max(flops / FLOPS_PER_NS, bytes / BYTES_PER_NS);
}

function sum(exprs: readonly Expr[]): Expr {
  return exprs.reduce(add, 0);
}

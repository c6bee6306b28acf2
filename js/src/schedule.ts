import type { DType, ModelData, OpData, StepData, ValueData } from "./data.js";
import type { Call, Device } from "./device.js";
import { evaluate, evaluateAll } from "./dims.js";
import { BundleError, InputError, KernelError, PyjsmlError } from "./errors.js";
import type { Plan } from "./plan.js";
import { itemSize, type Shape, sizeOf, type Tensor } from "./tensor.js";
import type { Work } from "./trace.js";

/** What a common core does with SIMD, where most of the memory it needs is in its caches. */
const FLOPS_PER_NS = 50;
const BYTES_PER_NS = 40;

/** One entry of a schedule, with all of its arguments. `target` indexes `ModelData.values` or `.ops`. */
export interface Step {
  readonly kind: StepData[0];
  readonly target: number;
  /** Calls the op's kernel; absent for a `read` and for an op that only gives bytes another shape. */
  readonly call: Call | undefined;
  /** About how many nanoseconds the call takes on one thread. */
  readonly cost: number;
  readonly work: Work;
}

const NO_WORK: Work = { flops: 0, bytes: 0 };

/** Give each step of a schedule its addresses and dims. */
export function bindSteps(
  model: ModelData,
  steps: readonly StepData[],
  plan: Plan,
  device: Device,
): Step[] {
  return steps.map(([kind, target]) => {
    const op = kind === "call" ? (model.ops[target] as OpData) : undefined;
    if (op?.kernel === undefined) {
      return { kind, target, call: undefined, cost: 0, work: NO_WORK };
    }
    const work = workOf(op, model, plan);
    const cost = costOf(work);
    return { kind, target, call: bindOp(op, op.kernel, plan, device, cost), cost, work };
  });
}

function bindOp(op: OpData, kernel: string, plan: Plan, device: Device, cost: number): Call {
  const addresses = [...op.inputs, ...op.outputs].map((value) => {
    const address = plan.addresses[value];
    if (address === undefined) throw new BundleError(`an operand of ${op.name} has no address`);
    return address;
  });
  const dims = evaluateAll(op.dims ?? [], plan.binding);
  const extent = evaluate(op.extent ?? 1, plan.binding);
  const call = device.bind(kernel, [...addresses, ...dims], extent, cost);
  return () => {
    try {
      call();
    } catch (cause) {
      if (cause instanceof PyjsmlError) throw cause;
      throw new KernelError(`the op ${describeOp(op)} failed: ${cause}`, [], { cause });
    }
  };
}

function workOf(op: OpData, model: ModelData, plan: Plan): Work {
  const bytes = [...op.inputs, ...op.outputs].reduce((sum, index) => {
    const { dtype } = model.values[index] as ValueData;
    return sum + sizeOf(plan.shapes[index] ?? []) * itemSize(dtype);
  }, 0);
  return { flops: evaluate(op.flops ?? 0, plan.binding), bytes };
}

/**
 * About how many nanoseconds an op takes on one thread: as long as its arithmetic, or as its memory
 * traffic, whichever is more.
 */
function costOf({ flops, bytes }: Work): number {
  return Math.max(flops / FLOPS_PER_NS, bytes / BYTES_PER_NS);
}

/** Name an op and what the user wrote that it comes from. */
function describeOp({ name, origins }: OpData): string {
  const { node = "", module, source = "" } = origins[origins.length - 1] ?? {};
  const origin = [module || node, source].filter(Boolean).join(" ");
  return origin ? `${name} (${origin})` : name;
}

/** Copy a value out of the device's memory. */
export function readValue(model: ModelData, index: number, plan: Plan, device: Device): Tensor {
  const shape = plan.shapes[index] as Shape;
  const { dtype } = model.values[index] as ValueData;
  const data = device.read(dtype, plan.addresses[index] as number, sizeOf(shape));
  return { dtype, shape, data };
}

/** Where an output lies. */
export interface OutputSite {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
  readonly address: number;
  readonly length: number;
}

/** Find the model's outputs in the device's memory. */
export function bindOutputs(model: ModelData, plan: Plan): OutputSite[] {
  return model.outputs.map((port) => {
    const shape = evaluateAll(port.shape, plan.binding);
    const { dtype } = model.values[port.value] as ValueData;
    const address = plan.addresses[port.value] as number;
    return { name: port.name, dtype, shape, address, length: sizeOf(shape) };
  });
}

/** Copy the outputs out of the device's memory. */
export function readOutputs(sites: readonly OutputSite[], device: Device): Record<string, Tensor> {
  return Object.fromEntries(
    sites.map(({ name, dtype, shape, address, length }) => {
      return [name, { dtype, shape: [...shape], data: device.read(dtype, address, length) }];
    }),
  );
}

/** The values to copy out before the first step (at -1) and after each step, by the step's index. */
export type Captures = ReadonlyMap<number, readonly number[]>;

/**
 * Find when each of the values called `names` may be copied out: right after the step that writes
 * it, since a later step may reuse its bytes. Throws InputError that lists all unknown names.
 */
export function findCaptures(model: ModelData, names: readonly string[]): Captures {
  if (!names.length) return new Map();
  const indices = new Map(model.values.map(({ name }, index) => [name, index]));
  const writers = new Map<number, number>();
  for (const [step, [kind, target]] of model.main.entries()) {
    if (kind !== "call") continue;
    for (const output of (model.ops[target] as OpData).outputs) writers.set(output, step);
  }
  const captures = new Map<number, number[]>();
  const problems: string[] = [];
  for (const name of new Set(names)) {
    const index = indices.get(name);
    if (index === undefined) {
      problems.push(`${name}: the model has no such value`);
      continue;
    }
    if (model.values[index]?.region === "load") {
      problems.push(`${name}: exists only while the executor is created`);
      continue;
    }
    const step = writers.get(index) ?? -1;
    captures.set(step, [...(captures.get(step) ?? []), index]);
  }
  if (problems.length) throw new InputError(`${model.name}: can't capture these values`, problems);
  return captures;
}

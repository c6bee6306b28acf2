import type { DType, ModelData, OpData, StepData, ValueData } from "./data.js";
import { type Call, type Device, isView, type Room } from "./device.js";
import { evaluate, evaluateAll } from "./dims.js";
import { KernelError, PyjsmlError } from "./errors.js";
import type { Plan } from "./plan.js";
import { type DataOf, itemSize, type Shape, sizeOf, type Tensor } from "./tensor.js";
import type { Work } from "./trace.js";
import type { Values } from "./values.js";

/** What a common core does with SIMD, where most of the memory it needs is in its caches. */
const FLOPS_PER_NS = 50;
const BYTES_PER_NS = 40;

/** One entry of a schedule, with all of its arguments. `target` indexes `ModelData.values` or `.ops`. */
export interface Step {
  readonly kind: StepData[0] | "copy";
  readonly target: number;
  /** Where it runs. */
  readonly device: Device;
  /** Does the step; absent where nothing has to be done. Brings what the op needs from elsewhere. */
  readonly call: Call | undefined;
  /** Brings that without blocking, ahead of the call; gives undefined where it need not wait. */
  readonly fetch?: () => Promise<void> | undefined;
  /** About how many nanoseconds the call takes on one thread. */
  readonly cost: number;
  readonly work: Work;
}

const NO_WORK: Work = { flops: 0, bytes: 0 };

/** What the steps of a frame have in common. */
export interface Site {
  readonly model: ModelData;
  readonly plan: Plan;
  readonly devices: readonly Device[];
  /** A room on each of the devices. */
  readonly rooms: readonly Room[];
  readonly values: Values;
}

/** Bind a step to the device number `home`. */
export function bindStep(site: Site, [kind, target]: StepData, home: number): Step {
  const { model, plan, devices, rooms, values } = site;
  const device = devices[home] as Device;
  if (kind === "read") return { kind, target, device, call: undefined, cost: 0, work: NO_WORK };
  const op = model.ops[target] as OpData;
  const work = isView(op) ? NO_WORK : workOf(op, model, plan);
  const cost = costOf(work);
  const call = bindOp(op, plan, rooms[home] as Room, cost);
  if (devices.length === 1) return { kind, target, device, call, cost, work };
  return {
    kind,
    target,
    device,
    call: () => {
      values.bring(op.inputs, home);
      call?.();
      values.wrote(op.outputs, home);
    },
    fetch: () => values.bringLater(op.inputs, home),
    cost,
    work,
  };
}

/**
 * Make one step of those of a block, which are on one device and read the values `inputs` from
 * outside. It calls the op number `target` and loops over their calls.
 */
export function joinSteps(
  { devices, values }: Site,
  target: number,
  inputs: readonly number[],
  steps: readonly Step[],
): Step {
  const { device } = steps[0] as Step;
  const home = devices.indexOf(device);
  const calls = steps.flatMap(({ call }) => (call ? [call] : []));
  const sum = (of: (step: Step) => number) => steps.reduce((all, step) => all + of(step), 0);
  return {
    kind: "call",
    target,
    device,
    call: () => {
      for (const call of calls) call();
    },
    ...(devices.length > 1 && { fetch: () => values.bringLater(inputs, home) }),
    cost: sum(({ cost }) => cost),
    work: { flops: sum(({ work }) => work.flops), bytes: sum(({ work }) => work.bytes) },
  };
}

/** A step that copies the value `target` to the device number `home`. */
export function copyStep({ devices, values }: Site, target: number, home: number): Step {
  const call = () => values.bring([target], home);
  return { kind: "copy", target, device: devices[home] as Device, call, cost: 0, work: NO_WORK };
}

function bindOp(op: OpData, plan: Plan, room: Room, cost: number): Call | undefined {
  const dims = evaluateAll(op.dims ?? [], plan.binding);
  const extent = evaluate(op.extent ?? 1, plan.binding);
  const call = room.bind({ op, dims, extent, cost });
  return (
    call &&
    (() => {
      try {
        call();
      } catch (cause) {
        if (cause instanceof PyjsmlError) throw cause;
        throw new KernelError(`the op ${describeOp(op)} failed: ${cause}`, [], { cause });
      }
    })
  );
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
export function describeOp({ name, origins }: OpData): string {
  const { node = "", module, source = "" } = origins[origins.length - 1] ?? {};
  const origin = [module || node, source].filter(Boolean).join(" ");
  return origin ? `${name} (${origin})` : name;
}

/** Make a tensor of a value's bytes. */
export function asTensor({ dtypes, shapes }: Plan, value: number, data: DataOf<DType>): Tensor {
  return { dtype: dtypes[value] as DType, shape: [...(shapes[value] as Shape)], data };
}

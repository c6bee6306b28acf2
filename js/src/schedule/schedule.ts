import type { DType, ModelData, OpData, StepData } from "../data.js";
import type { BoundOp, Call, Device, Room } from "../devices/device.js";
import { failureOf } from "../devices/failure.js";
import { evaluate, evaluateAll } from "../dims.js";
import type { DataOf, Shape, Tensor } from "../tensor.js";
import type { Work } from "../trace/trace.js";
import type { Claim, Placed } from "./placement.js";
import type { Plan } from "./plan.js";
import type { Values } from "./values.js";
import { costOf, workOf } from "./work.js";

/** One entry of a schedule, with all of its arguments. `target` indexes `ModelData.values` or `.ops`. */
export interface Step {
  readonly kind: StepData[0] | "copy";
  readonly target: number;
  /** Where it runs. */
  readonly device: Device;
  /** Does the step; absent where nothing has to be done. Brings what the op needs from elsewhere. */
  readonly call: Call | undefined;
  /** Brings that without blocking, ahead of the call; gives undefined where it need not wait. */
  readonly fetch: (() => Promise<void> | undefined) | undefined;
  /** As of a call. */
  readonly end: (() => void) | undefined;
  readonly endLater: (() => Promise<void>) | undefined;
  /** What has to be held during the call. */
  readonly claim: Claim | undefined;
  /** About how many nanoseconds the call takes on one thread. */
  readonly cost: number;
  /** How many threads share the call; none where nothing is called. */
  readonly sharers: number;
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

/** Bind a step to the device number `home`, on the terms of `placed`. */
export function bindStep(
  site: Site,
  [kind, target]: StepData,
  home: number,
  placed?: Placed,
): Step {
  const { model, plan, devices, rooms, values } = site;
  const device = devices[home] as Device;
  if (kind === "read") return makeStep({ kind, target, device });
  const op = model.ops[target] as OpData;
  const work = workOf(model, op, plan.binding);
  const cost = costOf(work);
  const { threads, thread, claim } = placed ?? {};
  const dims = evaluateAll(op.dims ?? [], plan.binding);
  const extent = evaluate(op.extent ?? 1, plan.binding);
  const rounds = evaluate(op.rounds ?? 1, plan.binding);
  const bound: BoundOp = { op, dims, extent, rounds, cost, threads, thread };
  const sharers = device.share?.(bound).threads ?? 1;
  const call = bindOp(rooms[home] as Room, bound);
  const { ready, end, endLater } = call ?? {};
  const common = { kind, target, device, end, endLater, claim, cost, sharers, work };
  if (devices.length === 1) return makeStep({ ...common, call, fetch: ready });
  const bring = () => values.bringLater(op.inputs, home);
  return makeStep({
    ...common,
    call: () => {
      values.bring(op.inputs, home);
      call?.();
      values.wrote(op.outputs, home);
    },
    fetch: ready ? () => bring()?.then(ready) ?? ready() : bring,
  });
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
  const { device, claim } = steps[0] as Step;
  const home = devices.indexOf(device);
  const calls = steps.flatMap(({ call }) => (call ? [call] : []));
  const sum = (of: (step: Step) => number) => steps.reduce((all, step) => all + of(step), 0);
  return makeStep({
    kind: "call",
    target,
    device,
    call: () => {
      for (const call of calls) call();
    },
    fetch: devices.length > 1 ? () => values.bringLater(inputs, home) : undefined,
    end: () => {
      for (const { end } of steps) end?.();
    },
    endLater: async () => {
      for (const { endLater } of steps) await endLater?.();
    },
    claim,
    cost: sum(({ cost }) => cost),
    sharers: steps.reduce((most, { sharers }) => Math.max(most, sharers), 0),
    work: { flops: sum(({ work }) => work.flops), bytes: sum(({ work }) => work.bytes) },
  });
}

/** A step that copies the value `target` to the device number `home`. */
export function copyStep({ devices, values }: Site, target: number, home: number): Step {
  const call = () => values.bring([target], home);
  return makeStep({ kind: "copy", target, device: devices[home] as Device, call });
}

/**
 * A step with all its fields, always in one order: engines reach the fields of objects that are made
 * alike ten times as fast, which is most of what an op with a hook costs.
 */
function makeStep(parts: Pick<Step, "kind" | "target" | "device"> & Partial<Step>): Step {
  const { kind, target, device, call, fetch, end, endLater, claim } = parts;
  const { cost = 0, sharers = 1, work = NO_WORK } = parts;
  return { kind, target, device, call, fetch, end, endLater, claim, cost, sharers, work };
}

/** Bind an op; what its call throws says which op it was. */
function bindOp(room: Room, bound: BoundOp): Call | undefined {
  const call = room.bind(bound);
  if (!call) return undefined;
  return Object.assign(
    () => {
      try {
        call();
      } catch (cause) {
        throw failureOf(bound.op, cause);
      }
    },
    { ...call },
  );
}

/** Make a tensor of a value's bytes. */
export function asTensor({ dtypes, shapes }: Plan, value: number, data: DataOf<DType>): Tensor {
  return { dtype: dtypes[value] as DType, shape: [...(shapes[value] as Shape)], data };
}

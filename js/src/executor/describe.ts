import type { DimData, ModelData, OpData, OriginData, PortData } from "../data.js";
import type { Device, DeviceName } from "../devices/device.js";
import { type Binding, evaluate } from "../dims.js";
import type { Placed } from "../schedule/placement.js";
import { costOf, workOf } from "../schedule/work.js";
import { isBlock } from "./block.js";
import type { Isa } from "./options.js";

/** Where and how an op of a run runs, as plain data. */
export interface OpDescription {
  readonly name: string;
  readonly kind: string;
  readonly device: DeviceName;
  /** How many threads run it; none where nothing is called. */
  readonly threads: number;
  /** Why it runs there, and on so many threads. */
  readonly why: string;
  /** The name of what it needs for itself. */
  readonly accelerator?: string;
  /** What a call has to do: floating-point operations, and bytes of the tensors it reads and writes. */
  readonly flops: number;
  readonly bytes: number;
  readonly origins: readonly OriginData[];
}

/** What an executor is and does, as plain data. */
export interface Description {
  readonly model: string;
  readonly isa: Isa;
  /** How many threads share the work. */
  readonly threads: number;
  readonly inputs: readonly PortData[];
  readonly outputs: readonly PortData[];
  readonly dims: readonly DimData[];
  /** The ops of a run, in order, for the dims of the latest run; for the smallest before the first. */
  readonly ops: readonly OpDescription[];
  /** The devices, the preferred first, with the bytes that each has taken so far. */
  readonly devices: readonly {
    readonly name: DeviceName;
    readonly memory: number;
    /** What float32 values are rounded to there, if to less: results are then less exact. */
    readonly precision?: "float16";
    /** How far results may be from float32's because of that, of the largest element of an output. */
    readonly tolerance?: number;
  }[];
  /** In bytes: of all the memory taken so far, and of the packed weights in it. */
  readonly memory: { readonly total: number; readonly weights: number };
}

/** Describe an op of a run, which may be a block. */
export function describeOp(
  model: ModelData,
  target: number,
  devices: readonly Device[],
  places: ReadonlyMap<number, Placed>,
  binding: Binding,
): OpDescription {
  const op = model.ops[target] as OpData;
  const { name, kind, origins } = op;
  const work = workOf(model, op, binding);
  if (isBlock(op)) {
    const parts = op.parts.map((part) => describeOp(model, part, devices, places, binding));
    const { device, accelerator } = parts[0] as OpDescription;
    const threads = parts.reduce((most, part) => Math.max(most, part.threads), 0);
    const why = `a block of ${parts.length} ops`;
    return {
      name,
      kind,
      device,
      threads,
      why,
      ...(accelerator && { accelerator }),
      ...work,
      origins,
    };
  }
  const { home, device, threads, thread, claim, why } = places.get(target) as Placed;
  const extent = evaluate(op.extent ?? 1, binding);
  const bound = { op, dims: [], extent, cost: costOf(work), threads, thread };
  const sharing = devices[home]?.share?.(bound) ?? { threads: 1, why: undefined };
  return {
    name,
    kind,
    device,
    threads: sharing.threads,
    why: [why, sharing.why].filter(Boolean).join("; "),
    ...(claim && { accelerator: claim.accelerator.name }),
    ...work,
    origins,
  };
}

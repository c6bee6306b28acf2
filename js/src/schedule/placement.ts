import type { Accelerator } from "../accelerator/accelerator.js";
import { anOwner, type Owner } from "../accelerator/owner.js";
import type { OpData } from "../data.js";
import { type Device, type DeviceName, devicesOf, isView } from "../devices/device.js";
import { PlacementError } from "../errors.js";
import type { Model, Op } from "../model.js";
import { aNumber, having, isRecord, problemsOf, type Rules, wholeFrom } from "../rules.js";

/** Where an op runs, and on what terms. */
export type Placement = DeviceName | PlacementOptions;

export interface PlacementOptions {
  readonly device?: DeviceName | undefined;
  /** At most so many threads may share the op: 1 or more. */
  readonly threads?: number | undefined;
  /**
   * The thread that runs the op by itself: 0 is the one that runs the executor, which goes on while
   * another one is at it. Ops that do not depend on each other then run at the same time. It is one
   * of those that the executor was asked for; where the host gives fewer, 0 does the work of the others.
   */
  readonly thread?: number | undefined;
  /** What the op needs for itself: it runs under a lease. */
  readonly accelerator?: Accelerator | undefined;
  /** Who holds the lease; to be given where it holds others too. By default the executor. */
  readonly owner?: Owner | undefined;
  /** How urgent the lease is, 0 by default: the highest goes first. */
  readonly priority?: number | undefined;
}

/** The right to an accelerator that an op needs. */
export interface Claim {
  readonly accelerator: Accelerator;
  readonly owner: Owner;
  readonly priority: number;
}

/** Where an op runs, once that is decided. */
export interface Placed {
  /** Indexes the executor's devices. */
  readonly home: number;
  readonly device: DeviceName;
  readonly threads?: number | undefined;
  readonly thread?: number | undefined;
  readonly claim?: Claim | undefined;
  /** Why it runs on this device. */
  readonly why: string;
}

/** What placing takes. */
export interface Premises<M extends Model> {
  readonly model: M;
  readonly ops: readonly Op<M>[];
  readonly devices: readonly Device[];
  /** Who holds leases for the executor. */
  readonly owner: Owner;
  place(op: Op<M>): Placement | undefined;
}

const RULES: Rules<PlacementOptions> = {
  device: () => [], // Whether it is one of the executor's is seen to beside.
  threads: wholeFrom(1),
  thread: wholeFrom(0),
  accelerator: having("an Accelerator", "hold"),
  owner: anOwner,
  priority: aNumber,
};

/**
 * Place the op of each main step; the answers are by op. Where nobody says, an op runs on the first of
 * the devices that has a kernel for it, and one that only gives bytes another shape where those are.
 * Throws one PlacementError with everything that can't be.
 */
export function placeAll<M extends Model>(premises: Premises<M>): Map<number, Placed> {
  const { model, ops, devices, owner } = premises;
  const problems: string[] = [];
  /** By value: the device whose op writes it. */
  const homes = new Map<number, DeviceName>();
  const all = new Map<number, Placed>();
  for (const [, target] of model.main) {
    const op = model.ops[target] as OpData;
    const answer = premises.place(ops[target] as Op<M>);
    const wanted = typeof answer === "string" ? { device: answer } : answer;
    const mine = wanted === undefined ? [] : [...checkKeys(wanted)];
    const able = devicesOf(model, op);
    const near = isView(op) ? homes.get(op.inputs[0] as number) : undefined;
    const { device, why } = pickDevice(wanted?.device, near, able, devices);
    const home = devices.findIndex(({ name }) => name === device);
    if (device === undefined || home < 0 || !able.includes(device)) {
      mine.push(whyNot(device, able, devices));
    } else if (wanted) {
      mine.push(...checkThreads(wanted, devices[home] as Device));
    }
    problems.push(...mine.map((problem) => `${op.name}: ${problem}`));
    const { threads, thread, accelerator, owner: holder = owner, priority = 0 } = wanted ?? {};
    const claim = accelerator && { accelerator, owner: holder, priority };
    for (const value of op.outputs) homes.set(value, device as DeviceName);
    all.set(target, { home, device: device as DeviceName, threads, thread, claim, why });
  }
  if (problems.length) {
    throw new PlacementError(`${model.name}: these ops can't be placed`, problems);
  }
  return all;
}

function pickDevice(
  wanted: DeviceName | undefined,
  near: DeviceName | undefined,
  able: readonly DeviceName[],
  devices: readonly Device[],
): { readonly device: DeviceName | undefined; readonly why: string } {
  if (wanted !== undefined) return { device: wanted, why: "place chose it" };
  if (near !== undefined) return { device: near, why: "its bytes are there" };
  const device = devices.map(({ name }) => name).find((name) => able.includes(name));
  const why = devices.length === 1 ? "there is no other device" : "first of devices with a kernel";
  return { device, why };
}

/** What is wrong with a placement by itself. */
function checkKeys(placement: PlacementOptions): readonly string[] {
  if (!isRecord(placement)) {
    return [`is placed on ${String(placement)}; give a device's name or an object`];
  }
  const problems = problemsOf(placement, RULES);
  const { threads = 1, thread }: PlacementOptions = placement;
  if (thread === undefined || !(threads > 1)) return problems;
  return [...problems, `its placement has both one thread and ${threads} threads`];
}

/** What is wrong with a placement on a device that has a kernel for the op. */
function checkThreads({ threads, thread }: PlacementOptions, device: Device): string[] {
  if (device.name !== "wasm" && (threads ?? thread) !== undefined) {
    return [`is placed on ${device.name}, which has no threads to choose from`];
  }
  // Where the host gives fewer than were asked for, the executor's own thread runs it.
  const { asked = device.threads } = device;
  if (thread === undefined || thread < asked) return [];
  const all = asked === 1 ? "1 thread" : `${asked} threads`;
  return [`is placed on the thread ${thread}, counted from 0; the executor is for ${all}`];
}

/** Say why an op can't run on `device`. */
function whyNot(
  device: DeviceName | undefined,
  able: readonly DeviceName[],
  devices: readonly Device[],
): string {
  const names = devices.map(({ name }) => name);
  const kernels = `it has a kernel for ${able.join(" and ") || "no device"}`;
  if (device === undefined) return `no device of this executor runs it; ${kernels}`;
  if (names.includes(device)) return `is placed on ${device}; ${kernels}`;
  return `is placed on ${String(device)}; this executor has ${names.join(" and ")}`;
}

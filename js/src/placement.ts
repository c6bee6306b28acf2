import type { OpData } from "./data.js";
import { type DeviceName, devicesOf, isView } from "./device.js";
import { PlacementError } from "./errors.js";
import type { Model, Op } from "./model.js";

/** Where an op runs. */
export type Placement = DeviceName | { readonly device?: DeviceName | undefined };

/**
 * Ask for the device of each main step. Where nobody says, an op runs on the first of `devices` that
 * has a kernel for it, and one that only gives bytes another shape where those are. Throws one
 * PlacementError that names every op whose placement can't be.
 */
export function placeAll<M extends Model>(
  model: M,
  ops: readonly Op<M>[],
  devices: readonly DeviceName[],
  place: (op: Op<M>) => Placement | undefined,
): DeviceName[] {
  const problems: string[] = [];
  /** By value: the device whose op writes it. */
  const homes = new Map<number, DeviceName>();
  const places = model.main.map(([, target]) => {
    const op = model.ops[target] as OpData;
    const possible = devices.filter((name) => devicesOf(op).includes(name));
    const placement = place(ops[target] as Op<M>);
    const chosen = typeof placement === "object" ? placement.device : placement;
    const near = isView(op) ? homes.get(op.inputs[0] as number) : undefined;
    const device = chosen ?? near ?? possible[0];
    if (device === undefined || !possible.includes(device)) {
      problems.push(`${op.name}: ${whyNot(device, devices, devicesOf(op))}`);
    }
    for (const value of op.outputs) homes.set(value, device as DeviceName);
    return device as DeviceName;
  });
  if (problems.length) {
    throw new PlacementError(`${model.name}: these ops can't be placed`, problems);
  }
  return places;
}

/** Say why an op can't run on `device`. */
function whyNot(
  device: DeviceName | undefined,
  devices: readonly DeviceName[],
  able: readonly DeviceName[],
): string {
  const kernels = `it has a kernel for ${able.join(" and ") || "no device"}`;
  if (device === undefined) return `no device of this executor runs it; ${kernels}`;
  if (devices.includes(device)) return `is placed on ${device}; ${kernels}`;
  return `is placed on ${String(device)}; this executor has ${devices.join(" and ")}`;
}

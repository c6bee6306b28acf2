import type { DeviceName } from "./device.js";
import { PlacementError, StateError } from "./errors.js";
import type { Model, Op } from "./model.js";

/** Where an op runs. */
export type Placement = DeviceName | { readonly device: DeviceName };

/** Runs the op that a hook was called for. To be called exactly once. */
export type Next = () => Promise<void>;
export type NextSync = () => void;

/** What an executor does around its ops, as its subclass may say. */
export interface Hooks<M extends Model> {
  /** Whether a subclass says so. */
  overrides(hook: "dispatch" | "dispatchSync"): boolean;
  dispatch(op: Op<M>, next: Next): Promise<void>;
  dispatchSync(op: Op<M>, next: NextSync): void;
}

/** Ask for the device of each op. Throws one PlacementError that names every op without one. */
export function placeAll<M extends Model>(
  ops: readonly Op<M>[],
  place: (op: Op<M>) => Placement,
): DeviceName[] {
  const problems: string[] = [];
  const places = ops.map((op) => {
    const placement = place(op);
    const device = typeof placement === "string" ? placement : placement?.device;
    if (device !== "wasm") problems.push(`${op.name}: is placed on ${String(device)}`);
    return device;
  });
  if (problems.length) {
    throw new PlacementError('"place" may only return "wasm": there is no other device', problems);
  }
  return places;
}

/** Let a hook call `call` exactly once: never leaves a wrong result, twice spoils one in place. */
export function onceFor(op: { readonly name: string }, call: () => void) {
  let calls = 0;
  return {
    next: (): void => {
      if (calls++) throw new StateError(`the hook called next twice for the op ${op.name}`);
      call();
    },
    check: (): void => {
      if (!calls) throw new StateError(`the hook did not call next for the op ${op.name}`);
    },
  };
}

import type { ModelData } from "../data.js";
import { isRecord, type Rule, show } from "../rules.js";
import type { Device, DeviceName } from "./device.js";

/**
 * A device that an executor is to have: one of this runtime's, by its name, or one that the caller has
 * made. The executor owns it from then on, and disposes of it.
 */
export type DeviceOption = DeviceName | Device;

/** What makes this runtime's devices. */
export type Makers = Readonly<Partial<Record<DeviceName, () => Promise<Device>>>>;

/**
 * The rule for the devices of an executor: each is there once, and is one that can be had by its name,
 * as with `sync` "wasm" alone can.
 */
export function devicesFor(model: ModelData, sync: boolean): Rule {
  return (wanted, name) => {
    if (!Array.isArray(wanted))
      return [`"${name}" is ${show(wanted)}; it may be a list: ["webgl2"]`];
    const names = new Set<unknown>();
    return wanted.flatMap((one: unknown, index) => {
      const device = isRecord(one) ? one["name"] : one;
      const problem = problemOf(model, one, sync) ?? (names.has(device) && "it is there twice");
      names.add(device);
      return problem ? [`"${name}[${index}]" is ${show(device)}, but ${problem}`] : [];
    });
  };
}

/** Why an executor can't have a device as given; undefined if it can. */
function problemOf(model: ModelData, one: unknown, sync: boolean): string | undefined {
  // The memory of wasm is the executor's own.
  const isMade = isRecord(one) && one["name"] === "webgl2" && typeof one["open"] === "function";
  if (isMade || one === "wasm") return undefined;
  if (one !== "webgl2") return 'it is none of: "wasm", "webgl2", a device made before';
  if (sync) return "it takes time to get ready: use create";
  if (model.shaders) return undefined;
  return `${model.name} has nothing for webgl2: bundle it with --device wasm,webgl2`;
}

/** Those that the caller has made. */
export function given(wanted: readonly DeviceOption[]): Device[] {
  return wanted.filter((one) => typeof one !== "string");
}

/**
 * All devices of an executor, in the order in which they are preferred: `wasm` is last unless named.
 * Where one can't be made, the others that were made by their names are disposed of.
 */
export async function makeDevices(
  wanted: readonly DeviceOption[],
  makers: Makers,
): Promise<Device[]> {
  const made = await Promise.allSettled(
    withWasm(wanted).map(async (one) => (typeof one === "string" ? makers[one]?.() : one)),
  );
  const failed = made.find((one) => one.status === "rejected");
  const devices = made.flatMap((one) => (one.status === "fulfilled" && one.value) || []);
  if (!failed) return devices;
  for (const device of devices) if (!wanted.includes(device)) device.dispose();
  throw failed.reason;
}

/** The same where `wasm` is all that has to be made. */
export function joinDevices(wanted: readonly DeviceOption[], wasm: Device): Device[] {
  return withWasm(wanted).map((one) => (typeof one === "string" ? wasm : one));
}

function withWasm(wanted: readonly DeviceOption[]): readonly DeviceOption[] {
  return wanted.includes("wasm") ? wanted : [...wanted, "wasm"];
}

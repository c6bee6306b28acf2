import type { ModelData } from "../data.js";
import { OptionError } from "../errors.js";
import type { Device, DeviceName } from "./device.js";

/**
 * A device that an executor is to have: one of this runtime's, by its name, or one that the caller has
 * made. The executor owns it from then on, and disposes of it.
 */
export type DeviceOption = DeviceName | Device;

/** What makes this runtime's devices. */
export type Makers = Readonly<Partial<Record<DeviceName, () => Promise<Device>>>>;

/**
 * Throw OptionError where `wanted` names a device twice, or one that can't be had by its name: with
 * `sync`, "wasm" alone can.
 */
export function checkDevices(
  model: ModelData,
  wanted: readonly DeviceOption[] = ["wasm"],
  sync = false,
): readonly DeviceOption[] {
  const names = new Set<DeviceName>();
  const problems: string[] = [];
  for (const one of wanted) {
    const name = nameOf(one);
    if (typeof one === "string" ? name !== "wasm" && name !== "webgl2" : name === "wasm") {
      problems.push(`${String(name)} can't be had so`);
    } else if (names.has(name)) {
      problems.push(`${name} is there twice`);
    } else if (one === "webgl2" && sync) {
      problems.push("webgl2 takes time to get ready: use create");
    } else if (one === "webgl2" && !model.shaders) {
      problems.push(`${model.name} has nothing for webgl2: bundle it with --device wasm,webgl2`);
    }
    names.add(name);
  }
  if (problems.length) {
    throw new OptionError(
      '"devices" may have "wasm", "webgl2", and devices made before, each once',
      problems,
    );
  }
  return wanted;
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

function nameOf(one: DeviceOption): DeviceName {
  return typeof one === "string" ? one : one.name;
}

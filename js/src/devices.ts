import type { Device, DeviceName } from "./device.js";
import { OptionError } from "./errors.js";

/**
 * A device that an executor is to have: "wasm", or one that the caller has made. The executor owns it
 * from then on, and disposes of it.
 */
export type DeviceOption = "wasm" | Device;

/** Throw OptionError where `wanted` names a device twice or one that can't be had by its name. */
export function checkDevices(wanted: readonly DeviceOption[] = ["wasm"]): readonly DeviceOption[] {
  const names = new Set<DeviceName>();
  const problems: string[] = [];
  for (const one of wanted) {
    const name = nameOf(one);
    if (typeof one === "string" ? name !== "wasm" : name === "wasm") {
      problems.push(`${String(name)} can't be had so`);
    } else if (names.has(name)) {
      problems.push(`${name} is there twice`);
    }
    names.add(name);
  }
  if (problems.length) {
    throw new OptionError(
      '"devices" may have "wasm", and devices made before, each once',
      problems,
    );
  }
  return wanted;
}

/** Those that the caller has made. */
export function given(wanted: readonly DeviceOption[]): Device[] {
  return wanted.filter((one) => typeof one !== "string");
}

/** All devices of an executor, in the order in which they are preferred: `wasm` is last unless named. */
export function joinDevices(wanted: readonly DeviceOption[], wasm: Device): Device[] {
  const named = wanted.includes("wasm") ? wanted : [...wanted, "wasm" as const];
  return named.map((one) => (typeof one === "string" ? wasm : one));
}

function nameOf(one: DeviceOption): DeviceName {
  return typeof one === "string" ? one : one.name;
}

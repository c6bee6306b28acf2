import type { DeviceName } from "./device.js";

/** The device that suits a machine, and why. */
export interface Choice {
  readonly device: DeviceName;
  readonly reason: string;
}

/**
 * Choose a device for models that have kernels for all: "webgl2" where there is a GPU that draws
 * float32, else "wasm". It looks at the machine and not at the model: small models are faster on wasm
 * anywhere.
 */
export async function pickDevice(): Promise<Choice> {
  const { pick } = await import("../webgl2/device.js");
  return pick();
}

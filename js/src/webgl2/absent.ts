/** Stands for the WebGL2 device in the script build. */

import type { Choice } from "../devices/pick.js";
import { DeviceError } from "../errors.js";

const REASON = "the runtime was loaded as a script, which has no webgl2: import it as a module";

export function pick(): Choice {
  return { device: "wasm", reason: REASON };
}

export class WebGl2Device {
  constructor() {
    throw new DeviceError(REASON);
  }
}

/** Stands for the WebGL2 device in the script build. */

import { DeviceError } from "./errors.js";

export class WebGl2Device {
  constructor() {
    throw new DeviceError(
      "the runtime was loaded as a script, which has no webgl2: import it as a module",
    );
  }
}

import type { Choice } from "../devices/pick.js";
import { DeviceError } from "../errors.js";
import { Context } from "./context.js";

/** What draws without a GPU calls itself so, in Chromium, Firefox, WebKit and on Windows. */
const SOFTWARE = /swiftshader|llvmpipe|softpipe|software|basic render/i;
/** UNMASKED_RENDERER_WEBGL of WEBGL_debug_renderer_info. */
const UNMASKED_RENDERER = 0x9246;

/** Choose between wasm and WebGL2 by what this machine's WebGL2 is. */
export function pick(): Choice {
  let context: Context;
  try {
    context = new Context();
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error;
    return { device: "wasm", reason: error.message };
  }
  const { gl, floats } = context;
  // Firefox tells as much without the extension, and warns of it.
  const name = gl.getExtension("WEBGL_debug_renderer_info") ? UNMASKED_RENDERER : gl.RENDERER;
  const renderer = String(gl.getParameter(name));
  context.dispose();
  if (SOFTWARE.test(renderer)) {
    return { device: "wasm", reason: `WebGL2 is drawn by software here (${renderer})` };
  }
  const how = floats === "rgba32i" ? "keeps floats as integers" : "draws floats";
  return { device: "webgl2", reason: `there is a GPU that ${how} (${renderer})` };
}

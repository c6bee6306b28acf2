// Hides extensions of WebGL2, as a machine does that lacks them.

export const FLOAT32 = "EXT_color_buffer_float";
export const FLOAT16 = "EXT_color_buffer_half_float";

/** Do `action` where the `hidden` ones of the extensions that draw floats are missing. */
export async function without(hidden, action) {
  const { prototype } = WebGL2RenderingContext;
  const { getExtension } = prototype;
  prototype.getExtension = function (name) {
    if (hidden.includes(name)) return null;
    // Where a browser has the other one alone, that makes floats of 16 bits drawable too.
    const found = getExtension.call(this, name);
    return name === FLOAT16 ? (found ?? getExtension.call(this, FLOAT32)) : found;
  };
  try {
    return await action();
  } finally {
    Object.assign(prototype, { getExtension });
  }
}

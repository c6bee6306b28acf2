// What the scenarios have in common.

export const WEBGL2 = { devices: ["webgl2"] };
export const first = (outputs) => Object.values(outputs)[0];
export const numbers = ({ data }) => Array.from(data, Number);
export const floats = (length) => Float32Array.from({ length }, (_, i) => i / 8 - 3);

/** What is thrown: `[class, message]`. */
export async function failure(action) {
  try {
    await action();
    return ["none", ""];
  } catch (error) {
    return [error.name, error.message];
  }
}

/** Wait for an event of a context's canvas. */
export function event({ canvas }, name) {
  return new Promise((resolve) => canvas.addEventListener(name, resolve, { once: true }));
}

/** Have the browser restore a context of whose loss it has told; `loss` is its WEBGL_lose_context. */
export async function restore(context, loss) {
  const back = event(context, "webglcontextrestored");
  await new Promise((resolve) => setTimeout(resolve)); // A listener of the loss can't do it.
  loss.restoreContext();
  await back;
}

/** Lose a context, and have the browser restore it. */
export async function loseAndRestore(context) {
  const loss = context.getExtension("WEBGL_lose_context"); // A lost one does not give it.
  const gone = event(context, "webglcontextlost");
  loss.loseContext();
  await gone;
  await restore(context, loss);
}

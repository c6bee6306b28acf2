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

// What the tests of the WebGL2 device do in a page or a worker. Each function takes and gives plain
// data.
import { FLOAT16, FLOAT32, without } from "./extensions.js";
export * from "./contexts.js";
export * from "./leaks.js";
export * from "./losses.js";
export * from "./machines.js";
export * from "./pictures.js";
export * from "./runs.js";

/** Do another scenario where no floats can be drawn. */
export async function asBits([name, argument]) {
  const scenarios = await import("/scenarios.js");
  return without([FLOAT32, FLOAT16], () => scenarios[name](argument));
}

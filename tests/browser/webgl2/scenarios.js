// What the tests of the WebGL2 device do in a page. Each function gives plain data to compare.
import { Executor, tensor } from "/bundle/runtime/index.js";
import { chain } from "./models.js";

const WEBGL2 = { devices: ["webgl2"] };
const numbers = ({ data }) => Array.from(data, Number);

/** Run `chain(dtype, [size], steps)` on `data`, both without and with blocking. */
export async function run({ dtype, shape, steps, data }) {
  const executor = await Executor.create(chain(dtype, shape, steps), WEBGL2);
  const x = tensor(dtype, shape, dtype.endsWith("64") ? data.map(BigInt) : data);
  const later = Object.values(await executor.run({ x }))[0];
  const now = Object.values(executor.runSync({ x }))[0];
  executor.dispose();
  return { dtype: later.dtype, later: numbers(later), now: numbers(now) };
}

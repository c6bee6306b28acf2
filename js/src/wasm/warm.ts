import type { Call } from "../devices/device.js";
import { type RunSlice, startOf } from "./kernels.js";

/** How long a slice of a first call takes, in nanoseconds, once the kernel is compiled for speed. */
const FIRST_SLICE = 100_000;

/**
 * A call of a whole kernel, which takes about `cost` nanoseconds, the first time slice by slice: engines
 * begin with code that was compiled in a hurry, compile anew what takes long while it runs, and run the
 * new code from the next call on.
 */
export function whole(run: RunSlice, extent: number, cost: number): Call {
  const slices = Math.min(extent, Math.ceil(cost / FIRST_SLICE));
  if (slices < 2) return () => run(0, extent);
  let isFirst = true;
  return () => {
    if (!isFirst) {
      run(0, extent);
      return;
    }
    isFirst = false;
    for (let slice = 0; slice < slices; slice++) {
      run(startOf(slice, slices, extent), startOf(slice + 1, slices, extent));
    }
  };
}

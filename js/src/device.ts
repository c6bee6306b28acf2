import type { DType } from "./data.js";
import type { DataOf } from "./tensor.js";

/** The devices that an executor may have. */
export type DeviceName = "wasm";

/** A kernel with its arguments: everything is decided, it only has to be called. */
export type Call = () => void;

/**
 * Where kernels run: a flat memory and the functions that work on it. A device knows neither the
 * model nor the executor; it is told addresses.
 */
export interface Device {
  readonly name: DeviceName;
  /** The first address that a value may have. */
  readonly base: number;
  /** How many threads share the work. */
  readonly threads: number;
  /** Make all addresses below `end` usable, or throw OutOfMemoryError. */
  reserve(end: number): void;
  /** Copy the bytes of `data` to `address`. */
  write(address: number, data: ArrayBufferView): void;
  /** Copy `length` elements at `address`, a multiple of their size, out. */
  read<D extends DType>(dtype: D, address: number, length: number): DataOf<D>;
  /**
   * Prepare a call of `kernel` that runs all of its outermost loop, of length `extent`. `cost` is
   * about how many nanoseconds that takes. Throws BundleError if the device has no such kernel.
   */
  bind(kernel: string, args: readonly number[], extent: number, cost: number): Call;
  /** Hear that a run begins whose calls take about `cost` nanoseconds in all. */
  begin(cost: number): void;
  /** Let go of the memory. Nothing else may be called afterwards. */
  dispose(): void;
}

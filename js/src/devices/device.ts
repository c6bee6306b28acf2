import type { DType, ModelData, OpData } from "../data.js";
import { isBlock } from "../executor/block.js";
import type { Picture } from "../picture/picture.js";
import type { Plan } from "../schedule/plan.js";
import type { DataOf } from "../tensor.js";

/** The devices that an executor may have. */
export type DeviceName = "wasm" | "webgl2";

/**
 * An op with its arguments: everything is decided, it only has to be called. Its results may still be
 * on their way when it returns; whoever needs them waits for them.
 */
export interface Call {
  (): void;
  /** Wait until the call need not wait; undefined where it need not. Absent where it never does. */
  readonly ready?: () => Promise<void> | undefined;
  /** Wait until the op is done, and throw what it threw. Absent where it is when the call returns. */
  readonly end?: () => void;
  /** The same without blocking. */
  readonly endLater?: () => Promise<void>;
}

/** The steps of a run during which a value is on a device: the first and the last that uses it. */
export interface Use {
  /** Indexes `ModelData.values`. */
  readonly value: number;
  /** -1 for what is there before the first step. */
  readonly first: number;
  /** Infinity for what lives as long as the device: all its rooms have the same one. */
  readonly last: number;
}

/** An op with values for its dims. */
export interface BoundOp {
  readonly op: OpData;
  /** The trailing arguments of its kernel. */
  readonly dims: readonly number[];
  /** The length of its outermost parallel loop. */
  readonly extent: number;
  /** Of how many rounds the loop is made; one if absent. */
  readonly rounds?: number;
  /** About how many nanoseconds it takes on one thread. */
  readonly cost: number;
  /** At most so many threads may share it; as many as there are if absent. */
  readonly threads?: number | undefined;
  /** The thread that runs it, 0 being the executor's own; any if absent. */
  readonly thread?: number | undefined;
}

/** How many threads run a call of an op, none where nothing is called, and why. */
export interface Sharing {
  readonly threads: number;
  readonly why: string;
}

/** Where ops run. A device knows neither the model nor the executor; it is told what to keep. */
export interface Device {
  readonly name: DeviceName;
  /** How many threads share the work. */
  readonly threads: number;
  /** How many it was asked for, where the host may give fewer; as many as it has if absent. */
  readonly asked?: number | undefined;
  /** What float32 values are rounded to in the device's memory; absent where they are not. */
  readonly precision?: "float16" | undefined;
  /** How far results may be from float32's because of that, of the largest element of an output. */
  readonly tolerance?: number | undefined;
  /** How many bytes it has taken so far. */
  readonly memory: number;
  /** Make ready for calls of `ops`, ahead of the first; absent where they are ready at once. */
  compile?(ops: readonly OpData[]): Promise<void>;
  /** Call `refill` whenever the device works again after all that was on it has been lost. */
  onEmptied?(refill: () => void): void;
  /** Make room for the values of a plan that are used on this device, or throw OutOfMemoryError. */
  open(plan: Plan, uses: readonly Use[]): Room;
  /** Say how an op is shared between threads. Absent where the device has none. */
  share?(op: BoundOp): Sharing;
  /** Hear that a run begins whose calls take about `cost` nanoseconds in all. */
  begin(cost: number): void;
  /**
   * Wait for what ops of the run have been told to do and nobody has waited for, and throw what it
   * threw. Absent where that is nothing.
   */
  end?(): void;
  /** The same without blocking. */
  endLater?(): Promise<void>;
  /** Let go of the memory. Nothing else may be called afterwards. */
  dispose(): void;
}

/**
 * A texture with the elements of a tensor in row-major order, four to a texel: texel t is at column
 * t % width of row t / width, the texture may have more rows, and what is in the last texel behind the
 * last element is undefined. Elements of float32 are floats, or, where `format` is "rgba32i", integers
 * of the same bits (`intBitsToFloat`); the rest are integers.
 */
export interface TextureOf {
  readonly texture: WebGLTexture;
  readonly width: number;
  readonly height: number;
  readonly context: WebGL2RenderingContext;
  readonly format: "rgba32f" | "rgba16f" | "rgba32i";
}

/** The values of one frame on one device. */
export interface Room {
  /**
   * Prepare a call of `op`; undefined where it only gives bytes another shape and nothing has to be
   * called. Throws BundleError if the device has no such kernel.
   */
  bind(op: BoundOp): Call | undefined;
  /** Copy the elements of `data`, an array of the value's dtype, into a value. */
  write(value: number, data: DataOf<DType>): void;
  /** Copy a value out, as an array of its dtype. May block until the device is done. */
  read(value: number): DataOf<DType>;
  /** Show a value as it lies in memory; absent where this thread can't see it. */
  view?(value: number): DataOf<DType>;
  /** The same as `read` without blocking; absent where `read` never waits. */
  readLater?(value: number): Promise<DataOf<DType>>;
  /** Make a value of a picture; absent where the device can't draw. */
  paint?(value: number, picture: Picture): void;
  /** The texture that a value lies in; absent where there are none. */
  texture?(value: number): TextureOf;
  /** Let go of what this room alone has. Nothing else may be called afterwards. */
  close(): void;
}

/** Whether an op only gives bytes another shape, for which no device needs a kernel. */
export function isView(op: OpData): boolean {
  return op.kernel === undefined && op.shader === undefined && !isBlock(op);
}

/** The values whose bytes an op writes. */
export function writtenBy(op: OpData): readonly number[] {
  if (isBlock(op)) return op.written;
  return isView(op) ? [] : op.outputs;
}

/** The devices that can run an op. */
export function devicesOf(model: ModelData, op: OpData): DeviceName[] {
  if (isBlock(op)) {
    const [first = [], ...rest] = op.parts.map((part) => {
      return devicesOf(model, model.ops[part] as OpData);
    });
    return first.filter((name) => rest.every((names) => names.includes(name)));
  }
  const wasm = isView(op) || op.kernel !== undefined;
  const webgl2 = isView(op) || op.shader !== undefined;
  return [...(wasm ? (["wasm"] as const) : []), ...(webgl2 ? (["webgl2"] as const) : [])];
}

import type { DType } from "./data.js";
import { type BoundOp, type Call, type Device, isView, type Room } from "./device.js";
import { BundleError, OutOfMemoryError } from "./errors.js";
import { close, type Kernel, Kernels } from "./kernels.js";
import { align, type Plan, REGION_ALIGNMENT } from "./plan.js";
import { Pool } from "./pool.js";
import { bytesOf, type DataOf, itemSize, type Shape, sizeOf, viewOf } from "./tensor.js";
import { makeMemory, makeSharedMemory, memoryImportOf, shareMemory } from "./wasm-file.js";

const PAGE = 65536;

/** What several threads take longer to agree on than one takes to do, in nanoseconds. */
const WORTH_SHARING = 8000;
/** More slices than threads, so that a thread that is late, or slow, leaves the rest to the others. */
const SLICES_PER_THREAD = 4;

/** Kernels of one wasm module over one memory, which the device owns. */
export class WasmDevice implements Device {
  readonly name = "wasm";
  readonly threads: number;
  /** Where the values of all plans begin. */
  readonly #base: number;
  /** The end of all the memory that is taken. */
  #end: number;
  #memory: WebAssembly.Memory | undefined;
  /** The memory as arrays, until it grows, which detaches them. */
  readonly #views = new Map<DType, DataOf<DType>>();
  readonly #kernels: Kernels;
  #pool: Pool | undefined;

  private constructor(
    module: WebAssembly.Module,
    instance: WebAssembly.Instance,
    memory: WebAssembly.Memory,
    threads: number,
  ) {
    const stacks = (threads - 1) * stackSize(instance);
    this.#base = align(heapBase(instance) + stacks, REGION_ALIGNMENT);
    this.#end = this.#base;
    this.threads = threads;
    this.#memory = memory;
    this.#kernels = new Kernels(module, instance);
  }

  /**
   * Compile and instantiate `bytes` off the main thread, where the host can. Kernels run on that
   * many `threads`, this one included; rejects with WorkerError if one does not start.
   */
  static async create(bytes: Uint8Array, threads: number, now: () => number): Promise<WasmDevice> {
    const wanted = memoryImportOf(bytes);
    const shared = threads > 1;
    const memory = shared ? makeSharedMemory(wanted) : makeMemory(wanted);
    const file = shared ? shareMemory(bytes, wanted) : bytes;
    try {
      const module = await WebAssembly.compile(file as BufferSource);
      const instance = await WebAssembly.instantiate(module, { env: { memory } });
      const device = new WasmDevice(module, instance, memory, threads);
      if (shared) await device.#startPool(module, memory, stackSize(instance), now);
      return device;
    } catch (error) {
      throw refusal(error);
    }
  }

  /** Compile and instantiate `bytes` at once, for one thread. */
  static createSync(bytes: Uint8Array): WasmDevice {
    const memory = makeMemory(memoryImportOf(bytes));
    try {
      const module = new WebAssembly.Module(bytes as BufferSource);
      const instance = new WebAssembly.Instance(module, { env: { memory } });
      return new WasmDevice(module, instance, memory, 1);
    } catch (error) {
      throw refusal(error);
    }
  }

  get memory(): number {
    return this.#end;
  }

  /** All plans lay their values out in the same memory, so a room has whatever lies there. */
  open(plan: Plan): Room {
    this.#reserve(this.#base + plan.end);
    const addressOf = (value: number) => {
      const address = plan.addresses[value];
      if (address === undefined) throw new BundleError(`the value ${value} has no address`);
      return this.#base + address;
    };
    const view = (value: number) => {
      const dtype = plan.dtypes[value] as DType;
      const start = addressOf(value) / itemSize(dtype);
      return this.#view(dtype).subarray(start, start + sizeOf(plan.shapes[value] as Shape));
    };
    return {
      bind: (op) => (isView(op.op) ? undefined : this.#bind(op, addressOf)),
      write: (value, data) => this.#view("uint8").set(bytesOf(data), addressOf(value)),
      read: (value) => view(value).slice(),
      view,
      close: () => {},
    };
  }

  begin(cost: number): void {
    this.#pool?.begin(cost);
  }

  dispose(): void {
    this.#pool?.dispose();
    this.#pool = undefined;
    this.#memory = undefined;
    this.#views.clear();
  }

  #bind({ op, dims, extent, cost }: BoundOp, addressOf: (value: number) => number): Call {
    const args = [...[...op.inputs, ...op.outputs].map(addressOf), ...dims];
    const kernel = this.#kernels.indexOf(op.kernel as string);
    const run = close(this.#kernels.all[kernel] as Kernel, args);
    const slices = Math.min(extent, this.threads * SLICES_PER_THREAD);
    const pool = this.#pool;
    if (!pool || slices < 2 || cost < WORTH_SHARING) return () => run(0, extent);
    return pool.bind({ kernel, args, extent, slices }, cost, run);
  }

  /** Make all addresses below `end` usable, or throw OutOfMemoryError. */
  #reserve(end: number): void {
    const memory = this.#live();
    const missing = Math.ceil(end / PAGE) - memory.buffer.byteLength / PAGE;
    try {
      if (missing > 0) {
        memory.grow(missing);
        this.#views.clear();
      }
      this.#end = Math.max(this.#end, end);
    } catch (cause) {
      throw new OutOfMemoryError(
        `this run needs ${Math.ceil(end / 2 ** 20)} MiB of memory, which the host refuses: use ` +
          "smaller inputs, or dispose of executors that are no longer needed",
        [],
        { cause },
      );
    }
  }

  /** Start the threads. Each has a stack between the file's own memory and the device's base. */
  async #startPool(
    module: WebAssembly.Module,
    memory: WebAssembly.Memory,
    stackBytes: number,
    now: () => number,
  ): Promise<void> {
    this.#reserve(this.#base);
    const top = this.#base;
    const stacks = Array.from({ length: this.threads - 1 }, (_, i) => top - i * stackBytes);
    const { arity } = this.#kernels;
    this.#pool = await Pool.start({ module, memory, arity, now }, stacks);
  }

  #view<D extends DType>(dtype: D): DataOf<D> {
    let view = this.#views.get(dtype);
    if (!view) {
      view = viewOf(dtype, this.#live().buffer);
      this.#views.set(dtype, view);
    }
    return view as DataOf<D>;
  }

  #live(): WebAssembly.Memory {
    if (!this.#memory) throw new TypeError("the wasm device is disposed");
    return this.#memory;
  }
}

/** Whether this host runs relaxed SIMD; some refuse any module with one relaxed opcode in it. */
export function hasRelaxedSimd(): boolean {
  // (module (func (result v128) (i8x16.relaxed_swizzle (i8x16.splat ...) (i8x16.splat ...))))
  // prettier-ignore
  return WebAssembly.validate(new Uint8Array([
    0, 97, 115, 109, 1, 0, 0, 0,
    1, 5, 1, 96, 0, 1, 123,
    3, 2, 1, 0,
    10, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2, 253, 15, 253, 128, 2, 11,
  ]));
}

function heapBase(instance: WebAssembly.Instance): number {
  const base = instance.exports["__heap_base"];
  if (!(base instanceof WebAssembly.Global)) {
    throw new BundleError("the wasm file exports no __heap_base: bundle the model again");
  }
  return base.value as number;
}

/** The stack of a fresh instance is all that lies below its pointer. */
function stackSize(instance: WebAssembly.Instance): number {
  const pointer = instance.exports["__stack_pointer"];
  return pointer instanceof WebAssembly.Global ? (pointer.value as number) : 0;
}

function refusal(cause: unknown): unknown {
  if (!(cause instanceof WebAssembly.CompileError || cause instanceof WebAssembly.LinkError)) {
    return cause;
  }
  const message = `this host refuses the wasm file (it needs WebAssembly SIMD): ${cause.message}`;
  return new BundleError(message, [], { cause });
}

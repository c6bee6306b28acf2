import type { DType } from "../data.js";
import type { BoundOp, Device, Room, Sharing } from "../devices/device.js";
import { BundleError, OutOfMemoryError } from "../errors.js";
import { align, type Plan, REGION_ALIGNMENT } from "../schedule/plan.js";
import { type DataOf, viewOf } from "../tensor.js";
import type { ThreadCount } from "../threads/host.js";
import { Pool } from "../threads/pool.js";
import { Errands } from "./errands.js";
import { makeMemory, makeSharedMemory, memoryImportOf, shareMemory } from "./file.js";
import { Kernels } from "./kernels.js";
import { type Crew, sharingOf, WasmRoom, type WasmSite } from "./room.js";

const PAGE = 65536;

/** Kernels of one wasm module over one memory, which the device owns. */
export class WasmDevice implements Device {
  readonly name = "wasm";
  readonly threads: number;
  readonly asked: number;
  /** Where the values of all plans begin. */
  readonly #base: number;
  /** The end of all the memory that is taken. */
  #end: number;
  #memory: WebAssembly.Memory | undefined;
  /** The memory as arrays, until it grows, which detaches them. */
  readonly #views = new Map<DType, DataOf<DType>>();
  readonly #kernels: Kernels;
  #crew: Crew | undefined;

  private constructor(
    module: WebAssembly.Module,
    instance: WebAssembly.Instance,
    memory: WebAssembly.Memory,
    { threads, asked }: ThreadCount,
  ) {
    const stacks = (threads - 1) * stackSize(instance);
    this.#base = align(heapBase(instance) + stacks, REGION_ALIGNMENT);
    this.#end = this.#base;
    this.threads = threads;
    this.asked = asked;
    this.#memory = memory;
    this.#kernels = new Kernels(module, instance);
  }

  /**
   * Compile and instantiate `bytes` off the main thread, where the host can. Kernels run on as
   * many threads as `count` has, this one included; rejects with WorkerError if one does not start.
   */
  static async create(
    bytes: Uint8Array,
    count: ThreadCount,
    now: () => number,
  ): Promise<WasmDevice> {
    const wanted = memoryImportOf(bytes);
    const shared = count.threads > 1;
    const memory = shared ? makeSharedMemory(wanted) : makeMemory(wanted);
    const file = shared ? shareMemory(bytes, wanted) : bytes;
    try {
      const module = await WebAssembly.compile(file as BufferSource);
      const instance = await WebAssembly.instantiate(module, { env: { memory } });
      const device = new WasmDevice(module, instance, memory, count);
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
      return new WasmDevice(module, instance, memory, { threads: 1, asked: 1 });
    } catch (error) {
      throw refusal(error);
    }
  }

  get memory(): number {
    return this.#end;
  }

  open(plan: Plan): Room {
    this.#reserve(this.#base + plan.end);
    return new WasmRoom(this.#site, plan);
  }

  share(op: BoundOp): Sharing {
    return sharingOf(op, this.threads);
  }

  begin(cost: number): void {
    this.#crew?.errands.clear();
    this.#crew?.pool.begin(cost);
  }

  end(): void {
    this.#crew?.errands.end();
  }

  async endLater(): Promise<void> {
    await this.#crew?.errands.endLater();
  }

  dispose(): void {
    this.#crew?.pool.dispose();
    this.#crew = undefined;
    this.#memory = undefined;
    this.#views.clear();
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
    const pool = await Pool.start({ module, memory, arity, now }, stacks);
    this.#crew = { pool, errands: new Errands(pool) };
  }

  get #site(): WasmSite {
    return {
      kernels: this.#kernels,
      base: this.#base,
      threads: this.threads,
      crew: this.#crew,
      view: (dtype) => this.#view(dtype),
    };
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

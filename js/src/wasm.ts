import type { DType } from "./data.js";
import type { Call, Device } from "./device.js";
import { BundleError, OutOfMemoryError } from "./errors.js";
import { bytesOf, type DataOf, itemSize, viewOf } from "./tensor.js";

const PAGE = 65536;

type Kernel = (...args: number[]) => void;

/** Kernels of one wasm module over one memory, which the device owns. */
export class WasmDevice implements Device {
  readonly name = "wasm";
  readonly base: number;
  #memory: WebAssembly.Memory | undefined;
  /** The memory as arrays, until it grows, which detaches them. */
  readonly #views = new Map<DType, DataOf<DType>>();
  #exports: WebAssembly.Exports;

  private constructor(instance: WebAssembly.Instance, memory: WebAssembly.Memory) {
    const base = instance.exports["__heap_base"];
    if (!(base instanceof WebAssembly.Global)) {
      throw new BundleError("the wasm file exports no __heap_base: bundle the model again");
    }
    this.base = base.value as number;
    this.#memory = memory;
    this.#exports = instance.exports;
  }

  /** Compile and instantiate `bytes` off the main thread, where the host can. */
  static async create(bytes: Uint8Array): Promise<WasmDevice> {
    const memory = importedMemory(bytes);
    try {
      const module = await WebAssembly.compile(bytes as BufferSource);
      const instance = await WebAssembly.instantiate(module, { env: { memory } });
      return new WasmDevice(instance, memory);
    } catch (error) {
      throw refusal(error);
    }
  }

  /** Compile and instantiate `bytes` at once. */
  static createSync(bytes: Uint8Array): WasmDevice {
    const memory = importedMemory(bytes);
    try {
      const module = new WebAssembly.Module(bytes as BufferSource);
      return new WasmDevice(new WebAssembly.Instance(module, { env: { memory } }), memory);
    } catch (error) {
      throw refusal(error);
    }
  }

  reserve(end: number): void {
    const memory = this.#live();
    const missing = Math.ceil(end / PAGE) - memory.buffer.byteLength / PAGE;
    if (missing <= 0) return;
    try {
      memory.grow(missing);
      this.#views.clear();
    } catch (cause) {
      throw new OutOfMemoryError(
        `this run needs ${Math.ceil(end / 2 ** 20)} MiB of memory, which the host refuses: use ` +
          "smaller inputs, or dispose of executors that are no longer needed",
        [],
        { cause },
      );
    }
  }

  write(address: number, data: ArrayBufferView): void {
    this.#view("uint8").set(bytesOf(data), address);
  }

  read<D extends DType>(dtype: D, address: number, length: number): DataOf<D> {
    const start = address / itemSize(dtype);
    return this.#view(dtype).slice(start, start + length) as DataOf<D>;
  }

  bind(kernel: string, args: readonly number[]): Call {
    const exported = this.#exports[kernel];
    if (typeof exported !== "function") {
      throw new BundleError(`the wasm file exports no kernel ${kernel}: bundle the model again`);
    }
    return close(exported as Kernel, args);
  }

  dispose(): void {
    this.#memory = undefined;
    this.#views.clear();
    this.#exports = {};
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

/**
 * Close `f` over its arguments. Spelt out by arity, since spreading an array costs more than the
 * call itself, and code made from text is forbidden where a content security policy is strict.
 */
function close(f: Kernel, args: readonly number[]): Call {
  const [a, b, c, d, e, g, h, i, j, k] = args as number[] as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  switch (args.length) {
    case 2:
      return () => f(a, b);
    case 3:
      return () => f(a, b, c);
    case 4:
      return () => f(a, b, c, d);
    case 5:
      return () => f(a, b, c, d, e);
    case 6:
      return () => f(a, b, c, d, e, g);
    case 7:
      return () => f(a, b, c, d, e, g, h);
    case 8:
      return () => f(a, b, c, d, e, g, h, i);
    case 9:
      return () => f(a, b, c, d, e, g, h, i, j);
    case 10:
      return () => f(a, b, c, d, e, g, h, i, j, k);
    default:
      return () => f(...args);
  }
}

/**
 * Make the memory that a wasm file imports, at the size that it asks for. WebAssembly's JavaScript
 * interface does not tell that size, so it is read from the file's import section.
 */
function importedMemory(bytes: Uint8Array): WebAssembly.Memory {
  let at = 8;
  const leb = () => {
    for (let value = 0, scale = 1; ; scale *= 128) {
      const byte = bytes[at++];
      if (byte === undefined) throw new BundleError("the wasm file is truncated");
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  const skip = (length: number) => {
    at += length;
  };
  while (at < bytes.length) {
    const section = leb();
    const end = leb() + at;
    if (section === 2) {
      for (let count = leb(); count > 0; count--) {
        skip(leb());
        skip(leb());
        const kind = leb();
        if (kind !== 2) throw new BundleError("the wasm file imports more than a memory");
        const limits = leb();
        const initial = leb();
        return makeMemory(limits & 1 ? { initial, maximum: leb() } : { initial });
      }
    }
    at = end;
  }
  throw new BundleError("the wasm file imports no memory: bundle the model again");
}

/** Engines allow some hundreds of memories at a time, however small. */
function makeMemory(descriptor: WebAssembly.MemoryDescriptor): WebAssembly.Memory {
  try {
    return new WebAssembly.Memory(descriptor);
  } catch (cause) {
    throw new OutOfMemoryError(
      "the host refuses another WebAssembly memory: dispose of executors that are no longer needed",
      [],
      { cause },
    );
  }
}

function refusal(cause: unknown): unknown {
  if (!(cause instanceof WebAssembly.CompileError || cause instanceof WebAssembly.LinkError)) {
    return cause;
  }
  const message = `this host refuses the wasm file (it needs WebAssembly SIMD): ${cause.message}`;
  return new BundleError(message, [], { cause });
}

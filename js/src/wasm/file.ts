import { BundleError, OutOfMemoryError } from "../errors.js";

/** The memory that a wasm file imports, in pages. */
export interface MemoryImport {
  readonly initial: number;
  readonly maximum: number | undefined;
  /** Where in the file the flags of its limits are. */
  readonly flagsAt: number;
}

const HAS_MAXIMUM = 1;
const IS_SHARED = 2;

/**
 * Read what memory a wasm file imports, which WebAssembly's JavaScript interface does not tell.
 * Throws BundleError where the file imports none, or more than one.
 */
export function memoryImportOf(bytes: Uint8Array): MemoryImport {
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
        const flagsAt = at;
        const flags = leb();
        const initial = leb();
        return { initial, maximum: flags & HAS_MAXIMUM ? leb() : undefined, flagsAt };
      }
    }
    at = end;
  }
  throw new BundleError("the wasm file imports no memory: bundle the model again");
}

/** Make the memory that a file imports. */
export function makeMemory({ initial, maximum }: MemoryImport): WebAssembly.Memory {
  try {
    return new WebAssembly.Memory(maximum === undefined ? { initial } : { initial, maximum });
  } catch (cause) {
    throw refused(cause);
  }
}

/**
 * Make a memory for threads, with as high a maximum as the host grants: it takes the addresses at
 * once. Throws BundleError where the file sets no maximum.
 */
export function makeSharedMemory({ initial, maximum }: MemoryImport): WebAssembly.Memory {
  if (maximum === undefined) {
    throw new BundleError(
      "the wasm file can't be shared between threads: bundle the model again, or use 1 thread",
    );
  }
  for (let most = maximum; ; most = Math.max(initial, Math.floor(most / 2))) {
    try {
      return new WebAssembly.Memory({ initial, maximum: most, shared: true });
    } catch (cause) {
      if (most <= initial) throw refused(cause);
    }
  }
}

/**
 * Copy a wasm file so that it imports a shared memory. That is all that threads need of it: its
 * kernels use no atomics, since the slices of one kernel touch no byte in common.
 */
export function shareMemory(bytes: Uint8Array, { flagsAt }: MemoryImport): Uint8Array {
  const copy = bytes.slice();
  copy[flagsAt] = HAS_MAXIMUM | IS_SHARED;
  return copy;
}

/** Engines allow some hundreds of memories at a time, however small. */
function refused(cause: unknown): OutOfMemoryError {
  return new OutOfMemoryError(
    "the host refuses another WebAssembly memory: dispose of executors that are no longer needed",
    [],
    { cause },
  );
}

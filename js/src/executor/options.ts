import type { DeviceOption } from "../devices/devices.js";
import type { Host } from "../host.js";
import type { Threads } from "../threads/host.js";
import type { WebGl2Options } from "../webgl2/context.js";
import type { Policy } from "./policy.js";

/** What a file's bytes may be given as. */
export type Bytes = ArrayBufferLike | ArrayBufferView;

/** Which of a bundle's two wasm files runs. */
export type Isa = "relaxed" | "simd128";

/**
 * How far the making of an executor has come: bytes while it fetches, steps while it prepares. The
 * phases overlap: weights are prepared as they arrive.
 */
export interface Progress {
  readonly phase: "fetch" | "compile" | "prepare";
  readonly loaded: number;
  readonly total: number;
}

/** What making an executor may be told, in either form. */
export interface CommonOptions {
  /** The wasm file to use; by default the best that this host accepts and `files` has. */
  readonly isa?: Isa | undefined;
  /** Parts of the host to replace. */
  readonly host?: Partial<Host> | undefined;
  /** What to do around ops and runs, within what the executor's class does: the first outermost. */
  readonly policies?: readonly Policy[] | undefined;
  /**
   * Where ops may run, the preferred first: an op that no hook places runs on the first of these that
   * has a kernel for it. By default ["wasm"], which is always there.
   */
  readonly devices?: readonly DeviceOption[] | undefined;
}

export interface CreateOptions extends CommonOptions {
  /** Bytes of some of the bundle's files by file name, instead of fetching them. */
  readonly files?: Readonly<Record<string, Bytes>> | undefined;
  /** Other weights, of the same names, dtypes and shapes: safetensors bytes, or where they are. */
  readonly weights?: Bytes | URL | string | readonly (Bytes | URL | string)[] | undefined;
  /** Fetch with this function, which may add headers; by default the host's `fetch`. */
  readonly fetch?: typeof fetch | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  /** How many threads may share the work, this one included: 1 by default. */
  readonly threads?: Threads | undefined;
  /** How "webgl2" comes by its context. */
  readonly webgl2?: WebGl2Options | undefined;
  /** Hears what is not as asked for, and works all the same; by default `console.warn`. */
  readonly onWarning?: ((warning: string) => void) | undefined;
}

export interface CreateSyncOptions extends CommonOptions {
  /** The bytes of a wasm file and of the weights, by file name. Their digests are not checked. */
  readonly files: Readonly<Record<string, Bytes>>;
  /** Other weights, of the same names, dtypes and shapes, as safetensors bytes. */
  readonly weights?: Bytes | readonly Bytes[] | undefined;
}

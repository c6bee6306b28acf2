/**
 * The one module that touches what only some hosts have: `fetch`, files, digests, clocks. It brings
 * a model's files into memory and checks that they are what the bundle promises.
 */

import type { FileData, ModelData } from "./data.js";
import type { DeviceOption } from "./devices.js";
import { hasExactDots } from "./dots.js";
import { DigestError, LoadError } from "./errors.js";
import type { Policy } from "./policy.js";
import type { Threads } from "./pool-host.js";
import { bytesOf } from "./tensor.js";
import { hasRelaxedSimd } from "./wasm.js";

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

/** What an executor asks of its surroundings. */
export interface Host {
  /** A clock, in milliseconds. */
  now(): number;
  /** Let the event loop take a turn. */
  rest(): Promise<void>;
  /** Let what is more urgent take its turn, and come back before the rest of what waits. */
  yield(): Promise<void>;
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
  /** Hears what is not as asked for, and works all the same; by default `console.warn`. */
  readonly onWarning?: ((warning: string) => void) | undefined;
}

export interface CreateSyncOptions extends CommonOptions {
  /** The bytes of a wasm file and of the weights, by file name. Their digests are not checked. */
  readonly files: Readonly<Record<string, Bytes>>;
  /** Other weights, of the same names, dtypes and shapes, as safetensors bytes. */
  readonly weights?: Bytes | readonly Bytes[] | undefined;
}

/** A bundle's files in memory. */
export interface Loaded {
  readonly isa: Isa;
  readonly wasm: Uint8Array;
  readonly weights: readonly Uint8Array[];
}

/** A bundle's files on their way. */
export interface Loading {
  readonly isa: Isa;
  readonly wasm: Promise<Uint8Array>;
  /** The shards of the weights, each as soon as it is in memory: its digest may still be unknown. */
  readonly weights: readonly Promise<Uint8Array>[];
  /** Settles when every file is in memory and known to be the one promised. */
  readonly checked: Promise<void>;
}

/** The host that this code runs in; what the caller gives in `parts` comes first. */
export function systemHost(parts: Partial<Host> = {}): Host {
  const { performance, MessageChannel, setTimeout } = globalThis as Partial<typeof globalThis>;
  const now = performance ? () => performance.now() : () => Date.now();
  // A message comes at once; browsers delay nested timers by milliseconds.
  const rest = () =>
    new Promise<void>((resolve) => {
      if (!MessageChannel) {
        if (setTimeout) setTimeout(resolve, 0);
        else resolve();
        return;
      }
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => {
        port1.close();
        resolve();
      };
      port2.postMessage(undefined);
    });
  const { scheduler } = globalThis as { scheduler?: { yield?(): Promise<void> } };
  const giveWay = () => scheduler?.yield?.() ?? rest();
  return { now, rest, yield: giveWay, ...parts };
}

/**
 * Bring in the wasm file that fits this host and the weights. Rejects with LoadError where a file
 * can't be had, with DigestError where it is not the one promised, and with the signal's reason once
 * it is aborted. What runs is checked first; weights may be used while their digests are computed,
 * by whoever waits for `checked` before trusting the result.
 */
export function load(model: ModelData, options: CreateOptions): Loading {
  const { files = {}, weights, signal, onProgress } = options;
  const isa = pickIsa(model, options.isa, files, false);
  const wasm = model.files[isa];
  const replaced = weights === undefined ? undefined : asList(weights);

  const total = [wasm, ...(replaced ? [] : model.files.weights)].reduce(
    (sum, f) => sum + f.bytes,
    0,
  );
  // Once a file fails, or the caller gives up, nobody waits for the others any more. A bare engine
  // has no AbortController; nor does it fetch, so there is nothing to stop.
  const stop = globalThis.AbortController ? new AbortController() : undefined;
  const giveUp = () => stop?.abort(signal?.reason);
  signal?.addEventListener("abort", giveUp, { once: true });
  let loaded = 0;
  const onBytes = (count: number) => {
    if (stop?.signal.aborted) return;
    loaded += count;
    onProgress?.({ phase: "fetch", loaded: Math.min(loaded, total), total });
  };
  const tools = { fetch: options.fetch, signal: stop?.signal, onBytes };

  const bring = async (file: FileData) => {
    const given = files[fileName(file)];
    if (given) onBytes(given.byteLength);
    const bytes = given ? bytesOf(given) : await read(file.url, tools, file);
    stop?.signal.throwIfAborted();
    return bytes;
  };
  const check = async (file: FileData, bytes: Promise<Uint8Array>) => {
    await checkDigest(file, await bytes);
    return bytes;
  };
  const promised = replaced ? [] : model.files.weights;
  const shards = replaced
    ? replaced.map(async (s) => (isLocation(s) ? read(s, tools) : bytesOf(s)))
    : promised.map(bring);
  const program = check(wasm, bring(wasm));
  const checks = promised.map((file, index) => check(file, shards[index] as Promise<Uint8Array>));
  const checked = Promise.all([program, ...shards, ...checks]).then(
    () => signal?.removeEventListener("abort", giveUp),
    (error: unknown) => {
      stop?.abort(error);
      signal?.removeEventListener("abort", giveUp);
      throw error;
    },
  );
  checked.catch(() => {}); // Whoever asks is told; that nobody has asked yet is no event.
  return { isa, wasm: program, weights: shards, checked };
}

/** Take the files from the caller, who has checked them. Throws LoadError where one is missing. */
export function loadSync(model: ModelData, options: CreateSyncOptions): Loaded {
  const isa = pickIsa(model, options.isa, options.files, true);
  const take = (file: FileData) => {
    const name = fileName(file);
    const given = options.files[name];
    if (!given) throw new LoadError(`${model.name}: "files" lacks ${name}`);
    return bytesOf(given);
  };
  const weights =
    options.weights === undefined
      ? model.files.weights.map(take)
      : asList(options.weights).map(bytesOf);
  return { isa, wasm: take(model.files[isa]), weights };
}

function pickIsa(
  model: ModelData,
  wanted: Isa | undefined,
  files: Readonly<Record<string, Bytes>>,
  needsFile: boolean,
): Isa {
  const exact = !model.ops.some((op) => op.dots) || hasExactDots();
  if (wanted === "relaxed" && !exact) {
    throw new LoadError(
      `${model.name}: products of bytes are not exact in this host's relaxed SIMD: leave out "isa"`,
    );
  }
  if (wanted) return wanted;
  const usable =
    exact && hasRelaxedSimd() && (!needsFile || fileName(model.files.relaxed) in files);
  return usable ? "relaxed" : "simd128";
}

interface Tools {
  readonly fetch: typeof fetch | undefined;
  readonly signal: AbortSignal | undefined;
  onBytes(count: number): void;
}

async function read(url: URL | string, tools: Tools, promise?: FileData): Promise<Uint8Array> {
  const isFile = String(url).startsWith("file:") || !/^[a-z][a-z\d+.-]+:/i.test(String(url));
  // Asked for at run time, so that a bundler for browsers sees no import of a Node module.
  const fs = isFile ? globalThis.process?.getBuiltinModule?.("node:fs/promises") : undefined;
  try {
    if (!fs || tools.fetch) return await readUrl(url, tools, promise);
    const file = await fs.readFile(url, tools.signal ? { signal: tools.signal } : {});
    tools.onBytes(file.length);
    return bytesOf(file);
  } catch (cause) {
    tools.signal?.throwIfAborted();
    if (cause instanceof LoadError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new LoadError(
      `can't read ${url}: ${why}. ${advice(promise, "lie")}` +
        (isFile && !fs ? "; reading files needs Node 20.16, Deno 2.1, Bun 1.2 or newer" : "") +
        (promise && !canDigest() ? `; its digest may differ from ${promise.integrity}` : ""),
      [],
      { cause },
    );
  }
}

/** What to look at where a file can't be read: one of the bundle's, or else the user's weights. */
function advice(promise: FileData | undefined, lie: string): string {
  return promise
    ? `Check that the bundle's files ${lie} beside its index.js`
    : 'Check the address given as "weights"';
}

async function readUrl(
  url: URL | string,
  tools: Tools,
  promise: FileData | undefined,
): Promise<Uint8Array> {
  const request: RequestInit = {};
  if (tools.signal) request.signal = tools.signal;
  // A page that is not in a secure context has no `crypto.subtle`; there the browser checks.
  if (promise && !canDigest()) request.integrity = promise.integrity;
  const response = await (tools.fetch ?? fetch)(url, request);
  const found = `can't read ${url}: the server answered with status ${response.status}`;
  if (!response.ok) {
    throw new LoadError(`${found}. ${advice(promise, "are served")}`);
  }
  if (/^text\/html/i.test(response.headers.get("content-type") ?? "")) {
    throw new LoadError(
      `${found} and an HTML page. Such a page often stands for a file that is not there: check that ` +
        "the bundle's files are served beside its index.js, and exclude the package from a dev " +
        "server's pre-bundling (Vite: optimizeDeps.exclude)",
    );
  }
  if (!response.body) return bytesOf(await response.arrayBuffer());
  const length = Number(response.headers.get("content-length"));
  return gather(response.body, promise?.bytes || length || 65536, tools.onBytes);
}

/** Gather a stream into one array, of `expected` bytes if all goes well. */
async function gather(
  stream: ReadableStream<Uint8Array>,
  expected: number,
  onBytes: (count: number) => void,
): Promise<Uint8Array> {
  const next = chunks(stream);
  // One byte more than expected, so that the end of the stream shows without a larger array.
  let bytes = new Uint8Array(expected + 1);
  let length = 0;
  for (;;) {
    if (length === bytes.length) {
      const larger = new Uint8Array(bytes.length * 2);
      larger.set(bytes);
      bytes = larger;
    }
    const { into, count } = await next(bytes, length);
    if (!count) return into.subarray(0, length);
    bytes = into;
    length += count;
    onBytes(count);
  }
}

/** How many bytes came, none at the end, and the array that holds them now: reading may move it. */
interface Chunk {
  readonly into: Uint8Array<ArrayBuffer>;
  readonly count: number;
}

/** Return what reads the next bytes of `stream` into an array from a position on. */
function chunks(
  stream: ReadableStream<Uint8Array>,
): (into: Uint8Array<ArrayBuffer>, at: number) => Promise<Chunk> {
  const byteReader = byteReaderOf(stream);
  if (byteReader) {
    return async (into, at) => {
      const { value } = await byteReader.read(into.subarray(at));
      return value
        ? { into: new Uint8Array(value.buffer), count: value.length }
        : { into, count: 0 };
    };
  }
  const reader = stream.getReader();
  let left = new Uint8Array(0);
  return async (into, at) => {
    while (!left.length) {
      const { done, value } = await reader.read();
      if (done) return { into, count: 0 };
      left = value as Uint8Array<ArrayBuffer>;
    }
    const count = Math.min(left.length, into.length - at);
    into.set(left.subarray(0, count), at);
    left = left.subarray(count);
    return { into, count };
  };
}

/** A reader that fills the caller's memory, which halves the time of a fetch; not every host has it. */
function byteReaderOf(stream: ReadableStream<Uint8Array>): ReadableStreamBYOBReader | undefined {
  try {
    return stream.getReader({ mode: "byob" });
  } catch {
    return undefined;
  }
}

async function checkDigest(file: FileData, bytes: Uint8Array): Promise<void> {
  if (!canDigest()) return;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-384", bytes as BufferSource));
  const found = `sha384-${btoa(String.fromCharCode(...digest))}`;
  if (found !== file.integrity) {
    throw new DigestError(
      `${fileName(file)} is not the file that the bundle promises: it has ${bytes.length} bytes and ` +
        `digest ${found}, and should have ${file.bytes} bytes and digest ${file.integrity}. It was ` +
        "changed or cut short, or belongs to another version of the bundle: copy the bundle anew",
    );
  }
}

function canDigest(): boolean {
  return (globalThis as { crypto?: Partial<Crypto> }).crypto?.subtle !== undefined;
}

/** The last part of a file's path, without a query. */
function fileName(file: FileData): string {
  return String(file.url)
    .replace(/[?#].*/s, "")
    .replace(/.*\//s, "");
}

function asList<T extends object | string>(source: T | readonly T[]): readonly T[] {
  return Array.isArray(source) ? source : [source as T];
}

function isLocation(source: Bytes | URL | string): source is URL | string {
  return typeof source === "string" || !("byteLength" in source);
}

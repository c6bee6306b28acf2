/**
 * Brings a model's files into memory and checks that they are what the bundle promises. This module,
 * `read.ts`, `digest.ts` and `host.ts` touch what only some hosts have: `fetch`, files, digests, clocks.
 */

import type { FileData, ModelData } from "./data.js";
import { checkDigest, fileName } from "./digest.js";
import { hasExactDots } from "./dots.js";
import { LoadError } from "./errors.js";
import type { Bytes, CreateOptions, CreateSyncOptions, Isa } from "./options.js";
import { read } from "./read.js";
import { bytesOf } from "./tensor.js";
import { hasRelaxedSimd } from "./wasm.js";

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
  // Hosts fetch a few files at a time, and this one is to be compiled meanwhile.
  const program = check(wasm, bring(wasm));
  const promised = replaced ? [] : model.files.weights;
  const shards = replaced
    ? replaced.map(async (s) => (isLocation(s) ? read(s, tools) : bytesOf(s)))
    : promised.map(bring);
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

function asList<T extends object | string>(source: T | readonly T[]): readonly T[] {
  return Array.isArray(source) ? source : [source as T];
}

function isLocation(source: Bytes | URL | string): source is URL | string {
  return typeof source === "string" || !("byteLength" in source);
}

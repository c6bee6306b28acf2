/**
 * Brings a model's files into memory and checks that they are what the bundle promises. This module,
 * `read.ts`, `digest.ts` and `../host.ts` touch what only some hosts have: `fetch`, files, digests, clocks.
 */

import type { FileData, ModelData } from "../data.js";
import { LoadError } from "../errors.js";
import type { Bytes, CreateOptions, CreateSyncOptions, Isa } from "../executor/options.js";
import { bytesOf } from "../tensor.js";
import { hasRelaxedSimd } from "../wasm/device.js";
import { FileDigest, fileName } from "./digest.js";
import { hasExactDots } from "./dots.js";
import { type Blocks, read, split, type Tools } from "./read.js";
import { Shard } from "./shard.js";

/**
 * How much of a file may still be to come when the next one is asked for: what hides the way to the
 * server, and no more, since a server gives up a connection that nobody reads from for too long.
 */
const AHEAD = 2 ** 21;

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
  /** The weights, to be read one after the other. */
  readonly shards: readonly Shard[];
  /** Have done: with an error, what is still on its way is no longer wanted. */
  end(error?: unknown): void;
}

/**
 * Bring in the wasm file that fits this host and the weights. What is read rejects with LoadError where
 * a file can't be had, with DigestError at its end where it is not the one promised, and with the
 * signal's reason once it is aborted. What runs is there only once it has been checked; weights may be
 * used as they come, by whoever reads them to their end before trusting the result.
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

  const bring = async function* (file: FileData, onNearEnd?: () => void): Blocks {
    const given = files[fileName(file)];
    const digest = new FileDigest(file);
    let left = file.bytes;
    for await (const block of given ? split(bytesOf(given), tools) : read(file.url, tools, file)) {
      stop?.signal.throwIfAborted();
      await digest.add(block);
      left -= block.length;
      if (left < AHEAD) onNearEnd?.();
      yield block;
    }
    await digest.check();
  };
  const watched = async function* (blocks: Blocks): Blocks {
    try {
      yield* blocks;
    } catch (error) {
      stop?.abort(error);
      throw error;
    }
  };
  const shards: Shard[] = replaced
    ? replaced.map((source) => new Shard(watched(readAny(source, tools))))
    : model.files.weights.map((file, index) => {
        return new Shard(watched(bring(file, () => shards[index + 1]?.ask())));
      });
  const program = readAll(new Shard(watched(bring(wasm))), wasm.bytes);
  // Is to arrive while that is compiled.
  shards[0]?.ask();
  const end = (error?: unknown) => {
    signal?.removeEventListener("abort", giveUp);
    if (error !== undefined) stop?.abort(error);
  };
  return { isa, wasm: program, shards, end };
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

/** Read weights of the user's own, wherever they are. */
function readAny(source: Bytes | URL | string, tools: Tools): Blocks {
  if (isLocation(source)) return read(source, tools);
  return split(bytesOf(source), { ...tools, onBytes: () => {} });
}

/** Read a file of `length` bytes to its end, where it is known to be the one promised. */
async function readAll(file: Shard, length: number): Promise<Uint8Array> {
  const all = new Uint8Array(length);
  const count = await file.read(all);
  await file.skip();
  return all.subarray(0, count);
}

function asList<T extends object | string>(source: T | readonly T[]): readonly T[] {
  return Array.isArray(source) ? source : [source as T];
}

function isLocation(source: Bytes | URL | string): source is URL | string {
  return typeof source === "string" || !("byteLength" in source);
}

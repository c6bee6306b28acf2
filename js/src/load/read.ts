import type { FileData } from "../data.js";
import { LoadError } from "../errors.js";
import { BLOCK, canDigest } from "./digest.js";

/** What reading files takes. */
export interface Tools {
  readonly fetch: typeof fetch | undefined;
  readonly signal: AbortSignal | undefined;
  onBytes(count: number): void;
}

/** A file's bytes, `BLOCK` at a time but for the last. Each block is there until the next is asked for. */
export type Blocks = AsyncGenerator<Uint8Array, void, void>;

/**
 * Read a file, from a disk or a server; `promise` is what the bundle says of it, if it is of one. Throws
 * LoadError, or the signal's reason.
 */
export async function* read(url: URL | string, tools: Tools, promise?: FileData): Blocks {
  const isFile = String(url).startsWith("file:") || !/^[a-z][a-z\d+.-]+:/i.test(String(url));
  // Asked for at run time, so that a bundler for browsers sees no import of a Node module.
  const fs = isFile ? globalThis.process?.getBuiltinModule?.("node:fs/promises") : undefined;
  try {
    if (!fs || tools.fetch) yield* readUrl(url, tools, promise);
    else yield* readFile(await fs.open(url), tools);
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

/** The same of bytes that are in memory. */
export async function* split(bytes: Uint8Array, { signal, onBytes }: Tools): Blocks {
  for (let at = 0; at < bytes.length; at += BLOCK) {
    signal?.throwIfAborted();
    const block = bytes.subarray(at, at + BLOCK);
    onBytes(block.length);
    yield block;
  }
}

/** What to look at where a file can't be read: one of the bundle's, or else the user's weights. */
function advice(promise: FileData | undefined, lie: string): string {
  return promise
    ? `Check that the bundle's files ${lie} beside its index.js`
    : 'Check the address given as "weights"';
}

async function* readFile(
  file: import("node:fs/promises").FileHandle,
  { signal, onBytes }: Tools,
): Blocks {
  const read: Next = async (into, at) => {
    signal?.throwIfAborted();
    const { bytesRead: count } = await file.read(into, at, into.length - at);
    return { into, count };
  };
  try {
    yield* gather(read, onBytes);
  } finally {
    await file.close();
  }
}

async function* readUrl(url: URL | string, tools: Tools, promise: FileData | undefined): Blocks {
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
  if (response.body) yield* gather(chunks(response.body), tools.onBytes);
  else yield* split(new Uint8Array(await response.arrayBuffer()), tools);
}

/** Gather what comes into blocks, all in one place: fresh memory takes as long as what fills it. */
async function* gather(next: Next, onBytes: (count: number) => void): Blocks {
  let block = new Uint8Array(BLOCK);
  for (let length = 0; ;) {
    const { into, count } = await next(block, length);
    block = into;
    length += count;
    if (count) onBytes(count);
    if (length === BLOCK || (!count && length)) {
      yield block.subarray(0, length);
      length = 0;
    }
    if (!count) return;
  }
}

/** How many bytes came, none at the end, and the array that holds them now: reading may move it. */
interface Chunk {
  readonly into: Uint8Array<ArrayBuffer>;
  readonly count: number;
}

/** Reads the next bytes into an array from a position on. */
type Next = (into: Uint8Array<ArrayBuffer>, at: number) => Promise<Chunk>;

/** Return what reads the next bytes of `stream`. */
function chunks(stream: ReadableStream<Uint8Array>): Next {
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

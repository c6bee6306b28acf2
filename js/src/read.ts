import type { FileData } from "./data.js";
import { canDigest } from "./digest.js";
import { LoadError } from "./errors.js";
import { bytesOf } from "./tensor.js";

/** What reading files takes. */
export interface Tools {
  readonly fetch: typeof fetch | undefined;
  readonly signal: AbortSignal | undefined;
  onBytes(count: number): void;
}

/**
 * Read a file, from a disk or a server; `promise` is what the bundle says of it, if it is of one. Throws
 * LoadError, or the signal's reason.
 */
export async function read(
  url: URL | string,
  tools: Tools,
  promise?: FileData,
): Promise<Uint8Array> {
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

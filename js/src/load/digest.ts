import type { FileData } from "../data.js";
import { DigestError } from "../errors.js";

/**
 * How many bytes of a file are digested at a time, as the format of bundles has it. Browsers copy so
 * few without asking the system for memory, which takes longer than the digest itself.
 */
const DIGESTED = 2 ** 18;
/**
 * How many bytes of a file are read at a time: what stays in the second level of a core's cache, and
 * makes few reads, each of which waits its turn of the event loop.
 */
export const BLOCK = 2 * DIGESTED;

const DIGEST_BYTES = 32;

/** Digests a file as it comes; does nothing where the host has no digests. */
export class FileDigest {
  readonly #file: FileData;
  readonly #blocks: Promise<ArrayBuffer>[] = [];
  #length = 0;

  constructor(file: FileData) {
    this.#file = file;
  }

  /**
   * Take in the next block, of `BLOCK` bytes but for the last. The host copies it before this returns;
   * wait for the promise, so that few of those copies are there at a time.
   */
  async add(block: Uint8Array): Promise<void> {
    this.#length += block.length;
    if (!canDigest()) return;
    const before = this.#blocks.at(-1);
    for (let at = 0; at < block.length; at += DIGESTED) {
      const part = block.subarray(at, at + DIGESTED) as BufferSource;
      this.#blocks.push(crypto.subtle.digest("SHA-256", part));
    }
    await before;
  }

  /** Throw DigestError unless what was taken in is the file promised. */
  async check(): Promise<void> {
    if (!canDigest()) return;
    const { bytes, digest } = this.#file;
    const all = new Uint8Array(this.#blocks.length * DIGEST_BYTES);
    for (const [index, block] of (await Promise.all(this.#blocks)).entries()) {
      all.set(new Uint8Array(block), index * DIGEST_BYTES);
    }
    const root = new Uint8Array(await crypto.subtle.digest("SHA-256", all));
    const found = btoa(String.fromCharCode(...root));
    if (found !== digest) {
      throw new DigestError(
        `${fileName(this.#file)} is not the file that the bundle promises: it has ${this.#length} ` +
          `bytes and digest ${found}, and should have ${bytes} bytes and digest ${digest}. It was ` +
          "changed or cut short, or belongs to another version of the bundle: copy the bundle anew",
      );
    }
  }
}

/** Whether this host has digests: a page that is not in a secure context has none. */
export function canDigest(): boolean {
  return (globalThis as { crypto?: Partial<Crypto> }).crypto?.subtle !== undefined;
}

/** The last part of a file's path, without a query. */
export function fileName(file: FileData): string {
  return String(file.url)
    .replace(/[?#].*/s, "")
    .replace(/.*\//s, "");
}

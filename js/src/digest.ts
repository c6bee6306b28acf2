import type { FileData } from "./data.js";
import { DigestError } from "./errors.js";

/** Throw DigestError unless `bytes` are those promised; nothing where the host has no digests. */
export async function checkDigest(file: FileData, bytes: Uint8Array): Promise<void> {
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

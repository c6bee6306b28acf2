import { createHash, randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { DigestError } from "../src/index.js";
import { BLOCK, FileDigest } from "../src/load/digest.js";
import { describeFile } from "./model.js";

/** Feed `bytes` block by block, each in the place of the one before, as a file comes. */
async function digest(bytes: Uint8Array, promised: Uint8Array): Promise<void> {
  const digest = new FileDigest(describeFile("some/weights.safetensors?v=1", promised));
  const block = new Uint8Array(BLOCK);
  for (let at = 0; at < bytes.length; at += BLOCK) {
    const part = bytes.subarray(at, at + BLOCK);
    block.set(part);
    const added = digest.add(block.subarray(0, part.length));
    block.fill(0);
    await added;
  }
  await digest.check();
}

test("a digest of one block is that of its digest", async () => {
  const bytes = randomBytes(1000);
  const once = createHash("sha256").update(bytes).digest();
  const twice = createHash("sha256").update(once).digest("base64");
  expect(describeFile("x", bytes).digest).toBe(twice);
  await digest(bytes, bytes);
});

test.each([0, 1, BLOCK / 2, BLOCK - 1, BLOCK, BLOCK + 1, 1.5 * BLOCK, 3 * BLOCK + 5])(
  "a file of %i bytes is known, and any change of it",
  async (length) => {
    const bytes = randomBytes(length);
    await digest(bytes, bytes);
    const changes = [Buffer.concat([bytes, Buffer.of(0)])];
    if (length) changes.push(bytes.subarray(0, -1));
    for (const at of [0, BLOCK - 1, BLOCK, length - 1].filter((at) => at >= 0 && at < length)) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(bytes.readUInt8(at) ^ 16, at);
      changes.push(changed);
    }
    if (length > BLOCK * 2) {
      const blocks = [bytes.subarray(BLOCK, 2 * BLOCK), bytes.subarray(0, BLOCK)];
      changes.push(Buffer.concat([...blocks, bytes.subarray(2 * BLOCK)]));
    }
    for (const changed of changes) {
      const failure = digest(changed, bytes);
      await expect(failure).rejects.toThrow(DigestError);
      await expect(failure).rejects.toThrow("weights.safetensors is not the file");
      await expect(failure).rejects.toThrow(`${changed.length} bytes`);
    }
  },
);

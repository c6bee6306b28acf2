import { afterEach, describe, expect, test, vi } from "vitest";
import { BundleError, OutOfMemoryError } from "../src/errors.js";
import { makeMemory, makeSharedMemory, memoryImportOf, shareMemory } from "../src/wasm/file.js";
import { close } from "../src/wasm/kernels.js";
import { assemble } from "./model.js";

const importing = (limits: string) =>
  assemble(`(module (type (func)) (import "env" "memory" (memory ${limits})))`);

afterEach(() => void vi.unstubAllGlobals());

/** Refuse memories that may grow beyond `most` pages. */
function refuseBeyond(most: number): void {
  const { Memory } = WebAssembly;
  vi.stubGlobal("WebAssembly", {
    Memory: function (descriptor: WebAssembly.MemoryDescriptor) {
      if ((descriptor.maximum ?? 0) > most) throw new RangeError("could not reserve");
      return new Memory(descriptor);
    },
  });
}

describe("the memory that a file imports", () => {
  test.each([
    ["3", 3, undefined],
    ["3 70", 3, 70],
    ["200 65536", 200, 65536],
  ])("%s", async (limits, initial, maximum) => {
    const wanted = memoryImportOf(await importing(limits));
    expect(wanted).toMatchObject({ initial, maximum });
    expect(makeMemory(wanted).buffer.byteLength).toBe(initial * 65536);
  });

  test("is shared by one bit of a copy of the file", async () => {
    const file = await importing("3 70");
    const wanted = memoryImportOf(file);
    const shared = shareMemory(file, wanted);
    const memory = makeSharedMemory(wanted);
    const instantiate = (bytes: Uint8Array) =>
      new WebAssembly.Instance(new WebAssembly.Module(bytes as BufferSource), { env: { memory } });
    expect(memory.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(() => instantiate(shared)).not.toThrow();
    expect(() => instantiate(file)).toThrow(WebAssembly.LinkError);
    expect(file.filter((byte, at) => byte !== shared[at])).toHaveLength(1);
  });

  test("has the highest maximum that the host grants, once it is shared", async () => {
    const wanted = memoryImportOf(await importing("3 65536"));
    refuseBeyond(20_000);
    const memory = makeSharedMemory(wanted);
    memory.grow(16_384 - 3);
    expect(() => memory.grow(1)).toThrow(RangeError);
  });

  test("may be refused altogether", async () => {
    const wanted = memoryImportOf(await importing("3 65536"));
    refuseBeyond(2);
    expect(() => makeSharedMemory(wanted)).toThrow(OutOfMemoryError);
  });

  test("can't be shared without a maximum", async () => {
    const wanted = memoryImportOf(await importing("3"));
    expect(() => makeSharedMemory(wanted)).toThrow(BundleError);
  });
});

test("a kernel is closed over any number of arguments", () => {
  for (let count = 0; count < 14; count++) {
    const args = Array.from({ length: count }, (_, i) => i * 10);
    const kernel = vi.fn();
    close(kernel, args)(3, 7);
    expect(kernel.mock.calls).toEqual([[...args, 3, 7]]);
  }
});

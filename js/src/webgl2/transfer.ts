/** Tensors into textures and out of them. */

import type { Context } from "./context.js";
import type { Elements } from "./elements.js";
import { LANES, texelsOf } from "./layout.js";
import type { Texture, Textures } from "./texture.js";

/** How texels lie in rows: full ones, and then a piece of one. */
interface Rows {
  readonly full: number;
  /** Texels of the last row, if it is not full. */
  readonly rest: number;
}

/** Copies elements between arrays and textures, through the GPU's own buffers. */
export class Transfer {
  readonly #context: Context;
  readonly #textures: Textures;

  constructor(context: Context, textures: Textures) {
    this.#context = context;
    this.#textures = textures;
  }

  /** Fill the texels that `elements` take. They may change as soon as this returns. */
  upload(texture: Texture, elements: Elements): void {
    if (!elements.length) return;
    this.#context.use(1, () => {
      const { gl } = this.#context;
      gl.activeTexture(gl.TEXTURE0);
      gl.bindTexture(gl.TEXTURE_2D, texture.handle);
      const texels = texelsOf(elements.length);
      // The buffer may be longer than the elements, so that the last texel is whole.
      const buffer = gl.createBuffer();
      gl.bindBuffer(gl.PIXEL_UNPACK_BUFFER, buffer);
      gl.bufferData(gl.PIXEL_UNPACK_BUFFER, texels * LANES * 4, gl.STREAM_DRAW);
      gl.bufferSubData(gl.PIXEL_UNPACK_BUFFER, 0, elements);
      const [format, type] = this.#formatOf(texture);
      const { full, rest } = rowsOf(texels, texture);
      const fill = (row: number, width: number, height: number) => {
        const offset = offsetOf(row, texture);
        gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, row, width, height, format, type, offset);
      };
      if (full) fill(0, texture.width, full);
      if (rest) fill(full, rest, 1);
      gl.bindBuffer(gl.PIXEL_UNPACK_BUFFER, null);
      gl.deleteBuffer(buffer);
    });
  }

  /** Copy the first `length` elements out, and wait for the GPU until they are there. */
  download(texture: Texture, length: number): Elements {
    return this.#context.use(0, () => {
      const { gl } = this.#context;
      const texels = texelsOf(length);
      const elements = arrayFor(texture, texels * LANES);
      const pixels = this.#isOfIntegers(texture) ? new Int32Array(elements.buffer) : elements;
      gl.bindFramebuffer(gl.READ_FRAMEBUFFER, this.#textures.target([texture]));
      const [format, type] = this.#formatOf(texture);
      const { full, rest } = rowsOf(texels, texture);
      const take = (row: number, width: number, height: number) =>
        gl.readPixels(0, row, width, height, format, type, pixels, offsetOf(row, texture) / 4);
      if (full) take(0, texture.width, full);
      if (rest) take(full, rest, 1);
      return elements.length === length ? elements : elements.slice(0, length);
    });
  }

  /**
   * The same without waiting: the copy is made on the GPU, and handed over once it is there.
   */
  async downloadLater(texture: Texture, length: number): Promise<Elements> {
    const { gl } = this.#context;
    const { buffer, fence } = this.#context.use(0, () => this.#copyOut(texture, length));
    try {
      await this.#reach(fence);
      return this.#context.use(0, () => {
        const elements = arrayFor(texture, length);
        gl.bindBuffer(gl.PIXEL_PACK_BUFFER, buffer);
        gl.getBufferSubData(gl.PIXEL_PACK_BUFFER, 0, elements);
        gl.bindBuffer(gl.PIXEL_PACK_BUFFER, null);
        return elements;
      });
    } finally {
      gl.deleteBuffer(buffer);
    }
  }

  /** Wait, without blocking, until the GPU has done all that it was asked for. */
  async settled(): Promise<void> {
    const fence = this.#context.use(0, () => this.#fence());
    await this.#reach(fence);
  }

  /** Have the GPU copy elements into a buffer, and tell it to say when they are there. */
  #copyOut(
    texture: Texture,
    length: number,
  ): { readonly buffer: WebGLBuffer; readonly fence: WebGLSync } {
    const { gl } = this.#context;
    const texels = texelsOf(length);
    const buffer = gl.createBuffer();
    gl.bindBuffer(gl.PIXEL_PACK_BUFFER, buffer);
    gl.bufferData(gl.PIXEL_PACK_BUFFER, texels * LANES * 4, gl.STREAM_READ);
    gl.bindFramebuffer(gl.READ_FRAMEBUFFER, this.#textures.target([texture]));
    const [format, type] = this.#formatOf(texture);
    const { full, rest } = rowsOf(texels, texture);
    const take = (row: number, width: number, height: number) =>
      gl.readPixels(0, row, width, height, format, type, offsetOf(row, texture));
    if (full) take(0, texture.width, full);
    if (rest) take(full, rest, 1);
    gl.bindBuffer(gl.PIXEL_PACK_BUFFER, null);
    return { buffer, fence: this.#fence() };
  }

  /** Tell the GPU to say when it is done with what it was asked for. */
  #fence(): WebGLSync {
    const { gl } = this.#context;
    const fence = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0) as WebGLSync;
    gl.flush();
    return fence;
  }

  #formatOf(texture: Texture): [format: number, type: number] {
    const { gl } = this.#context;
    return this.#isOfIntegers(texture) ? [gl.RGBA_INTEGER, gl.INT] : [gl.RGBA, gl.FLOAT];
  }

  /** Whether a texture has integers, which may be the bits of floats. */
  #isOfIntegers({ kind }: Texture): boolean {
    return kind === "int" || this.#context.floats === "rgba32i";
  }

  async #reach(fence: WebGLSync): Promise<void> {
    const { gl } = this.#context;
    try {
      await this.#context.until(() => gl.getSyncParameter(fence, gl.SYNC_STATUS) === gl.SIGNALED);
    } finally {
      gl.deleteSync(fence);
    }
  }
}

function rowsOf(texels: number, { width }: Texture): Rows {
  return { full: Math.floor(texels / width), rest: texels % width };
}

/** Where a row begins in an array or buffer, in bytes. */
function offsetOf(row: number, { width }: Texture): number {
  return row * width * LANES * 4;
}

function arrayFor({ kind }: Texture, length: number): Elements {
  return kind === "int" ? new Int32Array(length) : new Float32Array(length);
}

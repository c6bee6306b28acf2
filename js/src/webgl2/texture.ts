import { DeviceError, OutOfMemoryError } from "../errors.js";
import type { Context } from "./context.js";
import type { Extent, Kind } from "./layout.js";

/** A texture, or what stands for it while the context is lost. Only `Textures` changes one. */
export interface Texture extends Extent {
  readonly id: number;
  readonly kind: Kind;
  /** How many layers an array of textures has; 0 for one that is none. */
  readonly layers: number;
  readonly handle: WebGLTexture;
}

type Writable = { -readonly [K in keyof Texture]: Texture[K] };

/** Bytes of a texel, by what its elements are kept as. */
const TEXEL_BYTES = { rgba32f: 16, rgba16f: 8, rgba32i: 16 } as const;

/** The textures of a device, and the framebuffers with which they are drawn to and read. */
export class Textures {
  readonly #context: Context;
  readonly #all = new Map<number, Writable>();
  readonly #targets = new Map<
    string,
    { readonly ids: readonly number[]; handle: WebGLFramebuffer }
  >();
  #made = 0;
  /** Whether any has been made since `checkMemory` was called. */
  #unchecked = false;

  constructor(context: Context) {
    this.#context = context;
    context.onRestored(() => this.#restore());
  }

  /** How many bytes they take. */
  get bytes(): number {
    let sum = 0;
    for (const { kind, width, height, layers } of this.#all.values()) {
      const texels = width * height * Math.max(1, layers);
      sum += texels * TEXEL_BYTES[kind === "int" ? "rgba32i" : this.#context.floats];
    }
    return sum;
  }

  /** Make a texture; what is in it is undefined. */
  make(kind: Kind, { width, height }: Extent, layers = 0): Texture {
    const shape = { id: this.#made++, kind, width, height, layers };
    const texture = { ...shape, handle: this.#store(shape) };
    this.#all.set(texture.id, texture);
    return texture;
  }

  /** Make a texture at least as large as `extent`; if it was not, what was in it is lost. */
  grow(texture: Texture, extent: Extent): void {
    const grown = texture as Writable;
    if (extent.width <= grown.width && extent.height <= grown.height) return;
    this.#forgetTargets(grown.id);
    this.#context.gl.deleteTexture(grown.handle);
    grown.width = Math.max(grown.width, extent.width);
    grown.height = Math.max(grown.height, extent.height);
    grown.handle = this.#store(grown);
  }

  /** Throw OutOfMemoryError if the context could not make what it was asked for since the last call. */
  checkMemory(): void {
    if (!this.#unchecked) return;
    this.#unchecked = false;
    const { gl } = this.#context;
    const errors = new Set<number>();
    // A context of somebody else's may have errors of theirs, too; each kind is told of once.
    for (let error = gl.getError(); error !== gl.NO_ERROR; error = gl.getError()) errors.add(error);
    if (!errors.has(gl.OUT_OF_MEMORY)) return;
    throw new OutOfMemoryError(
      `this run needs ${Math.ceil(this.bytes / 2 ** 20)} MiB of textures, which the GPU refuses: use ` +
        "smaller inputs, or dispose of executors that are no longer needed",
    );
  }

  /** Bind a texture to a unit. */
  bind(unit: number, { layers, handle }: Texture): void {
    const { gl } = this.#context;
    gl.activeTexture(gl.TEXTURE0 + unit);
    gl.bindTexture(layers ? gl.TEXTURE_2D_ARRAY : gl.TEXTURE_2D, handle);
  }

  /** The framebuffer that draws to `textures`, or to the layers of one: the first at location 0. */
  target(textures: readonly Texture[]): WebGLFramebuffer {
    const key = textures.map(({ id }) => id).join();
    let target = this.#targets.get(key);
    if (!target) {
      target = { ids: textures.map(({ id }) => id), handle: this.#attach(textures) };
      this.#targets.set(key, target);
    }
    return target.handle;
  }

  dispose(): void {
    const { gl } = this.#context;
    for (const { handle } of this.#targets.values()) gl.deleteFramebuffer(handle);
    for (const { handle } of this.#all.values()) gl.deleteTexture(handle);
    this.#targets.clear();
    this.#all.clear();
  }

  /** Make everything anew, empty, in a context that has been restored. */
  #restore(): void {
    this.#targets.clear();
    for (const texture of this.#all.values()) {
      texture.handle = this.#store(texture);
    }
  }

  #store({ kind, width, height, layers }: Omit<Texture, "handle">): WebGLTexture {
    return this.#context.use(1, () => {
      const { gl, floats } = this.#context;
      const handle = gl.createTexture();
      this.#unchecked = true;
      const target = layers ? gl.TEXTURE_2D_ARRAY : gl.TEXTURE_2D;
      gl.activeTexture(gl.TEXTURE0);
      gl.bindTexture(target, handle);
      const formats = { rgba32f: gl.RGBA32F, rgba16f: gl.RGBA16F, rgba32i: gl.RGBA32I };
      const format = formats[kind === "int" ? "rgba32i" : floats];
      if (layers) gl.texStorage3D(target, 1, format, width, height, layers);
      else gl.texStorage2D(target, 1, format, width, height);
      gl.texParameteri(target, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
      gl.texParameteri(target, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
      return handle;
    });
  }

  #attach(textures: readonly Texture[]): WebGLFramebuffer {
    const { gl } = this.#context;
    const target = gl.createFramebuffer();
    gl.bindFramebuffer(gl.FRAMEBUFFER, target);
    const points: number[] = [];
    const nextPoint = () => points[points.push(gl.COLOR_ATTACHMENT0 + points.length) - 1] as number;
    for (const { layers, handle } of textures) {
      for (let layer = 0; layer < layers; layer++) {
        gl.framebufferTextureLayer(gl.FRAMEBUFFER, nextPoint(), handle, 0, layer);
      }
      if (layers) continue;
      gl.framebufferTexture2D(gl.FRAMEBUFFER, nextPoint(), gl.TEXTURE_2D, handle, 0);
    }
    gl.drawBuffers(points);
    const status = gl.checkFramebufferStatus(gl.FRAMEBUFFER);
    if (status !== gl.FRAMEBUFFER_COMPLETE && !this.#context.lost) {
      gl.deleteFramebuffer(target);
      throw new DeviceError(
        `this WebGL2 can't draw to ${points.length} textures of floats or integers at once (status ` +
          `0x${status.toString(16)}): leave "webgl2" out of "devices"`,
      );
    }
    return target;
  }

  #forgetTargets(id: number): void {
    for (const [key, { ids, handle }] of this.#targets) {
      if (!ids.includes(id)) continue;
      this.#context.gl.deleteFramebuffer(handle);
      this.#targets.delete(key);
    }
  }
}

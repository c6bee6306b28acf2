import { InputError } from "../errors.js";
import { draw, isAmbiguous } from "../picture/canvas.js";
import { extentOf, type Picture, refusePicture } from "../picture/picture.js";
import { sizeOf } from "../tensor.js";
import type { Context } from "./context.js";
import { texelsOf } from "./layout.js";
import type { Programs, Source } from "./program.js";
import type { Texture, Textures } from "./texture.js";

/** Bytes of a pixel of RGBA8. */
const PIXEL = 4;

/** Makes tensors of pictures, on the GPU. */
export class Painter {
  readonly #context: Context;
  readonly #programs: Programs;
  readonly #textures: Textures;
  /** The latest picture's pixels. */
  #pixels: WebGLTexture | null = null;
  #bytes = 0;

  constructor(context: Context, programs: Programs, textures: Textures) {
    this.#context = context;
    this.#programs = programs;
    this.#textures = textures;
    context.onRestored(() => (this.#pixels = null));
  }

  /** The bytes of what it keeps. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Throws InputError for an image that has no pixels yet, that the browser lets no page read, or that
   * is larger than a texture may be.
   */
  paint(texture: Texture, picture: Picture): void {
    this.#context.use(1, () => {
      const { gl } = this.#context;
      this.#load(picture.image);
      const [height, width] = picture.shape.slice(picture.channelsFirst ? 2 : 1) as [
        number,
        number,
      ];
      this.#programs.use(sourceOf(picture), [height, width], texture.width);
      gl.activeTexture(gl.TEXTURE0);
      gl.bindTexture(gl.TEXTURE_2D, this.#pixels);
      gl.bindFramebuffer(gl.DRAW_FRAMEBUFFER, this.#textures.target([texture]));
      const texels = texelsOf(sizeOf(picture.shape));
      gl.viewport(0, 0, texture.width, Math.ceil(texels / texture.width));
      gl.drawArrays(gl.TRIANGLES, 0, 3);
    });
  }

  dispose(): void {
    this.#context.gl.deleteTexture(this.#pixels);
    this.#pixels = null;
    this.#bytes = 0;
  }

  #load(image: TexImageSource): void {
    const { gl, maxSize } = this.#context;
    const [width, height] = extentOf(image);
    if (Math.max(width, height) > maxSize) {
      throw new InputError(
        `the picture has ${width}x${height} pixels, and textures of this machine are ${maxSize} wide ` +
          "and high at most: draw it smaller on a canvas, and give that",
      );
    }
    // What a canvas makes of it is what the wasm device reads, too.
    const source = isAmbiguous(image) ? draw(image, {}).canvas : image;
    this.#pixels ??= gl.createTexture();
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, this.#pixels);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    try {
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, gl.RGBA, gl.UNSIGNED_BYTE, source);
    } catch (cause) {
      throw refusePicture(cause);
    }
    this.#bytes = width * height * PIXEL;
  }
}

/** The shader for a layout, means and deviations; height and width are its dims. */
function sourceOf({ channelsFirst, mean, std }: Picture): Source {
  const vector = (numbers: readonly number[]) =>
    `vec3(${numbers.map((each) => each.toExponential()).join(", ")})`;
  const split = channelsFirst
    ? "int c = e / (d0 * d1), y = e / d1 % d0, x = e % d1;"
    : "int c = e % 3, y = e / 3 / d1, x = e / 3 % d1;";
  const fragment = `#version 300 es
precision highp float;
precision highp int;
precision highp sampler2D;
uniform sampler2D pixels;
uniform int d0, d1, w;
out vec4 o0;
const vec3 mean = ${vector(mean)}, std = ${vector(std)};
float element(int e) {
  ${split}
  if (c > 2 || y >= d0) return 0.0;
  ivec2 size = textureSize(pixels, 0);
  vec2 at = (vec2(x, y) + 0.5) * vec2(size) / vec2(d1, d0) - 0.5;
  vec2 low = floor(at);
  vec2 part = at - low;
  ivec2 first = clamp(ivec2(low), ivec2(0), size - 1), last = clamp(ivec2(low) + 1, ivec2(0), size - 1);
  vec3 top = mix(texelFetch(pixels, first, 0).rgb, texelFetch(pixels, ivec2(last.x, first.y), 0).rgb, part.x);
  vec3 bottom = mix(texelFetch(pixels, ivec2(first.x, last.y), 0).rgb, texelFetch(pixels, last, 0).rgb, part.x);
  return ((mix(top, bottom, part.y) - mean) / std)[c];
}
void main() {
  int e = (int(gl_FragCoord.y) * w + int(gl_FragCoord.x)) * 4;
  o0 = vec4(element(e), element(e + 1), element(e + 2), element(e + 3));
}`;
  return { fragment, inputs: 1, dims: 2, user: "the shader that draws pictures" };
}

// Runs the passes of shaders in a WebGL2 context of its own: no runtime of pyjsml takes part.

const kinds = {
  float32: { array: Float32Array, format: "RGBA32F", pixel: "RGBA", type: "FLOAT" },
  int32: { array: Int32Array, format: "RGBA32I", pixel: "RGBA_INTEGER", type: "INT" },
};

const VERTEX = `#version 300 es
void main() { gl_Position = vec4(gl_VertexID == 1 ? 3 : -1, gl_VertexID == 2 ? 3 : -1, 0, 1); }`;

/** How many texels wide a texture of so many elements is. */
function widthOf(texels) {
  let width = 1;
  while (width * width < texels) width *= 2;
  return width;
}

export class Passes {
  #gl = new OffscreenCanvas(1, 1).getContext("webgl2");
  #programs = new Map();

  constructor() {
    this.#gl.getExtension("EXT_color_buffer_float");
  }

  /** Run `passes` over `tensors`, each `{ dtype, size, data?, layers? }`; return those of `wanted`. */
  run({ passes, tensors, wanted }) {
    const gl = this.#gl;
    const textures = tensors.map((tensor) => this.#texture(tensor));
    for (const { fragment, inputs, outputs, dims, texels } of passes) {
      const program = this.#program(fragment);
      const place = (name) => gl.getUniformLocation(program, name);
      gl.useProgram(program);
      inputs.forEach((input, unit) => {
        gl.activeTexture(gl.TEXTURE0 + unit);
        gl.bindTexture(textures[input].target, textures[input].handle);
        gl.uniform1i(place(`t${unit}`), unit);
      });
      dims.forEach((dim, index) => gl.uniform1i(place(`d${index}`), dim));
      const { width } = textures[outputs[0]];
      gl.uniform1i(place("w"), width);
      this.#attach(outputs.map((output) => textures[output]));
      gl.viewport(0, 0, width, Math.ceil(texels / width));
      gl.drawArrays(gl.TRIANGLES, 0, 3);
    }
    const results = wanted.map((index) => Array.from(this.#read(textures[index], tensors[index])));
    for (const { handle } of textures) gl.deleteTexture(handle);
    if (gl.getError() !== gl.NO_ERROR) throw new Error("WebGL has an error");
    return results.map((values) => values.map(String));
  }

  #texture({ dtype, size, data, layers = 0 }) {
    const gl = this.#gl;
    const { array, format, pixel, type } = kinds[dtype];
    const texels = Math.max(1, Math.ceil(size / 4));
    const width = widthOf(texels);
    const height = Math.ceil(texels / width);
    const target = layers ? gl.TEXTURE_2D_ARRAY : gl.TEXTURE_2D;
    const handle = gl.createTexture();
    gl.bindTexture(target, handle);
    gl.texParameteri(target, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    gl.texParameteri(target, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
    // What nobody has written is NaN, or a number that is no index.
    const elements = new array(width * height * 4).fill(array === Int32Array ? -77777 : NaN);
    if (layers) {
      gl.texStorage3D(target, 1, gl[format], width, height, layers);
    } else {
      elements.set((data ?? []).map(Number));
      gl.texStorage2D(target, 1, gl[format], width, height);
      gl.texSubImage2D(target, 0, 0, 0, width, height, gl[pixel], gl[type], elements);
    }
    return { handle, target, width, height, layers };
  }

  #program(fragment) {
    const gl = this.#gl;
    const known = this.#programs.get(fragment);
    if (known) return known;
    const program = gl.createProgram();
    for (const [type, text] of [
      [gl.VERTEX_SHADER, VERTEX],
      [gl.FRAGMENT_SHADER, fragment],
    ]) {
      const shader = gl.createShader(type);
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) {
        throw new Error(`${gl.getShaderInfoLog(shader)}\n${text}`);
      }
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) {
      throw new Error(`${gl.getProgramInfoLog(program)}\n${fragment}`);
    }
    this.#programs.set(fragment, program);
    return program;
  }

  #attach(textures) {
    const gl = this.#gl;
    gl.bindFramebuffer(gl.FRAMEBUFFER, gl.createFramebuffer());
    const points = [];
    for (const { handle, layers } of textures) {
      for (let layer = 0; layer < Math.max(1, layers); layer++) {
        const point = gl.COLOR_ATTACHMENT0 + points.length;
        points.push(point);
        if (layers) gl.framebufferTextureLayer(gl.FRAMEBUFFER, point, handle, 0, layer);
        else gl.framebufferTexture2D(gl.FRAMEBUFFER, point, gl.TEXTURE_2D, handle, 0);
      }
    }
    gl.drawBuffers(points);
  }

  #read(texture, { dtype, size }) {
    const gl = this.#gl;
    const { array, pixel, type } = kinds[dtype];
    const { width, height } = texture;
    const elements = new array(width * height * 4);
    this.#attach([texture]);
    gl.readPixels(0, 0, width, height, gl[pixel], gl[type], elements);
    return elements.subarray(0, size);
  }
}

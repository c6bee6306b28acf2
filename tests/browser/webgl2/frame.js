// A page that draws with most of what WebGL2 has, and sets its state once.

const VERTEX = `#version 300 es
layout(location = 0) in vec2 corner;
layout(location = 1) in vec3 place;
uniform Scale { vec4 scale; };
out vec2 at;
void main() { at = corner; gl_Position = vec4(corner * scale.xy + place.xy, place.z, 1); }`;
const FRAGMENT = `#version 300 es
precision highp float;
uniform sampler2D low, high;
in vec2 at;
out vec4 color;
void main() { color = vec4(texture(low, at).rg, texture(high, at * 3.0).b, 0.6); }`;
const SIZE = 32;

/**
 * Prepare `gl` for its frames: instanced squares with two textures, one of them through a sampler of
 * its own, blended, within scissors, a depth and a stencil test, and a mask of colours. Return what
 * draws one and gives its pixels.
 */
export function pageDrawing(gl) {
  Object.assign(gl.canvas, { width: SIZE, height: SIZE });
  const program = gl.createProgram();
  for (const [type, text] of [
    [gl.VERTEX_SHADER, VERTEX],
    [gl.FRAGMENT_SHADER, FRAGMENT],
  ]) {
    const shader = gl.createShader(type);
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  gl.useProgram(program);
  gl.uniform1i(gl.getUniformLocation(program, "low"), 0);
  gl.uniform1i(gl.getUniformLocation(program, "high"), 3);
  gl.bindVertexArray(gl.createVertexArray());
  attribute(gl, 0, 2, [0, 0, 1, 0, 0, 1, 1, 1]);
  attribute(gl, 1, 3, [-1, -1, 0.5, -0.5, -0.7, 0.2, -0.2, -0.4, 0.8, 0, 0, 0.3]);
  gl.vertexAttribDivisor(1, 1);
  gl.bindBufferBase(gl.UNIFORM_BUFFER, 0, gl.createBuffer());
  gl.bufferData(gl.UNIFORM_BUFFER, new Float32Array([0.8, 0.9, 0, 0]), gl.STATIC_DRAW);
  for (const unit of [0, 3]) texture(gl, unit);
  const sampler = gl.createSampler();
  gl.samplerParameteri(sampler, gl.TEXTURE_MAG_FILTER, gl.LINEAR);
  gl.bindSampler(3, sampler);
  for (const name of ["BLEND", "SCISSOR_TEST", "DEPTH_TEST", "STENCIL_TEST"]) gl.enable(gl[name]);
  gl.blendFunc(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA);
  gl.scissor(2, 3, 27, 25);
  gl.viewport(1, 1, SIZE - 3, SIZE - 2);
  gl.stencilFunc(gl.GREATER, 2, 0xff);
  gl.stencilOp(gl.KEEP, gl.INCR, gl.INCR);
  gl.colorMask(true, true, false, true);
  gl.clearColor(0.1, 0.2, 0.3, 1);
  return () => {
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT | gl.STENCIL_BUFFER_BIT);
    gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, 4);
    const pixels = new Uint8Array(4 * SIZE * SIZE);
    gl.readPixels(0, 0, SIZE, SIZE, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
    return pixels;
  };
}

function attribute(gl, location, size, numbers) {
  gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
  gl.bufferData(gl.ARRAY_BUFFER, new Float32Array(numbers), gl.STATIC_DRAW);
  gl.enableVertexAttribArray(location);
  gl.vertexAttribPointer(location, size, gl.FLOAT, false, 0, 0);
}

/** A texture of four by four pixels in a unit, with mipmaps. */
function texture(gl, unit) {
  gl.activeTexture(gl.TEXTURE0 + unit);
  gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
  const pixels = Uint8Array.from({ length: 64 }, (_, i) => (i * 53 + unit * 91) % 256);
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, 4, 4, 0, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
  gl.generateMipmap(gl.TEXTURE_2D);
}

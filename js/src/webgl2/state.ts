/**
 * The state of a WebGL2 context that the device changes: set as it wants it, and put back where the
 * context is somebody else's. What OES_draw_buffers_indexed sets for one draw buffer alone is not told
 * apart.
 *
 * The constants are those of the WebGL 1 and 2 specifications; objects of a context have them too,
 * but tables do not.
 */

import { StateError } from "../errors.js";

type Gl = WebGL2RenderingContext;

/** What is turned off, so that every fragment of a draw is written as the shader says. */
const CAPABILITIES = [
  0x0be2, // BLEND
  0x0b44, // CULL_FACE
  0x0b71, // DEPTH_TEST
  0x0bd0, // DITHER
  0x8037, // POLYGON_OFFSET_FILL
  0x809e, // SAMPLE_ALPHA_TO_COVERAGE
  0x80a0, // SAMPLE_COVERAGE
  0x0c11, // SCISSOR_TEST
  0x0b90, // STENCIL_TEST
  0x8c89, // RASTERIZER_DISCARD
] as const;

/** How pixels lie in arrays: one behind the other. */
const PIXEL_STORE = [
  [0x0cf5, 4], // UNPACK_ALIGNMENT
  [0x0cf2, 0], // UNPACK_ROW_LENGTH
  [0x806e, 0], // UNPACK_IMAGE_HEIGHT
  [0x0cf4, 0], // UNPACK_SKIP_PIXELS
  [0x0cf3, 0], // UNPACK_SKIP_ROWS
  [0x806d, 0], // UNPACK_SKIP_IMAGES
  [0x9240, false], // UNPACK_FLIP_Y_WEBGL
  [0x9241, false], // UNPACK_PREMULTIPLY_ALPHA_WEBGL
  [0x9243, 0x9244], // UNPACK_COLORSPACE_CONVERSION_WEBGL: BROWSER_DEFAULT_WEBGL
  [0x0d05, 4], // PACK_ALIGNMENT
  [0x0d02, 0], // PACK_ROW_LENGTH
  [0x0d04, 0], // PACK_SKIP_PIXELS
  [0x0d03, 0], // PACK_SKIP_ROWS
] as const;

/** Queries that draws answer. */
const OCCLUSION = [
  0x8c2f, // ANY_SAMPLES_PASSED
  0x8d6a, // ANY_SAMPLES_PASSED_CONSERVATIVE
] as const;

/** Set what all uses of the device have in common. */
export function setState(gl: Gl): void {
  for (const capability of CAPABILITIES) gl.disable(capability);
  for (const [name, value] of PIXEL_STORE) gl.pixelStorei(name, value);
  gl.colorMask(true, true, true, true);
  gl.bindBuffer(gl.PIXEL_PACK_BUFFER, null);
  gl.bindBuffer(gl.PIXEL_UNPACK_BUFFER, null);
}

/**
 * Set the same in a context of somebody else's, for a use of its first `units` texture units; return
 * what puts everything back. Throws StateError where it is in the middle of something.
 */
export function borrowState(gl: Gl, units: number): () => void {
  const get = <T>(name: number) => gl.getParameter(name) as T;
  if (get<boolean>(gl.TRANSFORM_FEEDBACK_ACTIVE)) {
    throw new StateError(
      "webgl2.context is in the middle of a transform feedback, during which no buffer can be read: " +
        "end it before a run",
    );
  }
  if (OCCLUSION.some((query) => gl.getQuery(query, gl.CURRENT_QUERY))) {
    throw new StateError(
      "webgl2.context is in the middle of an occlusion query, which draws of others would answer: end " +
        "it before a run",
    );
  }

  const enabled = CAPABILITIES.filter((capability) => gl.isEnabled(capability));
  const pixelStore = PIXEL_STORE.map(([name]) => get<number>(name));
  const colorMask = get<[boolean, boolean, boolean, boolean]>(gl.COLOR_WRITEMASK);
  const program = get<WebGLProgram | null>(gl.CURRENT_PROGRAM);
  const vertexArray = get<WebGLVertexArrayObject | null>(gl.VERTEX_ARRAY_BINDING);
  const drawTarget = get<WebGLFramebuffer | null>(gl.DRAW_FRAMEBUFFER_BINDING);
  const readTarget = get<WebGLFramebuffer | null>(gl.READ_FRAMEBUFFER_BINDING);
  const packBuffer = get<WebGLBuffer | null>(gl.PIXEL_PACK_BUFFER_BINDING);
  const unpackBuffer = get<WebGLBuffer | null>(gl.PIXEL_UNPACK_BUFFER_BINDING);
  const viewport = get<Int32Array>(gl.VIEWPORT);
  const activeTexture = get<number>(gl.ACTIVE_TEXTURE);
  const { unpackColorSpace } = gl;
  const textures = Array.from({ length: units }, (_, unit) => {
    gl.activeTexture(gl.TEXTURE0 + unit);
    const texture = get<WebGLTexture | null>(gl.TEXTURE_BINDING_2D);
    const array = get<WebGLTexture | null>(gl.TEXTURE_BINDING_2D_ARRAY);
    const sampler = get<WebGLSampler | null>(gl.SAMPLER_BINDING);
    gl.bindSampler(unit, null); // Its filters would make an unfiltered texture incomplete.
    return { texture, array, sampler };
  });
  setState(gl);
  // Pictures are given as they are, and to a browser that knows of no other colours this is nothing.
  gl.unpackColorSpace = "srgb";

  return () => {
    gl.unpackColorSpace = unpackColorSpace;
    for (const [unit, { texture, array, sampler }] of textures.entries()) {
      gl.activeTexture(gl.TEXTURE0 + unit);
      gl.bindTexture(gl.TEXTURE_2D, texture);
      gl.bindTexture(gl.TEXTURE_2D_ARRAY, array);
      gl.bindSampler(unit, sampler);
    }
    gl.activeTexture(activeTexture);
    gl.viewport(...(viewport as unknown as [number, number, number, number]));
    gl.bindBuffer(gl.PIXEL_UNPACK_BUFFER, unpackBuffer);
    gl.bindBuffer(gl.PIXEL_PACK_BUFFER, packBuffer);
    gl.bindFramebuffer(gl.READ_FRAMEBUFFER, readTarget);
    gl.bindFramebuffer(gl.DRAW_FRAMEBUFFER, drawTarget);
    gl.bindVertexArray(vertexArray);
    gl.useProgram(program);
    gl.colorMask(...colorMask);
    for (const [index, [name]] of PIXEL_STORE.entries()) {
      gl.pixelStorei(name, pixelStore[index] as number);
    }
    for (const capability of enabled) gl.enable(capability);
  };
}

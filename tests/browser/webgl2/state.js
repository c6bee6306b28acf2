// The state of a WebGL2 context: set to what nobody would choose, and looked at.

const CAPABILITIES = [
  "BLEND",
  "CULL_FACE",
  "DEPTH_TEST",
  "DITHER",
  "POLYGON_OFFSET_FILL",
  "SAMPLE_ALPHA_TO_COVERAGE",
  "SAMPLE_COVERAGE",
  "SCISSOR_TEST",
  "STENCIL_TEST",
  "RASTERIZER_DISCARD",
];
const PIXEL_STORE = {
  UNPACK_ALIGNMENT: 8,
  UNPACK_ROW_LENGTH: 7,
  UNPACK_IMAGE_HEIGHT: 3,
  UNPACK_SKIP_PIXELS: 2,
  UNPACK_SKIP_ROWS: 1,
  UNPACK_SKIP_IMAGES: 1,
  UNPACK_FLIP_Y_WEBGL: true,
  UNPACK_PREMULTIPLY_ALPHA_WEBGL: true,
  UNPACK_COLORSPACE_CONVERSION_WEBGL: 0,
  PACK_ALIGNMENT: 8,
  PACK_ROW_LENGTH: 9,
  PACK_SKIP_PIXELS: 4,
  PACK_SKIP_ROWS: 5,
};
const UNITS = 4;

/** The names of all that a context tells of itself. */
let parameters;

function parametersOf(gl) {
  const names = [];
  for (const name in gl) {
    if (typeof gl[name] !== "number" || name !== name.toUpperCase()) continue;
    gl.getParameter(gl[name]);
    if (gl.getError() === gl.NO_ERROR) names.push(name);
  }
  return names;
}

/** Change all that a draw, an upload and a read depend on; return what `look` gives then. */
export function dirty(gl) {
  for (const name of CAPABILITIES) gl.enable(gl[name]);
  for (const [name, value] of Object.entries(PIXEL_STORE)) gl.pixelStorei(gl[name], value);
  gl.unpackColorSpace = "display-p3";
  gl.colorMask(true, false, true, false);
  gl.viewport(3, 5, 7, 11);
  gl.scissor(1, 1, 1, 1);
  gl.blendFunc(gl.ONE, gl.ONE);

  const vertices = gl.createVertexArray();
  gl.bindVertexArray(vertices);
  gl.enableVertexAttribArray(0);
  gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
  gl.vertexAttribPointer(0, 4, gl.FLOAT, false, 0, 0);
  for (const target of [gl.PIXEL_PACK_BUFFER, gl.PIXEL_UNPACK_BUFFER]) {
    gl.bindBuffer(target, gl.createBuffer());
    gl.bufferData(target, 64, gl.STREAM_READ);
  }
  gl.bindFramebuffer(gl.DRAW_FRAMEBUFFER, gl.createFramebuffer());
  gl.bindFramebuffer(gl.READ_FRAMEBUFFER, gl.createFramebuffer());
  for (let unit = 0; unit < UNITS; unit++) {
    gl.activeTexture(gl.TEXTURE0 + unit);
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
    gl.bindTexture(gl.TEXTURE_2D_ARRAY, gl.createTexture());
    const sampler = gl.createSampler();
    gl.samplerParameteri(sampler, gl.TEXTURE_MIN_FILTER, gl.LINEAR_MIPMAP_LINEAR);
    gl.bindSampler(unit, sampler);
  }
  gl.activeTexture(gl.TEXTURE2);
  gl.useProgram(program(gl));
  return look(gl);
}

/** Everything of the state, by name. */
export function look(gl) {
  const found = { unpackColorSpace: gl.unpackColorSpace };
  for (const name of CAPABILITIES) found[name] = gl.isEnabled(gl[name]);
  parameters ??= parametersOf(gl);
  const put = (name, value) => {
    const isObject = value !== null && typeof value === "object" && !("length" in value);
    if (isObject) gl.pyjsmlIds ??= new Map();
    if (isObject && !gl.pyjsmlIds.has(value)) gl.pyjsmlIds.set(value, gl.pyjsmlIds.size);
    found[name] = isObject ? `object ${gl.pyjsmlIds.get(value)}` : String(value);
  };
  for (const name of parameters) put(name, gl.getParameter(gl[name]));
  const active = gl.getParameter(gl.ACTIVE_TEXTURE);
  for (let unit = 0; unit < UNITS; unit++) {
    gl.activeTexture(gl.TEXTURE0 + unit);
    for (const name of ["TEXTURE_BINDING_2D", "TEXTURE_BINDING_2D_ARRAY", "SAMPLER_BINDING"]) {
      put(`${name} ${unit}`, gl.getParameter(gl[name]));
    }
  }
  gl.activeTexture(active);
  return found;
}

/** A program of the page's own, with an output to feed back. */
function program(gl) {
  const made = gl.createProgram();
  const texts = {
    VERTEX_SHADER:
      "#version 300 es\nin vec4 a; out float f; void main() { f = 1.0; gl_Position = a; }",
    FRAGMENT_SHADER:
      "#version 300 es\nprecision highp float; out vec4 o; void main() { o = vec4(1); }",
  };
  for (const [kind, text] of Object.entries(texts)) {
    const shader = gl.createShader(gl[kind]);
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    gl.attachShader(made, shader);
  }
  gl.transformFeedbackVaryings(made, ["f"], gl.INTERLEAVED_ATTRIBS);
  gl.linkProgram(made);
  return made;
}

/** Begin a transform feedback, which keeps a program from being changed; return what ends it. */
export function feedBack(gl) {
  gl.useProgram(program(gl));
  gl.bindTransformFeedback(gl.TRANSFORM_FEEDBACK, gl.createTransformFeedback());
  const buffer = gl.createBuffer();
  gl.bindBufferBase(gl.TRANSFORM_FEEDBACK_BUFFER, 0, buffer);
  gl.bufferData(gl.TRANSFORM_FEEDBACK_BUFFER, 64, gl.STREAM_READ);
  gl.beginTransformFeedback(gl.POINTS);
  return () => gl.endTransformFeedback();
}

/** Begin to ask whether anything is drawn; return what ends it, and gives the query. */
export function askForSamples(gl) {
  const query = gl.createQuery();
  gl.beginQuery(gl.ANY_SAMPLES_PASSED, query);
  return () => {
    gl.endQuery(gl.ANY_SAMPLES_PASSED);
    return query;
  };
}

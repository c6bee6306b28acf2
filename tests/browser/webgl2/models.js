// Models with shaders written by hand, over the files of a bundle with a wasm file and no weights
// that they would need.
import { model as bundled } from "/bundle/index.js";

const HEAD = `#version 300 es
precision highp float;
precision highp int;
precision highp sampler2D;
precision highp isampler2D;
precision highp sampler2DArray;
precision highp isampler2DArray;
uniform int w;
int index() { return int(gl_FragCoord.y) * w + int(gl_FragCoord.x); }
ivec2 at(int t, ivec2 size) { return ivec2(t % size.x, t / size.x); }
`;

/** One pass: `declarations` of uniforms and outputs, and the `body` of main. */
export function pass(declarations, body, { inputs, outputs, dims = [], texels }) {
  const fragment = `${HEAD}${declarations}\nvoid main() { ${body} }`;
  return { fragment, inputs, outputs, dims, texels };
}

/** The texels of `elements`, an expression. */
export const texels = (elements) => ["//", ["+", elements, 3], 4];

const INT = new Set(["bool", "uint8", "int8", "int16", "uint16", "int32", "uint32", "int64"]);

/**
 * A chain x → v1 → v2 → … of element-wise ops over tensors of `shape`, each `{ dtype, code }`: code
 * is an expression over `v`, the texel before. Values reuse each other's bytes as the planner has it.
 */
export function chain(dtype, shape, steps, { dims = [] } = {}) {
  const size = shape.reduce((product, extent) => ["*", product, extent], 1);
  const values = [
    { name: "x", dtype, shape, region: "main" },
    ...steps.map((step, i) => ({
      name: `v${i + 1}`,
      dtype: step.dtype,
      shape,
      region: "main",
      after: i % 2 ? [] : [i], // Two values are there at once.
    })),
  ];
  const shaders = {};
  const ops = steps.map(({ dtype: to, code }, i) => {
    const from = INT.has(values[i].dtype) ? "isampler2D" : "sampler2D";
    const vector = INT.has(to) ? "ivec4" : "vec4";
    const declarations = `uniform ${from} t0; uniform int d0; out ${vector} o0;`;
    const body = `${from === "sampler2D" ? "vec4" : "ivec4"} v = texelFetch(t0, at(index(), textureSize(t0, 0)), 0); o0 = ${code};`;
    const options = { inputs: [0], outputs: [1], dims: ["n0"], texels: texels("n0") };
    shaders[`s${i}`] = { passes: [pass(declarations, body, options)], temps: [] };
    const origins = [{ node: `node${i}`, module: `layers.${i}`, source: `net.py:${i + 1}` }];
    return {
      name: `op${i}`,
      kind: "step",
      inputs: [i],
      outputs: [i + 1],
      dims: [size],
      shader: `s${i}`,
      origins,
    };
  });
  return of({ values, ops, shaders, dims });
}

/** A model of values and ops, from the first value to the last. */
export function of({
  values,
  ops,
  shaders,
  dims = [],
  inputs = [0],
  outputs = [values.length - 1],
}) {
  const port = (value) => ({ ...values[value], value });
  return {
    formatVersion: bundled.formatVersion,
    name: "net",
    dims,
    inputs: inputs.map(port),
    outputs: outputs.map(port),
    values,
    ops,
    load: [],
    main: ops.map((_, index) => ["call", index]),
    files: { ...bundled.files, weights: [] },
    shaders: async () => shaders,
  };
}

/**
 * One op whose first pass makes both layers of a temporary, 2x and 3x, and whose second makes two
 * outputs of them, their sum and their difference in integers.
 */
export function layered(length) {
  const shape = [length];
  const region = "main";
  const values = [
    { name: "x", dtype: "float32", shape, region },
    { name: "sum", dtype: "float32", shape, region, after: [0] },
    { name: "difference", dtype: "int32", shape, region, after: [1] },
  ];
  const dims = ["n0"];
  const whole = { dims, texels: texels("n0") };
  const split = pass(
    "uniform sampler2D t0; uniform int d0; layout(location = 0) out vec4 o0; layout(location = 1) out vec4 o1;",
    "vec4 v = texelFetch(t0, at(index(), textureSize(t0, 0)), 0); o0 = 2.0 * v; o1 = 3.0 * v;",
    { inputs: [0], outputs: [3], ...whole },
  );
  const join = pass(
    "uniform sampler2DArray t0; uniform int d0; layout(location = 0) out vec4 o0; layout(location = 1) out ivec4 o1;",
    `ivec3 p = ivec3(at(index(), textureSize(t0, 0).xy), 0); vec4 a = texelFetch(t0, p, 0), b = texelFetch(t0, p + ivec3(0, 0, 1), 0);
     o0 = a + b; o1 = ivec4(floor(b - a)) + d0;`,
    { inputs: [3], outputs: [1, 2], ...whole },
  );
  const temps = [{ dtype: "float32", size: "n0", layers: 2 }];
  const shaders = { both: { passes: [split, join], temps } };
  const op = {
    name: "both",
    kind: "both",
    inputs: [0],
    outputs: [1, 2],
    dims: [length],
    shader: "both",
    origins: [],
  };
  return of({ values, ops: [op], shaders, outputs: [1, 2] });
}

/** y = x * weight, where the bundle's wasm file packs the weight. */
export function weighted(length) {
  const values = [
    ...bundled.values.slice(0, 2),
    { name: "x", dtype: "float32", shape: [length], region: "main" },
    { name: "y", dtype: "float32", shape: [length], region: "main", after: [2] },
  ];
  const body = `ivec4 k = (index() * 4 + ivec4(0, 1, 2, 3)) % 3; vec4 w = texelFetch(t1, ivec2(0), 0);
    o0 = texelFetch(t0, at(index(), textureSize(t0, 0)), 0) * vec4(w[k.x], w[k.y], w[k.z], w[k.w]);`;
  const scale = pass("uniform sampler2D t0, t1; uniform int d0; out vec4 o0;", body, {
    inputs: [0, 1],
    outputs: [2],
    dims: ["n0"],
    texels: texels("n0"),
  });
  const op = {
    name: "scale",
    kind: "scale",
    inputs: [2, 1],
    outputs: [3],
    dims: [length],
    shader: "scale",
    origins: [],
  };
  const model = of({
    values,
    ops: [bundled.ops[0], op],
    shaders: { scale: { passes: [scale], temps: [] } },
    inputs: [2],
  });
  return { ...model, load: bundled.load, main: [["call", 1]], files: bundled.files };
}

/** y = x * weight on wasm, where x is of `shape`, and the weight has an element for each of three. */
export function scaledOnWasm(shape) {
  const rows = shape.reduce((product, extent) => product * extent, 1) / 3;
  const [pack, scale, view] = bundled.ops;
  const shaped = (value, index) => (index < 2 ? value : { ...value, shape });
  const port = (given) => ({ ...given, shape });
  return {
    ...bundled,
    inputs: bundled.inputs.map(port),
    outputs: bundled.outputs.map(port),
    values: bundled.values.map(shaped),
    ops: [pack, { ...scale, dims: [rows], extent: rows }, view],
  };
}

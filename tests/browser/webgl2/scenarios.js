// What the tests of the WebGL2 device do in a page or a worker. Each function takes and gives plain
// data.
import { model as bundled } from "/bundle/index.js";
import { Executor, pickDevice, picture, tensor, Trace } from "/bundle/runtime/index.js";
import { FLOAT16, FLOAT32, without } from "./extensions.js";
import { chain, layered, scaledOnWasm, weighted } from "./models.js";
import { dirty, feedBack, look } from "./state.js";

const WEBGL2 = { devices: ["webgl2"] };
const first = (outputs) => Object.values(outputs)[0];
const numbers = ({ data }) => Array.from(data, Number);
const floats = (length) => Float32Array.from({ length }, (_, i) => i / 8 - 3);

/** What is thrown: `[class, message]`. */
async function failure(action) {
  try {
    await action();
    return ["none", ""];
  } catch (error) {
    return [error.name, error.message];
  }
}

/** Do another scenario where no floats can be drawn. */
export async function asBits([name, argument]) {
  const scenarios = await import("/scenarios.js");
  return without([FLOAT32, FLOAT16], () => scenarios[name](argument));
}

/** Run `chain(dtype, shape, steps)` on `data`, both without and with blocking. */
export async function run({ dtype, shape, steps, data }) {
  const executor = await Executor.create(chain(dtype, shape, steps), WEBGL2);
  const x = tensor(dtype, shape, dtype.endsWith("64") ? data.map(BigInt) : data);
  const later = first(await executor.run({ x }));
  const now = first(executor.runSync({ x }));
  executor.dispose();
  return { dtype: later.dtype, later: numbers(later), now: numbers(now) };
}

/** The same, and what it fails with. */
export function fail(options) {
  return failure(() => run(options));
}

/** Run a model whose op has passes with temporaries, layers and several outputs. */
export async function passes(length) {
  const executor = await Executor.create(layered(length), WEBGL2);
  const outputs = await executor.run({ x: floats(length) });
  executor.dispose();
  return Object.values(outputs).map(numbers);
}

/** Run a dynamic model at each of `lengths`; tell the bytes of textures after each. */
export async function grow({ lengths, steps }) {
  const dims = [{ name: "n", min: 1, max: null }];
  const executor = await Executor.create(chain("float32", ["n"], steps, { dims }), WEBGL2);
  const { total: before } = executor.describe().memory;
  const found = [];
  for (const length of lengths) {
    const x = tensor("float32", [length], floats(length));
    const y = numbers(first(await executor.run({ x })));
    found.push({ y, bytes: executor.describe().memory.total - before });
  }
  executor.dispose();
  return found;
}

/** Run on values that are no numbers, then on some that are: nothing of the former may be left. */
export async function poison({ length, steps }) {
  const executor = await Executor.create(chain("float32", [length], steps), WEBGL2);
  await executor.run({ x: new Float32Array(length).fill(NaN) });
  const y = first(await executor.run({ x: floats(length) }));
  executor.dispose();
  return numbers(y);
}

/** Run in a context of the page's with everything in it set otherwise; tell what has changed. */
export async function borrow({ length, steps }) {
  const context = document.createElement("canvas").getContext("webgl2");
  const before = dirty(context);
  const options = { ...WEBGL2, webgl2: { context } };
  const executor = await Executor.create(chain("float32", [length], steps), options);
  const changed = [];
  const check = (when) => {
    for (const [name, value] of Object.entries(look(context))) {
      if (value !== before[name]) changed.push(`${when}: ${name}`);
    }
  };
  check("create");
  const x = floats(length);
  const y = numbers(first(await executor.run({ x })));
  check("run");
  const again = numbers(first(executor.runSync({ x })));
  check("runSync");
  const end = feedBack(context);
  const busy = await failure(() => executor.run({ x }));
  end();
  executor.dispose();
  return { y, again, busy, changed, lost: context.isContextLost(), error: context.getError() };
}

/** Run in a worker, which has no canvas but an OffscreenCanvas. */
export function inWorker(options) {
  const worker = new Worker("/worker.js", { type: "module" });
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = reject;
    worker.postMessage(options);
  }).finally(() => worker.terminate());
}

/** Lose the context: between runs, and while one is under way; restore it; run again. */
export async function lose({ length, own }) {
  const context = own ? undefined : document.createElement("canvas").getContext("webgl2");
  const made = [];
  const getContext = OffscreenCanvas.prototype.getContext;
  OffscreenCanvas.prototype.getContext = function (...options) {
    made.push(getContext.apply(this, options));
    return made.at(-1);
  };
  const executor = await Executor.create(weighted(length), { ...WEBGL2, webgl2: { context } });
  OffscreenCanvas.prototype.getContext = getContext;
  const gl = context ?? made[0];
  const loss = gl.getExtension("WEBGL_lose_context");
  const restored = () => new Promise((r) => gl.canvas.addEventListener("webglcontextrestored", r));
  const x = floats(length);
  const before = numbers(first(await executor.run({ x })));

  const running = failure(() => executor.run({ x }));
  await Promise.resolve();
  loss.loseContext();
  const during = (await running)[0];
  const while_ = await failure(() => executor.run({ x }));
  const sync = (await failure(() => executor.runSync({ x })))[0];
  const back = restored();
  await new Promise((resolve) => setTimeout(resolve)); // The event comes first.
  loss.restoreContext();
  await back;
  const after = numbers(first(await executor.run({ x })));
  executor.dispose();
  return { before, during, while: while_, sync, after };
}

/** What counts the page's WebGL objects, and the executor that runs many times, between calls. */
let counter;
let runner;

/** Begin to count the WebGL objects that there are. */
export function count() {
  const { prototype } = WebGL2RenderingContext;
  const kinds = ["Texture", "Framebuffer", "Buffer", "Program", "Shader", "VertexArray", "Sync"];
  const objects = Object.fromEntries(kinds.map((kind) => [kind, 0]));
  const originals = {};
  const wrap = (name, kind, by) => {
    const original = (originals[name] = prototype[name]);
    prototype[name] = function (...options) {
      if (by > 0 || options[0]) objects[kind] += by;
      return original.apply(this, options);
    };
  };
  for (const kind of kinds) {
    wrap(kind === "Sync" ? "fenceSync" : `create${kind}`, kind, 1);
    wrap(`delete${kind}`, kind, -1);
  }
  counter = { objects, end: () => Object.assign(prototype, originals) };
}

/** Run one executor so many times; return how many WebGL objects there are then. */
export async function runMany({ length, runs }) {
  runner ??= await Executor.create(weighted(length), WEBGL2);
  const x = floats(length);
  for (let i = 0; i < runs; i++) await runner.run({ x });
  return { ...counter.objects };
}

/** Make, run and dispose so many executors; return how many WebGL objects there are then. */
export async function makeMany({ length, executors }) {
  const x = floats(length);
  for (let i = 0; i < executors; i++) {
    const executor = await Executor.create(weighted(length), WEBGL2);
    await executor.run({ x });
    executor.dispose();
  }
  return { ...counter.objects };
}

/** Let go of the executor, and count no more; return what is left then. */
export function stop() {
  runner?.dispose();
  runner = undefined;
  counter.end();
  return counter.objects;
}

/** What creating an executor fails with, where `change` makes the browser lack something. */
export async function lack(change) {
  const { prototype } = WebGL2RenderingContext;
  const { getParameter, getExtension } = prototype;
  const { getContext } = OffscreenCanvas.prototype;
  let context;
  if (change === "webgl2") OffscreenCanvas.prototype.getContext = () => null;
  if (change === "float16") prototype.getExtension = () => null;
  const precision = change.startsWith("float") ? change : undefined;
  if (change === "limit") {
    prototype.getParameter = function (name) {
      return name === this.MAX_TEXTURE_SIZE ? 2 : getParameter.call(this, name);
    };
  }
  if (change === "webgl1") context = document.createElement("canvas").getContext("webgl");
  if (change === "2d") context = document.createElement("canvas").getContext("2d");
  if (change === "object") context = { canvas: document.createElement("canvas") };
  if (change === "null") {
    const canvas = document.createElement("canvas");
    canvas.getContext("2d");
    context = canvas.getContext("webgl2");
  }
  if (change === "lost") {
    context = document.createElement("canvas").getContext("webgl2");
    context.getExtension("WEBGL_lose_context").loseContext();
  }
  let code = "v * 2.0";
  if (change === "shader") code = "v * nothing";
  const length = 5 * 8192;
  const model = chain("float32", [length], [{ dtype: "float32", code }]);
  try {
    return await failure(async () => {
      const executor = await Executor.create(model, {
        ...WEBGL2,
        webgl2: { context, precision },
      });
      await executor.run({ x: floats(length) });
      executor.dispose();
    });
  } finally {
    Object.assign(prototype, { getParameter, getExtension });
    Object.assign(OffscreenCanvas.prototype, { getContext });
  }
}

/**
 * Create an executor of so many programs in a browser that links in parallel and has a program ready
 * once it was asked `asks` times. Tell how often it was asked, how many programs were used before they
 * were ready, and whether others had the thread meanwhile; or what it fails with, where the context is
 * lost (`lose`) when it was first asked.
 */
export async function parallel({ programs, asks, lose = false }) {
  const { prototype } = WebGL2RenderingContext;
  const { getExtension, getProgramParameter, getUniformLocation } = prototype;
  const COMPLETION_STATUS_KHR = 0x91b1;
  const asked = new Map();
  let early = 0;
  let turns = 0;
  prototype.getExtension = function (name) {
    const isIt = name === "KHR_parallel_shader_compile";
    return isIt ? { COMPLETION_STATUS_KHR } : getExtension.call(this, name);
  };
  const use = (program) => {
    if ((asked.get(program) ?? 0) < asks) early++;
  };
  prototype.getProgramParameter = function (program, name) {
    if (name !== COMPLETION_STATUS_KHR) {
      use(program);
      return getProgramParameter.call(this, program, name);
    }
    asked.set(program, (asked.get(program) ?? 0) + 1);
    if (lose) getExtension.call(this, "WEBGL_lose_context").loseContext();
    return asked.get(program) >= asks;
  };
  prototype.getUniformLocation = function (program, name) {
    use(program);
    return getUniformLocation.call(this, program, name);
  };
  const turn = setInterval(() => turns++);
  const codes = Array.from({ length: programs }, (_, i) => `v * ${i + 2}.0`);
  const steps = codes.map((code) => ({ dtype: "float32", code }));
  try {
    const executor = await Executor.create(chain("float32", [5], steps), WEBGL2);
    const y = numbers(first(await executor.run({ x: floats(5) })));
    executor.dispose();
    return { y, asked: [...asked.values()], early, turns };
  } catch (error) {
    return { error: [error.name, error.message] };
  } finally {
    clearInterval(turn);
    Object.assign(prototype, { getExtension, getProgramParameter, getUniformLocation });
  }
}

/** Whether a run without blocking asks the GPU for anything that blocks. */
export async function blocking({ length, steps }) {
  const { prototype } = WebGL2RenderingContext;
  const { readPixels, finish, getError, clientWaitSync } = prototype;
  const executor = await Executor.create(chain("float32", [length], steps), WEBGL2);
  const x = floats(length);
  await executor.run({ x }); // Where frames are made, memory is checked.
  const calls = [];
  for (const [name, original] of Object.entries({ readPixels, finish, getError, clientWaitSync })) {
    prototype[name] = function (...options) {
      const intoBuffer = name === "readPixels" && typeof options[6] === "number";
      if (!intoBuffer) calls.push(name);
      return original.apply(this, options);
    };
  }
  await executor.run({ x });
  const later = calls.splice(0);
  executor.runSync({ x });
  Object.assign(prototype, { readPixels, finish, getError, clientWaitSync });
  executor.dispose();
  return { later, now: calls };
}

/** What `pickDevice` says on a machine whose renderer is called `renderer`, if that is given. */
export async function pick({ renderer, lacks }) {
  if (lacks === "floats") return without([FLOAT32, FLOAT16], () => pick({ renderer }));
  const { prototype } = WebGL2RenderingContext;
  const { getParameter } = prototype;
  const { getContext } = OffscreenCanvas.prototype;
  const unmasked = 0x9246;
  prototype.getParameter = function (name) {
    return renderer && name === unmasked ? renderer : getParameter.call(this, name);
  };
  if (lacks === "webgl2") OffscreenCanvas.prototype.getContext = () => null;
  try {
    return await pickDevice();
  } finally {
    Object.assign(prototype, { getParameter });
    Object.assign(OffscreenCanvas.prototype, { getContext });
  }
}

/** Run with a `precision`, without the extensions `hidden`; tell what textures are made of, too. */
export function kept({ length, steps, precision, hidden }) {
  const { prototype } = WebGL2RenderingContext;
  const { texStorage2D } = prototype;
  const formats = new Set();
  prototype.texStorage2D = function (...options) {
    formats.add(options[2]);
    return texStorage2D.apply(this, options);
  };
  return without(hidden, async () => {
    const options = { ...WEBGL2, webgl2: { precision } };
    const executor = await Executor.create(chain("float32", [length], steps), options);
    const y = numbers(first(await executor.run({ x: floats(length) })));
    const { devices } = executor.describe();
    executor.dispose();
    return { y, devices, formats: [...formats] };
  }).finally(() => Object.assign(prototype, { texStorage2D }));
}

/** Trace a run, with and without giving up control. */
export async function traced({ length, steps }) {
  const executor = await Executor.create(chain("float32", [length], steps), WEBGL2);
  const trace = new Trace();
  await executor.run({ x: floats(length) }, { trace });
  executor.runSync({ x: floats(length) }, { trace });
  executor.dispose();
  return trace.spans.map(({ op, device, start, end }) => [op, device, end >= start]);
}

/** Pixels from red to blue, each other than its neighbours, and opaque. */
function pixels(width, height) {
  const image = new ImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    image.data.set([(i * 37) % 256, (i * 91 + 5) % 256, (i * 13 + 200) % 256, 255], 4 * i);
  }
  return image;
}

/** An image of each kind, with `data` in it, but for one that is at `url`. */
async function imageOf(kind, data, url) {
  const canvas = new OffscreenCanvas(data.width, data.height);
  canvas.getContext("2d").putImageData(data, 0, 0);
  const loaded = async (from) => {
    const image = new Image();
    image.src = from;
    await image.decode();
    return image;
  };
  const kinds = {
    data: async () => data,
    canvas: async () => canvas,
    bitmap: () => createImageBitmap(data),
    frame: async () => new VideoFrame(canvas, { timestamp: 0, alpha: "discard" }),
    image: async () => loaded(URL.createObjectURL(await canvas.convertToBlob())),
    nothing: async () => new Image(),
    none: async () => ({ width: 2, height: 2 }),
    foreign: () => loaded(url),
  };
  return kinds[kind]();
}

/**
 * Run a model that gives its input, on a picture of `kind`: on webgl2, in a context of its `own` or
 * of the page's, or on wasm, where it multiplies each three elements by weights.
 */
export async function paint({ kind, url, width, height, shape, options, device = "webgl2", own }) {
  const data = pixels(width, height);
  const image = await imageOf(kind, data, url);
  const context = own ? undefined : document.createElement("canvas").getContext("webgl2");
  const before = context && dirty(context);
  const onWebgl2 = device === "webgl2";
  const executor = onWebgl2
    ? await Executor.create(chain("float32", shape, [{ dtype: "float32", code: "v" }]), {
        ...WEBGL2,
        webgl2: { context },
      })
    : await Executor.create(scaledOnWasm(shape));
  const { getImageData } = OffscreenCanvasRenderingContext2D.prototype;
  try {
    if (onWebgl2) {
      OffscreenCanvasRenderingContext2D.prototype.getImageData = () => {
        throw new Error("a pixel passes through the CPU");
      };
    }
    const x = picture(image, shape, options);
    await executor.run({ x });
    const y = numbers(first(await executor.run({ x })));
    const after = context ? look(context) : {};
    const changed = Object.keys(after).filter((name) => after[name] !== before[name]);
    return { pixels: Array.from(data.data), y, changed };
  } catch (error) {
    return { error: [error.name, error.message] };
  } finally {
    OffscreenCanvasRenderingContext2D.prototype.getImageData = getImageData;
    image.close?.();
    executor.dispose();
  }
}

/** What a picture on wasm fails with in a host without a canvas; ImageData needs none. */
export async function paintWithoutCanvas() {
  const executor = await Executor.create(scaledOnWasm([1, 3, 2, 2]));
  const bitmap = await createImageBitmap(pixels(2, 2));
  const { OffscreenCanvas } = globalThis;
  const { createElement } = document;
  globalThis.OffscreenCanvas = undefined;
  document.createElement = () => ({ getContext: () => null });
  try {
    return await Promise.all(
      [bitmap, pixels(2, 2)].map((image) =>
        failure(() => executor.run({ x: picture(image, [1, 3, 2, 2]) })),
      ),
    );
  } finally {
    Object.assign(globalThis, { OffscreenCanvas });
    document.createElement = createElement;
    executor.dispose();
  }
}

/** What a picture that can't be an input fails with. */
export async function refusePictures() {
  const data = pixels(2, 2);
  const net = chain("float32", [1, 3, 2, 2], [{ dtype: "float32", code: "v" }]);
  const onWebgl2 = await Executor.create(net, WEBGL2);
  const found = [
    await failure(() => picture(data, [2, 3, 2, 2])),
    await failure(() => picture(data, [1, 3, 2, 2], { mean: [1, 2], std: [0, 1, NaN] })),
    await failure(() => onWebgl2.run({ x: picture(data, [1, 3, 4, 4]) })),
  ];
  onWebgl2.dispose();
  return found;
}

/** Run, and read the output's texture as its owner may. */
export async function leave({ length, steps }) {
  const context = document.createElement("canvas").getContext("webgl2");
  const options = { ...WEBGL2, webgl2: { context } };
  const executor = await Executor.create(chain("float32", [length], steps), options);
  const outputs = await executor.runToTextures({ x: floats(length) });
  const { texture, width, height, context: where, format } = first(outputs);
  const target = context.createFramebuffer();
  context.bindFramebuffer(context.FRAMEBUFFER, target);
  const [at, kind] = [context.COLOR_ATTACHMENT0, context.TEXTURE_2D];
  context.framebufferTexture2D(context.FRAMEBUFFER, at, kind, texture, 0);
  const y = new Float32Array(4 * width * height);
  if (format === "rgba32i") {
    const bits = new Int32Array(y.buffer);
    context.readPixels(0, 0, width, height, context.RGBA_INTEGER, context.INT, bits);
  } else {
    context.readPixels(0, 0, width, height, context.RGBA, context.FLOAT, y);
  }
  const onWasm = await Executor.create(bundled);
  const refused = await failure(() => onWasm.runToTextures({ x: new Float32Array(6) }));
  executor.dispose();
  onWasm.dispose();
  return { y: Array.from(y.subarray(0, length)), same: where === context, refused };
}

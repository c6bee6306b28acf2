// Browsers and machines that lack something, or link and draw in another way.
import { Executor, pickDevice } from "/bundle/runtime/index.js";
import { failure, first, floats, numbers, WEBGL2 } from "./common.js";
import { FLOAT16, FLOAT32, without } from "./extensions.js";
import { chain } from "./models.js";

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

// The WebGL objects and executors of a page, counted.
import { Executor } from "/bundle/runtime/index.js";
import { failure, floats, WEBGL2 } from "./common.js";
import { chain, weighted } from "./models.js";

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

/**
 * Fail to make so many executors, because of a shader, or of floats of 16 bits that can't be drawn;
 * return how many WebGL objects there are then, and how many contexts are left that are not lost.
 */
export async function failMany({ executors, precision }) {
  const { getContext } = OffscreenCanvas.prototype;
  const { getExtension } = WebGL2RenderingContext.prototype;
  const contexts = [];
  OffscreenCanvas.prototype.getContext = function (...options) {
    contexts.push(getContext.apply(this, options));
    return contexts.at(-1);
  };
  WebGL2RenderingContext.prototype.getExtension = function (name) {
    return name.startsWith("EXT_color") ? null : getExtension.call(this, name);
  };
  const model = chain("float32", [5], [{ dtype: "float32", code: "v * nothing" }]);
  const names = new Set();
  for (let i = 0; i < executors; i++) {
    const options = { ...WEBGL2, webgl2: { precision } };
    names.add((await failure(() => Executor.create(model, options)))[0]);
  }
  Object.assign(OffscreenCanvas.prototype, { getContext });
  Object.assign(WebGL2RenderingContext.prototype, { getExtension });
  const left = contexts.filter((each) => !each.isContextLost()).length;
  return { names: [...names], left, objects: { ...counter.objects } };
}

/** Let go of the executor, and count no more; return what is left then. */
export function stop() {
  runner?.dispose();
  runner = undefined;
  counter.end();
  return counter.objects;
}

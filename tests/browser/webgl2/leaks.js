// The WebGL objects and executors of a page, counted.
import { Executor } from "/bundle/runtime/index.js";
import { floats, WEBGL2 } from "./common.js";
import { weighted } from "./models.js";

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

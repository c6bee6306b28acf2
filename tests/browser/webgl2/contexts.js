// Contexts of the page's: what is in them, their loss, and what is left in them.
import { model as bundled } from "/bundle/index.js";
import { Executor } from "/bundle/runtime/index.js";
import { failure, first, floats, numbers, WEBGL2 } from "./common.js";
import { chain, weighted } from "./models.js";
import { dirty, feedBack, look } from "./state.js";

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

// Contexts of the page's: what is in them, who shares them, and what is left in them.
import { model as bundled } from "/bundle/index.js";
import { Executor } from "/bundle/runtime/index.js";
import { failure, first, floats, loseAndRestore, numbers, WEBGL2 } from "./common.js";
import { pageDrawing } from "./frame.js";
import { chain, layered, weighted } from "./models.js";
import { askForSamples, dirty, feedBack, look } from "./state.js";

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
  const busy = [];
  for (const begin of [feedBack, askForSamples]) {
    const end = begin(context);
    busy.push(await failure(() => executor.run({ x })));
    end();
  }
  executor.dispose();
  return { y, again, busy, changed, lost: context.isContextLost(), error: context.getError() };
}

/**
 * Draw a frame of a page's own, run, and draw it again without setting any of its state anew; count
 * the pixels that differ from the background, and those that differ between the two.
 */
export async function between({ length, steps }) {
  const context = document.createElement("canvas").getContext("webgl2", { stencil: true });
  const draw = pageDrawing(context);
  const before = draw();
  const options = { ...WEBGL2, webgl2: { context } };
  const executor = await Executor.create(chain("float32", [length], steps), options);
  await executor.run({ x: floats(length) });
  const after = draw();
  executor.dispose();
  const last = draw();
  const differ = (one, other) => one.filter((value, i) => value !== other[i]).length;
  return {
    drawn: differ(
      before,
      before.map((_, i) => before[i % 4]),
    ),
    changed: differ(before, after) + differ(before, last),
    error: context.getError(),
  };
}

/** Run two executors in one context at the same time, one after the other is gone, and after a loss. */
export async function together(length) {
  const context = document.createElement("canvas").getContext("webgl2");
  const options = { ...WEBGL2, webgl2: { context } };
  const x = floats(length);
  const give = async (executor) => numbers(first(await executor.run({ x })));
  const [one, other] = await Promise.all(
    [weighted(length), layered(length)].map((model) => Executor.create(model, options)),
  );
  const turns = await Promise.all([one, other, one, other].map(give));
  await loseAndRestore(context);
  turns.push(await give(other), await give(one));
  one.dispose();
  turns.push(await give(other));
  other.dispose();
  return turns;
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

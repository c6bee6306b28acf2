// Contexts that are lost, or given up, while something goes on in them.
import { Executor } from "/bundle/runtime/index.js";
import {
  event,
  failure,
  first,
  floats,
  loseAndRestore,
  numbers,
  restore,
  WEBGL2,
} from "./common.js";
import { weighted } from "./models.js";

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
  const x = floats(length);
  const before = numbers(first(await executor.run({ x })));

  const running = failure(() => executor.run({ x }));
  await Promise.resolve();
  const gone = event(gl, "webglcontextlost");
  loss.loseContext();
  const during = (await running)[0];
  const while_ = await failure(() => executor.run({ x }));
  const sync = (await failure(() => executor.runSync({ x })))[0];
  await gone;
  await restore(gl, loss);
  const after = numbers(first(await executor.run({ x })));
  executor.dispose();
  return { before, during, while: while_, sync, after };
}

/** Lose the context, and lose it again when the browser has restored it, before the executor hears. */
export async function loseAgain({ length, precision }) {
  const context = document.createElement("canvas").getContext("webgl2");
  const loss = context.getExtension("WEBGL_lose_context");
  let times = 0;
  context.canvas.addEventListener("webglcontextrestored", () => times++ || loss.loseContext());
  const uncaught = [];
  const listen = ({ message }) => uncaught.push(message);
  addEventListener("error", listen);
  const options = { ...WEBGL2, webgl2: { context, precision } };
  const executor = await Executor.create(weighted(length), options);
  const x = floats(length);
  const before = numbers(first(await executor.run({ x })));
  await loseAndRestore(context);
  const gone = event(context, "webglcontextlost");
  const between = (await failure(() => executor.run({ x })))[0];
  await gone;
  await restore(context, loss);
  const after = numbers(first(await executor.run({ x })));
  executor.dispose();
  removeEventListener("error", listen);
  return { before, between, after, uncaught };
}

/**
 * Create an executor and run it over and over, and lose the context at a call of each of its `methods`:
 * the first, second, third, fifth and so on. Return what else than DeviceLostError that fails with.
 */
export async function loseAnywhere({ length, own, methods }) {
  const { prototype } = WebGL2RenderingContext;
  const { getExtension } = prototype;
  const x = floats(length);
  const whole = async (context) => {
    const executor = await Executor.create(weighted(length), { ...WEBGL2, webgl2: { context } });
    try {
      await executor.run({ x });
      executor.runSync({ x });
    } finally {
      executor.dispose();
    }
  };
  const found = [];
  for (const method of methods) {
    const original = prototype[method];
    for (let [last, call] = [1, 1], lost = true; lost; [last, call] = [call, last + call]) {
      lost = false;
      let calls = 0;
      prototype[method] = function (...options) {
        if (++calls === call) {
          getExtension.call(this, "WEBGL_lose_context").loseContext();
          lost = true;
        }
        return original.apply(this, options);
      };
      const context = own ? undefined : document.createElement("canvas").getContext("webgl2");
      const [name, message] = await failure(() => whole(context));
      prototype[method] = original;
      if (lost && name !== "DeviceLostError") found.push(`${method} ${call}: ${name}: ${message}`);
    }
  }
  return found;
}

/** Dispose while a run is under way, and then again; what the run and a later one fail with. */
export async function disposeAmid({ length, own }) {
  const context = own ? undefined : document.createElement("canvas").getContext("webgl2");
  const executor = await Executor.create(weighted(length), { ...WEBGL2, webgl2: { context } });
  const run = () => failure(() => executor.run({ x: floats(length) }));
  await run();
  const running = run();
  for (let i = 0; i < 3; i++) await Promise.resolve();
  executor.dispose();
  executor.dispose();
  return [await running, await run()];
}

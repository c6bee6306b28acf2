// Pictures as inputs.
import { Executor, picture } from "/bundle/runtime/index.js";
import { failure, first, numbers, WEBGL2 } from "./common.js";
import { chain, scaledOnWasm } from "./models.js";
import { dirty, look } from "./state.js";

/** Pixels from red to blue, each other than its neighbours, and opaque, or of an alpha of its own. */
function pixels(width, height, translucent = false) {
  const image = new ImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    const alpha = translucent ? (i * 53) % 256 : 255;
    image.data.set([(i * 37) % 256, (i * 91 + 5) % 256, (i * 13 + 200) % 256, alpha], 4 * i);
  }
  return image;
}

/** Four areas, each of a colour: a video may keep less of what is finer. */
function areas(width, height) {
  const { data } = pixels(2, 2);
  const image = new ImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    const area = 2 * Math.floor((2 * i) / (width * height)) + Math.floor(((2 * i) / width) % 2);
    image.data.set(data.subarray(4 * area, 4 * area + 4), 4 * i);
  }
  return image;
}

/** A video that plays what a canvas shows; `close` ends it. */
async function videoOf(data) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: data.width, height: data.height });
  const context = canvas.getContext("2d");
  const draw = () => context.putImageData(data, 0, 0);
  draw();
  const stream = canvas.captureStream();
  const timer = setInterval(draw, 10); // It has a frame of each time that something is drawn.
  const video = Object.assign(document.createElement("video"), { muted: true, srcObject: stream });
  await video.play();
  const close = () => {
    clearInterval(timer);
    for (const track of stream.getTracks()) track.stop();
  };
  return Object.assign(video, { close });
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
    plain: () => createImageBitmap(data, { premultiplyAlpha: "none" }),
    multiplied: () => createImageBitmap(data, { premultiplyAlpha: "premultiply" }),
    video: () => videoOf(data),
    whole: async () => new VideoFrame(canvas, { timestamp: 0 }),
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
export async function paint(picked) {
  const { kind, url, width, height, shape, options, device = "webgl2", own } = picked;
  const data = (kind === "video" ? areas : pixels)(width, height, picked.translucent);
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
    await failure(() => onWebgl2.run({ x: picture(pixels(32769, 1), [1, 3, 2, 2]) })),
  ];
  onWebgl2.dispose();
  return found;
}

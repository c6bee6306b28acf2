/** Images on a canvas of the host. */

import { InputError } from "../errors.js";
import { tagOf } from "../tensor.js";
import { extentOf, refusePicture } from "./picture.js";

type Drawing = OffscreenCanvasRenderingContext2D | CanvasRenderingContext2D;

/**
 * Draw an image on a canvas of its size. Throws InputError where it has no pixels, where the browser
 * can't draw it, and in a host without a canvas.
 */
export function draw(image: TexImageSource, settings: CanvasRenderingContext2DSettings): Drawing {
  const [width, height] = extentOf(image);
  const context = makeContext(width, height, settings);
  try {
    if ("data" in image) context.putImageData(image, 0, 0);
    else context.drawImage(image, 0, 0, width, height);
    return context;
  } catch (cause) {
    throw refusePicture(cause);
  }
}

/**
 * Tell whether WebGL may make something else of an image's translucent pixels than a canvas does. It
 * takes an ImageBitmap as that was made, multiplied by alpha or not, which nobody can ask it; and of
 * frames of a format with alpha, or with a place for it, browsers differ in what they take them to be.
 */
export function isAmbiguous(image: TexImageSource): boolean {
  const tag = tagOf(image);
  if (tag === "VideoFrame") return /A|X$/.test((image as VideoFrame).format ?? "");
  return tag === "ImageBitmap";
}

function makeContext(
  width: number,
  height: number,
  settings: CanvasRenderingContext2DSettings,
): Drawing {
  const { OffscreenCanvas, document } = globalThis as Partial<typeof globalThis>;
  const canvas = OffscreenCanvas
    ? new OffscreenCanvas(width, height)
    : document && Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas?.getContext("2d", settings) as Drawing | null | undefined;
  if (context) return context;
  throw new InputError(
    "this host has no canvas to read a picture with: give ImageData, or a tensor, or place an op " +
      "that reads it on webgl2",
  );
}

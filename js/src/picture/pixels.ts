/** Pictures without a GPU: their pixels are read through a canvas, and scaled here. */

import { tagOf } from "../tensor.js";
import { draw } from "./canvas.js";
import { extentOf, type Picture, refusePicture } from "./picture.js";

/** The pixels of an image: red, green, blue and alpha of each, from 0 to 255. */
interface Pixels {
  readonly data: Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
}

/** Between which pixels of a row or column one that is wanted lies, and how near it is to the last. */
interface Tap {
  readonly first: number;
  readonly last: number;
  readonly part: number;
}

/**
 * Make the tensor of a picture: the same as the WebGL2 device draws. Throws InputError for an image
 * that has no pixels yet, that the browser lets no page read, or that this host has no canvas for.
 */
export function elementsOf({ image, shape, channelsFirst, mean, std }: Picture): Float32Array {
  const { data, width, height } = pixelsOf(image);
  const [rows, columns] = shape.slice(channelsFirst ? 2 : 1) as [number, number];
  const [pixelStep, channelStep] = channelsFirst ? [1, rows * columns] : [3, 1];
  const across = tapsOf(width, columns);
  const elements = new Float32Array(3 * rows * columns);
  let pixel = 0;
  for (const { first: top, last: bottom, part: down } of tapsOf(height, rows)) {
    for (const { first: left, last: right, part } of across) {
      for (let channel = 0; channel < 3; channel++) {
        const at = (y: number, x: number) => data[4 * (y * width + x) + channel] as number;
        const upper = mix(at(top, left), at(top, right), part);
        const lower = mix(at(bottom, left), at(bottom, right), part);
        const value = mix(upper, lower, down) / 255;
        elements[pixel * pixelStep + channel * channelStep] =
          (value - (mean[channel] as number)) / (std[channel] as number);
      }
      pixel++;
    }
  }
  return elements;
}

function mix(from: number, to: number, part: number): number {
  return from + part * (to - from);
}

/** Spread `wanted` pixels evenly over `size`: between the middles of those, and not beyond them. */
function tapsOf(size: number, wanted: number): Tap[] {
  const within = (index: number) => Math.min(Math.max(index, 0), size - 1);
  return Array.from({ length: wanted }, (_, index) => {
    const at = ((index + 0.5) * size) / wanted - 0.5;
    const low = Math.floor(at);
    return { first: within(low), last: within(low + 1), part: at - low };
  });
}

function pixelsOf(image: TexImageSource): Pixels {
  // Pixels may also be of 16 bits, which a canvas turns into these.
  if ("data" in image && tagOf(image.data) === "Uint8ClampedArray") return image as Pixels;
  const [width, height] = extentOf(image);
  const context = draw(image, { willReadFrequently: true });
  try {
    return context.getImageData(0, 0, width, height);
  } catch (cause) {
    throw refusePicture(cause);
  }
}

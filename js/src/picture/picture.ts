import { InputError } from "../errors.js";
import { mustBe, problemsOf, type Rules } from "../rules.js";
import type { Shape } from "../tensor.js";

/** A triple of numbers: for red, green and blue. */
export type Channels = readonly [red: number, green: number, blue: number];

export interface PictureOptions {
  /** What is taken from each channel, which is from 0 to 1 before: 0 by default. */
  readonly mean?: Channels | undefined;
  /** What it is then divided by: 1 by default. */
  readonly std?: Channels | undefined;
}

const RULES: Rules<PictureOptions> = {
  mean: mustBe("three numbers", isChannels),
  std: mustBe("three numbers, none of them 0", (std) => isChannels(std) && !std.includes(0)),
};

/** An image that an input is made of: on webgl2 where an op there reads it, else on the CPU. */
export interface Picture<S extends Shape = Shape> {
  readonly dtype: "float32";
  /** 1x3xHxW or 1xHxWx3. */
  readonly shape: S;
  readonly image: TexImageSource;
  readonly channelsFirst: boolean;
  readonly mean: Channels;
  readonly std: Channels;
}

type Mutable<S> = { -readonly [K in keyof S]: S[K] };

/**
 * Make an input of an image, a video's frame or a canvas: `picture(video, [1, 3, 224, 224])`. It is
 * brought to the width and height of `shape` by bilinear interpolation between the middles of its
 * pixels, so a much larger one is better scaled by the browser first. Red, green and blue become 3
 * channels in axis 1, or else in axis 3: `(channel / 255 - mean) / std`. Where an op on webgl2 reads
 * it, no pixel passes through the CPU; else a canvas of the host reads them, which ImageData does not
 * take. Throws InputError where the shape or a number is of no use.
 */
export function picture<const S extends Shape>(
  image: TexImageSource,
  shape: S,
  options: PictureOptions = {},
): Picture<Mutable<S>> {
  const problems = [...problemsOf(options, RULES)];
  const channelsFirst = shape[1] === 3;
  if (shape.length !== 4 || shape[0] !== 1 || (!channelsFirst && shape[3] !== 3)) {
    problems.push(`its shape is ${shape.join("x")}; it may be 1x3xHxW or 1xHxWx3`);
  }
  if (problems.length) throw new InputError("can't make an input of the picture", problems);
  const { mean = [0, 0, 0], std = [1, 1, 1] } = options;
  const kept = [...shape] as Mutable<S>;
  return { dtype: "float32", shape: kept, image, channelsFirst, mean, std };
}

function isChannels(given: unknown): given is Channels {
  return Array.isArray(given) && given.length === 3 && given.every(Number.isFinite);
}

/** Tell a picture from a tensor. */
export function isPicture(data: object): data is Picture {
  return "image" in data;
}

/**
 * Width and height of an image in pixels, which each kind calls otherwise. Throws InputError where it
 * has none.
 */
export function extentOf(image: TexImageSource): [width: number, height: number] {
  const extent = sizesOf(image);
  if (extent.every((size) => size > 0)) return extent;
  throw new InputError(
    "the picture has no pixels: wait until its image or video has loaded, and close a frame or bitmap " +
      "only after the run",
  );
}

/** What to throw where a browser does not hand over an image, and threw `cause`. */
export function refusePicture(cause: unknown): InputError {
  const { name, message } = cause instanceof Error ? cause : { name: "", message: String(cause) };
  const advice =
    name === "SecurityError"
      ? "the browser lets no page read the picture, which is from another site: serve it with CORS " +
        'headers, and load it with crossOrigin = "anonymous"'
      : "the browser can't draw the picture: give an image, a video, a VideoFrame, a canvas, an " +
        "ImageBitmap or ImageData";
  return new InputError(`${advice} (${message})`, [], { cause });
}

function sizesOf(image: TexImageSource): [width: number, height: number] {
  if ("naturalWidth" in image) return [image.naturalWidth, image.naturalHeight];
  if ("videoWidth" in image) return [image.videoWidth, image.videoHeight];
  if ("displayWidth" in image) return [image.displayWidth, image.displayHeight];
  return [image.width, image.height];
}

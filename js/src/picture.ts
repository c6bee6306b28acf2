import { InputError } from "./errors.js";
import type { Shape } from "./tensor.js";

/** A triple of numbers: for red, green and blue. */
export type Channels = readonly [red: number, green: number, blue: number];

export interface PictureOptions {
  /** What is taken from each channel, which is from 0 to 1 before: 0 by default. */
  readonly mean?: Channels | undefined;
  /** What it is then divided by: 1 by default. */
  readonly std?: Channels | undefined;
}

/** An image that an input is made of, where it is drawn: no pixel passes through the CPU. */
export interface Picture<S extends Shape = Shape> {
  readonly dtype: "float32";
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
 * channels in axis 1, or else in axis 3: `(channel / 255 - mean) / std`. An op on webgl2 has to read
 * it. Throws InputError where the shape or a number is of no use.
 */
export function picture<const S extends Shape>(
  image: TexImageSource,
  shape: S,
  { mean = [0, 0, 0], std = [1, 1, 1] }: PictureOptions = {},
): Picture<Mutable<S>> {
  const problems: string[] = [];
  const channelsFirst = shape[1] === 3;
  if (shape.length !== 4 || shape[0] !== 1 || (!channelsFirst && shape[3] !== 3)) {
    problems.push(`its shape is ${shape.join("x")}; it may be 1x3xHxW or 1xHxWx3`);
  }
  for (const [name, numbers] of Object.entries({ mean, std })) {
    if (numbers.length !== 3 || !numbers.every(Number.isFinite)) {
      problems.push(`its ${name} is ${numbers.join()}; give three numbers`);
    }
  }
  if (std.includes(0)) problems.push("its std is 0 for a channel");
  if (problems.length) throw new InputError("can't make an input of the picture", problems);
  const kept = [...shape] as Mutable<S>;
  return { dtype: "float32", shape: kept, image, channelsFirst, mean, std };
}

/** Tell a picture from a tensor. */
export function isPicture(data: object): data is Picture {
  return "image" in data;
}

/**
 * From a drawing to the model's input.
 *
 * The digits that the model has learnt from were fitted into a 32x32 bitmap, as high as it and with
 * about the same amount of ink each, and then counted in 4x4 blocks. A drawing is treated alike,
 * so where on the pad, how large and with what pen a digit is drawn makes no difference.
 */

/** @typedef {{ x: number, y: number }} Point */

export const SIDE = 8;

const BLOCK = 4;
const GRID = SIDE * BLOCK;
const WIDEST = 24;
const INK = 0.28;
const PEN = { least: 2, most: 12 };
const POINTS = 96;

/**
 * Turn strokes (in any unit, y downwards) into `SIDE * SIDE` values, row by row, from 0 (paper) to
 * 1 (ink).
 *
 * @param {readonly (readonly Point[])[]} strokes
 * @returns {Float32Array}
 */
export function toImage(strokes) {
  const lines = thinned(strokes.filter((stroke) => stroke.length > 0));
  if (lines.length === 0) {
    return new Float32Array(SIDE * SIDE);
  }
  // The wider the pen, the more ink: halve the interval until the right width is known closely.
  let { least, most } = PEN;
  let image = draw(lines, least);
  for (let round = 0; round < 6; round++) {
    const pen = (least + most) / 2;
    image = draw(lines, pen);
    if (share(image) < INK) {
      least = pen;
    } else {
      most = pen;
    }
  }
  return image;
}

/** Keep at most about `POINTS` points, so that a long drawing takes no longer than a short one. */
function thinned(strokes) {
  const count = strokes.reduce((sum, stroke) => sum + stroke.length, 0);
  const step = Math.max(1, Math.ceil(count / POINTS));
  return strokes.map((stroke) =>
    stroke.filter((_, index) => index % step === 0 || index === stroke.length - 1),
  );
}

/** Fit `strokes` into the grid, draw them `pen` wide, and count the ink in each block. */
function draw(strokes, pen) {
  const fitted = fit(strokes, pen);
  const image = new Float32Array(SIDE * SIDE);
  for (let y = 0; y < GRID; y++) {
    for (let x = 0; x < GRID; x++) {
      if (fitted.some((stroke) => touches(stroke, x + 0.5, y + 0.5, pen / 2))) {
        image[Math.floor(y / BLOCK) * SIDE + Math.floor(x / BLOCK)] += 1 / (BLOCK * BLOCK);
      }
    }
  }
  return image;
}

/** Scale to the grid's height (a flat drawing: to its width), squeeze what is too wide, centre. */
function fit(strokes, pen) {
  const points = strokes.flat();
  const xs = points.map((point) => point.x);
  const ys = points.map((point) => point.y);
  const left = Math.min(...xs);
  const top = Math.min(...ys);
  const width = Math.max(...xs) - left;
  const height = Math.max(...ys) - top;
  const across = WIDEST - pen;
  const down = GRID - pen;
  const flat = height * 3 < width;
  const scaleY = flat ? across / width : down / (height || 1);
  const scaleX = Math.min(scaleY, across / (width || 1));
  const middleX = left + width / 2;
  const middleY = top + height / 2;
  return strokes.map((stroke) =>
    stroke.map(({ x, y }) => ({
      x: GRID / 2 + (x - middleX) * scaleX,
      y: GRID / 2 + (y - middleY) * scaleY,
    })),
  );
}

/** Say whether (x, y) is within `radius` of the stroke. */
function touches(stroke, x, y, radius) {
  return stroke.some((end, index) => {
    const start = stroke[Math.max(0, index - 1)];
    const dx = end.x - start.x;
    const dy = end.y - start.y;
    const length = dx * dx + dy * dy;
    const along = length === 0 ? 0 : ((x - start.x) * dx + (y - start.y) * dy) / length;
    const t = Math.min(1, Math.max(0, along));
    const offX = x - start.x - t * dx;
    const offY = y - start.y - t * dy;
    return offX * offX + offY * offY <= radius * radius;
  });
}

function share(image) {
  return image.reduce((sum, value) => sum + value, 0) / image.length;
}

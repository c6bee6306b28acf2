/** Digits drawn with few points, for "Draw one for me": strokes, in percent of the pad. */

const DIGITS = [
  "50,12 33,20 26,46 30,74 48,88 66,78 74,50 68,22 50,12",
  "38,28 54,12 54,88",
  "30,28 40,13 60,13 69,28 60,48 42,68 28,88 74,88",
  "32,15 55,12 68,26 60,42 45,48 64,55 71,72 55,88 30,84",
  "56,12 28,58 76,58 / 62,38 62,90",
  "69,12 37,12 33,45 54,42 70,58 65,81 46,89 30,82",
  "61,12 41,31 30,60 37,84 57,89 69,74 60,58 41,58 31,68",
  "28,13 72,13 46,88",
  "50,47 34,34 38,15 60,13 66,30 50,47 32,65 37,86 61,88 70,69 50,47",
  "68,34 59,15 41,13 32,30 42,47 60,44 68,30 69,58 61,88",
];

const STEPS = 8;

/**
 * Return the strokes of `digit`, in coordinates from 0 to 1, with as many points as a hand leaves.
 *
 * @param {number} digit
 * @returns {{ x: number, y: number }[][]}
 */
export function example(digit) {
  return DIGITS[digit].split(" / ").map((stroke) => {
    const corners = stroke.split(" ").map((pair) => pair.split(",").map((text) => text / 100));
    return corners.flatMap(between);
  });
}

function between([x, y], index, corners) {
  const [nextX, nextY] = corners[Math.min(index + 1, corners.length - 1)];
  const count = index + 1 < corners.length ? STEPS : 1;
  return Array.from({ length: count }, (_, step) => ({
    x: x + ((nextX - x) * step) / STEPS,
    y: y + ((nextY - y) * step) / STEPS,
  }));
}

/**
 * Whether this host adds up products of bytes as the relaxed wasm file of a quantised model expects:
 * exactly, with the second factor unsigned.
 *
 * WebAssembly leaves open what i32x4.relaxed_dot_i8x16_i7x16_add_s does with a second factor above
 * 127. On x86 with VNNI it is unsigned; older x86 saturates sums of two products at 16 bits, ARM
 * takes the factor for signed. So it is tried out, at the ends of both ranges.
 */
export function hasExactDots(): boolean {
  // (module (func (export "d") (param i32 i32 i32) (result i32)
  //   (i32x4.extract_lane 0 (i32x4.relaxed_dot_i8x16_i7x16_add_s
  //     (i8x16.splat (local.get 0)) (i8x16.splat (local.get 1)) (i32x4.splat (local.get 2))))))
  // prettier-ignore
  const bytes = new Uint8Array([
    0, 97, 115, 109, 1, 0, 0, 0,
    1, 8, 1, 96, 3, 127, 127, 127, 1, 127,
    3, 2, 1, 0,
    7, 5, 1, 1, 100, 0, 0,
    10, 22, 1, 20, 0, 32, 0, 253, 15, 32, 1, 253, 15, 32, 2, 253, 17, 253, 147, 2, 253, 27, 0, 11,
  ]);
  let exports: WebAssembly.Exports;
  try {
    exports = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
  } catch {
    return false; // No relaxed SIMD, or a host that compiles no bytes at run time.
  }
  const dot = exports["d"] as (weight: number, activation: number, total: number) => number;
  return [-128, -1, 1, 127].every((weight) =>
    [0, 127, 128, 255].every((value) => dot(weight, value, 7) === 4 * weight * value + 7),
  );
}

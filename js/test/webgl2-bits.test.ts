import { expect, test } from "vitest";
import { keepAsBits } from "../src/webgl2/bits.js";

test("samplers and outputs of floats become those of integers, and others stay", () => {
  const text = keepAsBits(`uniform sampler2D t0;
uniform isampler2D t1;
uniform sampler2DArray t2;
layout(location = 0) out vec4 o0;
layout(location = 1) out ivec4 o1;
void main() {
  o0 = texture(t0, p) + texelFetch(t2, q, 0);
  o1 = texture(t1, p);
}`);
  for (const part of [
    "uniform isampler2D t0;",
    "uniform isampler2D t1;",
    "uniform isampler2DArray t2;",
    "vec4 texture_t0(vec2 at) { return intBitsToFloat(texture(t0, at)); }",
    "vec4 texelFetch_t2(ivec3 at, int level) { return intBitsToFloat(texelFetch(t2, at, level)); }",
    "layout(location = 0) out ivec4 bits_o0;\nvec4 o0;",
    "layout(location = 1) out ivec4 o1;",
    "o0 = texture_t0( p) + texelFetch_t2( q, 0);",
    "o1 = texture(t1, p);",
    "void main() { compute(); bits_o0 = floatBitsToInt(o0); }",
  ]) {
    expect(text).toContain(part);
  }
  expect(text).not.toMatch(/uniform sampler2D/);
});

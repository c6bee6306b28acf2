#version 300 es
precision highp float;
precision highp int;
precision highp sampler2D;
precision highp isampler2D;
precision highp sampler2DArray;
precision highp isampler2DArray;
uniform int w;
uniform sampler2D t0;
uniform int d0;
layout(location = 0) out vec4 o0;
// The coordinates of the middle of a texel, before which there are so many texels, in a texture of
// which a column and a row have this size. All but the last product is exact.
vec2 at(float texels, vec2 size) {
  float rows = texels * size.x;
  return vec2(fract(rows), (floor(rows) + 0.5) * size.y);
}
// Of texels, of which there are less than 2^23, by way of floats: GPUs and SIMD divide those only.
int quotient(int a, int b) {
  int q = int(float(a) / float(b));
  int rest = a - q * b;
  return rest < 0 ? q - 1 : rest < b ? q : q + 1;
}
void main() {
  int t = int(gl_FragCoord.y) * w + int(gl_FragCoord.x);
  vec2 s0 = 1.0 / vec2(textureSize(t0, 0).xy);
  int x1 = d0 * 7;
  int x2 = x1 + 3;
  int x3 = x2 >> 2;
  int i0 = t;
  ivec4 lane = i0 * 4 + ivec4(0, 1, 2, 3);
  float x4 = float(i0) + 0.5;
  vec4 x5 = texture(t0, at(x4, s0));
  bvec4 x6 = lessThan(x5, vec4(0.0));
  vec4 x7 = mix(x5, vec4(0.0), x6);
  o0 = x7;
}

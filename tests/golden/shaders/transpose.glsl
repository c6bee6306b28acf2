#version 300 es
precision highp float;
precision highp int;
precision highp sampler2D;
precision highp isampler2D;
precision highp sampler2DArray;
precision highp isampler2DArray;
uniform int w;
uniform sampler2D t0;
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
  ivec4 flat4 = t * 4 + ivec4(0, 1, 2, 3);
  ivec4 rest1 = flat4 / 5;
  ivec4 i1 = flat4 - rest1 * 5;
  ivec4 i0 = rest1;
  int x1 = i1.x * 3;
  int x2 = x1 + i0.x;
  int x3 = x2 >> 2;
  float x4 = float(x3) + 0.5;
  vec4 x5 = texture(t0, at(x4, s0));
  float x6 = x5[x2 & 3];
  int x7 = i1.y * 3;
  int x8 = x7 + i0.y;
  int x9 = x8 >> 2;
  float x10 = float(x9) + 0.5;
  vec4 x11 = texture(t0, at(x10, s0));
  float x12 = x11[x8 & 3];
  int x13 = i1.z * 3;
  int x14 = x13 + i0.z;
  int x15 = x14 >> 2;
  float x16 = float(x15) + 0.5;
  vec4 x17 = texture(t0, at(x16, s0));
  float x18 = x17[x14 & 3];
  int x19 = i1.w * 3;
  int x20 = x19 + i0.w;
  int x21 = x20 >> 2;
  float x22 = float(x21) + 0.5;
  vec4 x23 = texture(t0, at(x22, s0));
  float x24 = x23[x20 & 3];
  vec4 x25 = vec4(x6, x12, x18, x24);
  o0 = x25;
}

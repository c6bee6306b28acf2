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
  int i0 = t;
  ivec4 lane = i0 * 4 + ivec4(0, 1, 2, 3);
  vec4 a0_0 = vec4(uintBitsToFloat(0xFF800000u));
  vec4 x1 = texture(t0, at(0.5, s0));
  vec4 x2 = texture(t0, at(2.5, s0));
  vec4 x3 = texture(t0, at(5.5, s0));
  vec4 x4 = texture(t0, at(7.5, s0));
  vec4 x5 = vec4(x1.x, x2.z, x3.x, x4.z);
  bvec4 x6 = lessThan(a0_0, x5);
  vec4 x7 = mix(a0_0, x5, x6);
  a0_0 = x7;
  vec4 x8 = vec4(x1.y, x2.w, x3.y, x4.w);
  bvec4 x9 = lessThan(a0_0, x8);
  vec4 x10 = mix(a0_0, x8, x9);
  a0_0 = x10;
  vec4 x11 = texture(t0, at(3.5, s0));
  vec4 x12 = texture(t0, at(8.5, s0));
  vec4 x13 = vec4(x1.z, x11.x, x3.z, x12.x);
  bvec4 x14 = lessThan(a0_0, x13);
  vec4 x15 = mix(a0_0, x13, x14);
  a0_0 = x15;
  vec4 x16 = vec4(x1.w, x11.y, x3.w, x12.y);
  bvec4 x17 = lessThan(a0_0, x16);
  vec4 x18 = mix(a0_0, x16, x17);
  a0_0 = x18;
  vec4 x19 = texture(t0, at(1.5, s0));
  vec4 x20 = texture(t0, at(6.5, s0));
  vec4 x21 = vec4(x19.x, x11.z, x20.x, x12.z);
  bvec4 x22 = lessThan(a0_0, x21);
  vec4 x23 = mix(a0_0, x21, x22);
  a0_0 = x23;
  vec4 x24 = vec4(x19.y, x11.w, x20.y, x12.w);
  bvec4 x25 = lessThan(a0_0, x24);
  vec4 x26 = mix(a0_0, x24, x25);
  a0_0 = x26;
  vec4 x27 = texture(t0, at(4.5, s0));
  vec4 x28 = texture(t0, at(9.5, s0));
  vec4 x29 = vec4(x19.z, x27.x, x20.z, x28.x);
  bvec4 x30 = lessThan(a0_0, x29);
  vec4 x31 = mix(a0_0, x29, x30);
  a0_0 = x31;
  vec4 x32 = vec4(x19.w, x27.y, x20.w, x28.y);
  bvec4 x33 = lessThan(a0_0, x32);
  vec4 x34 = mix(a0_0, x32, x33);
  a0_0 = x34;
  vec4 x35 = vec4(x2.x, x27.z, x4.x, x28.z);
  bvec4 x36 = lessThan(a0_0, x35);
  vec4 x37 = mix(a0_0, x35, x36);
  a0_0 = x37;
  vec4 x38 = vec4(x2.y, x27.w, x4.y, x28.w);
  bvec4 x39 = lessThan(a0_0, x38);
  vec4 x40 = mix(a0_0, x38, x39);
  a0_0 = x40;
  o0 = a0_0;
}

#version 300 es
precision highp float;
precision highp int;
precision highp sampler2D;
precision highp isampler2D;
precision highp sampler2DArray;
precision highp isampler2DArray;
uniform int w;
uniform sampler2D t0;
uniform sampler2D t1;
layout(location = 0) out vec4 o0;
bool isNoNumber(float x) { return (floatBitsToInt(x) & 0x7FFFFFFF) > 0x7F800000; }
// Some drivers have a number for what is none, here and in what clamps.
float expE(float x) { float y = exp(x); return isNoNumber(x) ? x : y; }
bvec4 isNoNumber(vec4 x) { return bvec4((floatBitsToInt(x.x) & 0x7FFFFFFF) > 0x7F800000, (floatBitsToInt(x.y) & 0x7FFFFFFF) > 0x7F800000, (floatBitsToInt(x.z) & 0x7FFFFFFF) > 0x7F800000, (floatBitsToInt(x.w) & 0x7FFFFFFF) > 0x7F800000); }
// Some drivers have a number for what is none, here and in what clamps.
vec4 expE(vec4 x) { vec4 y = exp(x); return vec4(isNoNumber(x.x) ? x.x : y.x, isNoNumber(x.y) ? x.y : y.y, isNoNumber(x.z) ? x.z : y.z, isNoNumber(x.w) ? x.w : y.w); }
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
  vec2 s1 = 1.0 / vec2(textureSize(t1, 0).xy);
  ivec4 flat4 = t * 4 + ivec4(0, 1, 2, 3);
  ivec4 rest1 = flat4 / 10;
  ivec4 i1 = flat4 - rest1 * 10;
  ivec4 i0 = rest1;
  int x1 = i0.x * 10;
  int x2 = x1 + i1.x;
  int x3 = x2 >> 2;
  float x4 = float(x3) + 0.5;
  vec4 x5 = texture(t0, at(x4, s0));
  float x6 = x5[x2 & 3];
  int x7 = i0.y * 10;
  int x8 = x7 + i1.y;
  int x9 = x8 >> 2;
  float x10 = float(x9) + 0.5;
  vec4 x11 = texture(t0, at(x10, s0));
  float x12 = x11[x8 & 3];
  int x13 = i0.z * 10;
  int x14 = x13 + i1.z;
  int x15 = x14 >> 2;
  float x16 = float(x15) + 0.5;
  vec4 x17 = texture(t0, at(x16, s0));
  float x18 = x17[x14 & 3];
  int x19 = i0.w * 10;
  int x20 = x19 + i1.w;
  int x21 = x20 >> 2;
  float x22 = float(x21) + 0.5;
  vec4 x23 = texture(t0, at(x22, s0));
  float x24 = x23[x20 & 3];
  vec4 x25 = vec4(x6, x12, x18, x24);
  int x26 = i0.x >> 2;
  float x27 = float(x26) + 0.5;
  vec4 x28 = texture(t1, at(x27, s1));
  float x29 = x28[i0.x & 3];
  int x30 = i0.y >> 2;
  float x31 = float(x30) + 0.5;
  vec4 x32 = texture(t1, at(x31, s1));
  float x33 = x32[i0.y & 3];
  int x34 = i0.z >> 2;
  float x35 = float(x34) + 0.5;
  vec4 x36 = texture(t1, at(x35, s1));
  float x37 = x36[i0.z & 3];
  int x38 = i0.w >> 2;
  float x39 = float(x38) + 0.5;
  vec4 x40 = texture(t1, at(x39, s1));
  float x41 = x40[i0.w & 3];
  vec4 x42 = vec4(x29, x33, x37, x41);
  vec4 x43 = x25 - x42;
  vec4 x44 = expE(x43);
  o0 = x44;
}

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
  int i0 = t;
  ivec4 lane = i0 * 4 + ivec4(0, 1, 2, 3);
  vec4 a0_0 = vec4(0.0);
  vec4 x1 = texture(t0, at(0.5, s0));
  vec4 x2 = texture(t0, at(2.5, s0));
  vec4 x3 = texture(t0, at(5.5, s0));
  vec4 x4 = texture(t0, at(7.5, s0));
  vec4 x5 = vec4(x1.x, x2.z, x3.x, x4.z);
  vec4 x6 = a0_0 + x5;
  a0_0 = x6;
  vec4 x7 = vec4(x1.y, x2.w, x3.y, x4.w);
  vec4 x8 = a0_0 + x7;
  a0_0 = x8;
  vec4 x9 = texture(t0, at(3.5, s0));
  vec4 x10 = texture(t0, at(8.5, s0));
  vec4 x11 = vec4(x1.z, x9.x, x3.z, x10.x);
  vec4 x12 = a0_0 + x11;
  a0_0 = x12;
  vec4 x13 = vec4(x1.w, x9.y, x3.w, x10.y);
  vec4 x14 = a0_0 + x13;
  a0_0 = x14;
  vec4 x15 = texture(t0, at(1.5, s0));
  vec4 x16 = texture(t0, at(6.5, s0));
  vec4 x17 = vec4(x15.x, x9.z, x16.x, x10.z);
  vec4 x18 = a0_0 + x17;
  a0_0 = x18;
  vec4 x19 = vec4(x15.y, x9.w, x16.y, x10.w);
  vec4 x20 = a0_0 + x19;
  a0_0 = x20;
  vec4 x21 = texture(t0, at(4.5, s0));
  vec4 x22 = texture(t0, at(9.5, s0));
  vec4 x23 = vec4(x15.z, x21.x, x16.z, x22.x);
  vec4 x24 = a0_0 + x23;
  a0_0 = x24;
  vec4 x25 = vec4(x15.w, x21.y, x16.w, x22.y);
  vec4 x26 = a0_0 + x25;
  a0_0 = x26;
  vec4 x27 = vec4(x2.x, x21.z, x4.x, x22.z);
  vec4 x28 = a0_0 + x27;
  a0_0 = x28;
  vec4 x29 = vec4(x2.y, x21.w, x4.y, x22.w);
  vec4 x30 = a0_0 + x29;
  a0_0 = x30;
  o0 = a0_0;
}

#version 300 es
precision highp float;
precision highp int;
precision highp sampler2D;
precision highp isampler2D;
precision highp sampler2DArray;
precision highp isampler2DArray;
uniform int w;
uniform sampler2D t0;
uniform sampler2D t1;
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
  vec2 s1 = 1.0 / vec2(textureSize(t1, 0).xy);
  ivec4 flat4 = t * 4 + ivec4(0, 1, 2, 3);
  ivec4 rest1 = flat4 / 10;
  ivec4 i1 = flat4 - rest1 * 10;
  ivec4 i0 = rest1;
  int x1 = i0.x * 10;
  int x2 = x1 + i1.x;
  int x3 = x2 >> 2;
  float x4 = float(x3) + 0.5;
  vec4 x5 = texture(t0, at(x4, s0));
  float x6 = x5[x2 & 3];
  int x7 = i0.y * 10;
  int x8 = x7 + i1.y;
  int x9 = x8 >> 2;
  float x10 = float(x9) + 0.5;
  vec4 x11 = texture(t0, at(x10, s0));
  float x12 = x11[x8 & 3];
  int x13 = i0.z * 10;
  int x14 = x13 + i1.z;
  int x15 = x14 >> 2;
  float x16 = float(x15) + 0.5;
  vec4 x17 = texture(t0, at(x16, s0));
  float x18 = x17[x14 & 3];
  int x19 = i0.w * 10;
  int x20 = x19 + i1.w;
  int x21 = x20 >> 2;
  float x22 = float(x21) + 0.5;
  vec4 x23 = texture(t0, at(x22, s0));
  float x24 = x23[x20 & 3];
  vec4 x25 = vec4(x6, x12, x18, x24);
  int x26 = i0.x >> 2;
  float x27 = float(x26) + 0.5;
  vec4 x28 = texture(t1, at(x27, s1));
  float x29 = x28[i0.x & 3];
  int x30 = i0.y >> 2;
  float x31 = float(x30) + 0.5;
  vec4 x32 = texture(t1, at(x31, s1));
  float x33 = x32[i0.y & 3];
  int x34 = i0.z >> 2;
  float x35 = float(x34) + 0.5;
  vec4 x36 = texture(t1, at(x35, s1));
  float x37 = x36[i0.z & 3];
  int x38 = i0.w >> 2;
  float x39 = float(x38) + 0.5;
  vec4 x40 = texture(t1, at(x39, s1));
  float x41 = x40[i0.w & 3];
  vec4 x42 = vec4(x29, x33, x37, x41);
  vec4 x43 = 1.0 / x42;
  vec4 x44 = x25 * x43;
  o0 = x44;
}

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
uniform int d0;
layout(location = 0) out vec4 o0;
layout(location = 1) out vec4 o1;
layout(location = 2) out vec4 o2;
layout(location = 3) out vec4 o3;
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
  int x1 = d0 + 3;
  int x2 = x1 >> 2;
  int rest1 = quotient(t, 3);
  int i1 = t - rest1 * 3;
  int i0 = rest1;
  ivec4 lane = i1 * 4 + ivec4(0, 1, 2, 3);
  vec4 a0_0 = vec4(0.0);
  vec4 a0_1 = vec4(0.0);
  vec4 a0_2 = vec4(0.0);
  vec4 a0_3 = vec4(0.0);
  int x4 = i0 * 8;
  float x5 = float(x4) + 0.5;
  int x9 = i1 >> 1;
  int x10 = x9 * 16;
  int x12 = i1 & 1;
  int x13 = x10 + x12;
  float x14 = float(x13) + 0.5;
  int x20 = x4 + 2;
  float x21 = float(x20) + 0.5;
  int x26 = x4 + 4;
  float x27 = float(x26) + 0.5;
  int x32 = x4 + 6;
  float x33 = float(x32) + 0.5;
  int x38 = x13 + 2;
  float x39 = float(x38) + 0.5;
  int x50 = x13 + 4;
  float x51 = float(x50) + 0.5;
  int x62 = x13 + 6;
  float x63 = float(x62) + 0.5;
  for (int k3 = 0; k3 < 2; k3++) {
    float x6 = float(k3);
    float x7 = x5 + x6;
    vec4 x8 = texture(t0, at(x7, s0));
    int x11 = k3 * 8;
    float x15 = float(x11);
    float x16 = x14 + x15;
    vec4 x17 = texture(t1, at(x16, s1));
    vec4 x18 = x8.x * x17;
    vec4 x19 = a0_0 + x18;
    a0_0 = x19;
    float x22 = x21 + x6;
    vec4 x23 = texture(t0, at(x22, s0));
    vec4 x24 = x23.x * x17;
    vec4 x25 = a0_1 + x24;
    a0_1 = x25;
    float x28 = x27 + x6;
    vec4 x29 = texture(t0, at(x28, s0));
    vec4 x30 = x29.x * x17;
    vec4 x31 = a0_2 + x30;
    a0_2 = x31;
    float x34 = x33 + x6;
    vec4 x35 = texture(t0, at(x34, s0));
    vec4 x36 = x35.x * x17;
    vec4 x37 = a0_3 + x36;
    a0_3 = x37;
    float x40 = x39 + x15;
    vec4 x41 = texture(t1, at(x40, s1));
    vec4 x42 = x8.y * x41;
    vec4 x43 = a0_0 + x42;
    a0_0 = x43;
    vec4 x44 = x23.y * x41;
    vec4 x45 = a0_1 + x44;
    a0_1 = x45;
    vec4 x46 = x29.y * x41;
    vec4 x47 = a0_2 + x46;
    a0_2 = x47;
    vec4 x48 = x35.y * x41;
    vec4 x49 = a0_3 + x48;
    a0_3 = x49;
    float x52 = x51 + x15;
    vec4 x53 = texture(t1, at(x52, s1));
    vec4 x54 = x8.z * x53;
    vec4 x55 = a0_0 + x54;
    a0_0 = x55;
    vec4 x56 = x23.z * x53;
    vec4 x57 = a0_1 + x56;
    a0_1 = x57;
    vec4 x58 = x29.z * x53;
    vec4 x59 = a0_2 + x58;
    a0_2 = x59;
    vec4 x60 = x35.z * x53;
    vec4 x61 = a0_3 + x60;
    a0_3 = x61;
    float x64 = x63 + x15;
    vec4 x65 = texture(t1, at(x64, s1));
    vec4 x66 = x8.w * x65;
    vec4 x67 = a0_0 + x66;
    a0_0 = x67;
    vec4 x68 = x23.w * x65;
    vec4 x69 = a0_1 + x68;
    a0_1 = x69;
    vec4 x70 = x29.w * x65;
    vec4 x71 = a0_2 + x70;
    a0_2 = x71;
    vec4 x72 = x35.w * x65;
    vec4 x73 = a0_3 + x72;
    a0_3 = x73;
  }
  o0 = a0_0;
  o1 = a0_1;
  o2 = a0_2;
  o3 = a0_3;
}

#version 300 es
precision highp float;
precision highp int;
precision highp sampler2D;
precision highp isampler2D;
precision highp sampler2DArray;
precision highp isampler2DArray;
uniform int w;
uniform sampler2DArray t0;
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
  int rest1 = quotient(t, 3);
  int i1 = t - rest1 * 3;
  int i0 = rest1;
  ivec4 lane = i1 * 4 + ivec4(0, 1, 2, 3);
  int x1 = i0 & 3;
  int x2 = i0 >> 2;
  int x3 = x2 * 3;
  int x4 = x3 + i1;
  float x5 = float(x4) + 0.5;
  vec4 x6 = texture(t0, vec3(at(x5, s0), x1));
  o0 = x6;
}

/**
 * Floats in textures of 16 bits. Of what is too large for these some drivers make infinity, others the
 * largest of them, and SwiftShader no number, infinities among them: here it is always the largest, so
 * that a mask of -1e9, or of -∞, still masks.
 */

/**
 * Have a fragment shader write no float beyond what 16 bits hold. Its outputs are called o0,
 * o1, …, and `main` comes last.
 */
export function keepWithinHalves(fragment: string): string {
  const outputs = [...fragment.matchAll(/\bout vec4 (o\d+);/g)].map(([, name]) => name as string);
  const writes = outputs.map((name) => `${name} = withinHalves(${name});`);
  return `${fragment.replace(/\bvoid main\(\)/, "void compute()")}
vec4 withinHalves(vec4 x) {
  bvec4 isNumber = lessThanEqual(floatBitsToInt(x) & 0x7FFFFFFF, ivec4(0x7F800000));
  return mix(x, clamp(x, -65504.0, 65504.0), isNumber);
}
void main() { ${["compute();", ...writes].join(" ")} }
`;
}

/**
 * Floats in textures of integers, which every WebGL2 draws to: each is kept as its 32 bits, where the
 * machine can't draw float32.
 */

/**
 * Have a fragment shader fetch and write floats as bits. Its samplers of floats are called t0, t1, …,
 * its outputs o0, o1, …, and `main` comes last.
 */
export function keepAsBits(fragment: string): string {
  const samplers = new Set<string>();
  for (const [, names = ""] of fragment.matchAll(/uniform sampler2D(?:Array)? (t\d+[^;]*);/g)) {
    for (const name of names.split(",")) samplers.add(name.trim());
  }
  const outputs = [...fragment.matchAll(/\bout vec4 (o\d+);/g)].map(([, name]) => name as string);
  const body = fragment
    .replace(/\b(texture|texelFetch)\((t\d+),/g, (call, how: string, name: string) => {
      return samplers.has(name) ? `${how}_${name}(` : call;
    })
    .replace(/uniform sampler2D(Array)? (t\d+[^;]*);/g, (_, array: string = "", names: string) => {
      const size = array ? 3 : 2;
      const each = names.split(",").map((name) => fetches(name.trim(), size));
      return [`uniform isampler2D${array} ${names};`, ...each].join("\n");
    })
    .replace(/\bout vec4 (o\d+);/g, "out ivec4 bits_$1;\nvec4 $1;")
    .replace(/\bvoid main\(\)/, "void compute()");
  const writes = outputs.map((name) => `bits_${name} = floatBitsToInt(${name});`);
  return `${body}\nvoid main() { ${["compute();", ...writes].join(" ")} }\n`;
}

/** What stands for the two ways to fetch of the sampler `name`. */
function fetches(name: string, size: number): string {
  return `vec4 texture_${name}(vec${size} at) { return intBitsToFloat(texture(${name}, at)); }
vec4 texelFetch_${name}(ivec${size} at, int level) { return intBitsToFloat(texelFetch(${name}, at, level)); }`;
}

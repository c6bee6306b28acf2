// Counts the bytes of WebGL textures by who was loading when their context was made. Import it before
// any of them.

const BYTES = {
  RGBA32F: 16,
  RGBA32I: 16,
  RGB32F: 12,
  RG32F: 8,
  RGBA16F: 8,
  R32F: 4,
  RG16F: 4,
  RGBA8: 4,
  RGBA: 4,
  R16F: 2,
  R8: 1,
};

let owner = "";
const owners = new Map();
const sizes = new WeakMap();
const live = new Map();
const peaks = new Map();

/** From now on, contexts belong to `name`. */
export function ownContexts(name) {
  owner = name;
}

/** The most bytes that the textures of `name` have taken at once. */
export function texturesOf(name) {
  return peaks.get(name) ?? 0;
}

function add(gl, bytes) {
  if (!owners.has(gl)) owners.set(gl, owner);
  const whose = owners.get(gl);
  const now = (live.get(whose) ?? 0) + bytes;
  live.set(whose, now);
  peaks.set(whose, Math.max(now, peaks.get(whose) ?? 0));
}

function note(gl, target, format, texels) {
  const binding = target === gl.TEXTURE_2D ? gl.TEXTURE_BINDING_2D : gl.TEXTURE_BINDING_2D_ARRAY;
  const texture = gl.getParameter(binding);
  const name = Object.keys(BYTES).find((each) => gl[each] === format);
  const bytes = texels * BYTES[name];
  add(gl, bytes - (sizes.get(texture) ?? 0));
  sizes.set(texture, bytes);
}

const { prototype } = globalThis.WebGL2RenderingContext ?? { prototype: {} };
const { texImage2D, texStorage2D, texStorage3D, deleteTexture } = prototype;
Object.assign(prototype, {
  texImage2D(...args) {
    if (args.length > 6) note(this, args[0], args[2], args[3] * args[4]);
    return texImage2D.apply(this, args);
  },
  texStorage2D(target, levels, format, width, height) {
    note(this, target, format, width * height);
    return texStorage2D.call(this, target, levels, format, width, height);
  },
  texStorage3D(target, levels, format, width, height, depth) {
    note(this, target, format, width * height * depth);
    return texStorage3D.call(this, target, levels, format, width, height, depth);
  },
  deleteTexture(texture) {
    add(this, -(sizes.get(texture) ?? 0));
    sizes.delete(texture);
    return deleteTexture.call(this, texture);
  },
});

import type { Use } from "../devices/device.js";
import { type Plan, rangeOf } from "../schedule/plan.js";
import type { Context } from "./context.js";
import { type Extent, type Kind, placeOf, share, type Tenant } from "./layout.js";
import type { Texture, Textures } from "./texture.js";

/**
 * All textures that a device's values lie in. Rooms take turns, so they have the same ones: there are
 * as many, and they are as large, as the most demanding room wants.
 */
export class TextureArena {
  readonly #textures: Textures;
  readonly #maxSize: number;
  readonly #persistent = new Map<number, Texture>();
  /** What is shared, by kind: the largest first. */
  readonly #shared: Record<Kind, Texture[]> = { float: [], int: [] };
  /** What ops keep between their passes, by kind and layers. */
  readonly #temps = new Map<string, Texture[]>();

  constructor({ maxSize }: Context, textures: Textures) {
    this.#textures = textures;
    this.#maxSize = maxSize;
  }

  /**
   * Find a texture for each value that is used. Throws KernelError or DeviceError for a value that
   * has no place in a texture.
   */
  place(plan: Plan, uses: readonly Use[]): Map<number, Texture> {
    const tenants = new Map<number, Tenant>();
    for (const { value, first, last } of uses) {
      const root = plan.roots[value] as number;
      const known = tenants.get(root);
      tenants.set(root, {
        value: root,
        ...(known ?? { ...placeOf(plan, value, this.#maxSize), bytes: rangeOf(root, plan) }),
        first: Math.min(first, known?.first ?? Infinity),
        last: Math.max(last, known?.last ?? -1),
      });
    }
    const places = new Map<number, Texture>();
    const passing: Tenant[] = [];
    for (const tenant of tenants.values()) {
      if (tenant.last === Infinity) places.set(tenant.value, this.#keep(tenant));
      else passing.push(tenant);
    }
    const taken = { float: 0, int: 0 };
    for (const { kind, values, ...extent } of share(passing)) {
      const texture = this.#take(this.#shared[kind], taken[kind]++, kind, extent, 0);
      for (const value of values) places.set(value, texture);
    }
    for (const { value } of uses) {
      places.set(value, places.get(plan.roots[value] as number) as Texture);
    }
    return places;
  }

  /** Return what gives an op one texture after the other for its temporaries. */
  temps(): (kind: Kind, extent: Extent, layers: number) => Texture {
    const taken = new Map<string, number>();
    return (kind, extent, layers) => {
      const key = `${kind} ${layers}`;
      const index = taken.get(key) ?? 0;
      taken.set(key, index + 1);
      const textures = this.#temps.get(key) ?? [];
      this.#temps.set(key, textures);
      return this.#take(textures, index, kind, extent, layers);
    };
  }

  #keep({ value, kind, extent }: Tenant): Texture {
    const texture = this.#persistent.get(value) ?? this.#textures.make(kind, extent);
    this.#persistent.set(value, texture);
    return texture;
  }

  #take(from: Texture[], index: number, kind: Kind, extent: Extent, layers: number): Texture {
    for (;;) {
      const texture = from[index];
      if (texture) {
        this.#textures.grow(texture, extent);
        return texture;
      }
      from.push(this.#textures.make(kind, extent, layers));
    }
  }
}

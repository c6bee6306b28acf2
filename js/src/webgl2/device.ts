/** The WebGL2 device: a module of its own, which is loaded only where it is used. */

import type { OpData, Shaders } from "../data.js";
import { type Device, isView, type Room, type Use } from "../devices/device.js";
import type { Plan } from "../schedule/plan.js";
import { TextureArena } from "./arena.js";
import { Context, type WebGl2Options } from "./context.js";
import { Painter } from "./painter.js";
import { Programs } from "./program.js";
import { sourcesOf, type Tools, WebGl2Room } from "./room.js";
import { Textures } from "./texture.js";
import { Transfer } from "./transfer.js";

export { pick } from "./pick.js";

/**
 * What rounding to float16 between ops may add up to, beside the largest element of an output. One
 * rounding is off by 2^-10 of a value at most, where a driver cuts off instead; this is 20 of them that
 * all go one way, or the square of that, 400, that go at random.
 */
const FLOAT16_TOLERANCE = 0.02;

/** Runs ops as fragment shaders over textures. */
export class WebGl2Device implements Device {
  readonly name = "webgl2";
  readonly threads = 1;
  readonly #tools: Tools;

  /** Throws DeviceError where there is no WebGL2 that can draw floats. */
  constructor(shaders: Shaders, options: WebGl2Options) {
    const context = new Context(options);
    const textures = new Textures(context);
    const programs = new Programs(context);
    this.#tools = {
      context,
      textures,
      programs,
      painter: new Painter(context, programs, textures),
      transfer: new Transfer(context, textures),
      arena: new TextureArena(context, textures),
      shaders,
    };
  }

  get precision(): "float16" | undefined {
    return this.#tools.context.floats === "rgba16f" ? "float16" : undefined;
  }

  get tolerance(): number | undefined {
    return this.precision && FLOAT16_TOLERANCE;
  }

  /** How many bytes of textures there are. */
  get memory(): number {
    const { textures, painter } = this.#tools;
    return textures.bytes + painter.bytes;
  }

  /**
   * Compile what `ops` need, as much at once as the driver does. Throws ShaderError, with every shader
   * that the driver rejects.
   */
  async compile(ops: readonly OpData[]): Promise<void> {
    const { programs, shaders } = this.#tools;
    programs.start(ops.flatMap((op) => (isView(op) ? [] : sourcesOf(op, shaders))));
    await programs.finish();
  }

  onEmptied(refill: () => void): void {
    this.#tools.context.onRestored(refill);
  }

  open(plan: Plan, uses: readonly Use[]): Room {
    return new WebGl2Room(this.#tools, plan, uses);
  }

  begin(): void {
    this.#tools.context.check();
  }

  dispose(): void {
    const { programs, textures, painter, context } = this.#tools;
    painter.dispose();
    programs.dispose();
    textures.dispose();
    context.dispose();
  }
}

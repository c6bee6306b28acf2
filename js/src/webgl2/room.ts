import type { DType, OpData, Shaders } from "../data.js";
import {
  type BoundOp,
  type Call,
  isView,
  type Room,
  type TextureOf,
  type Use,
} from "../devices/device.js";
import { describeOp } from "../devices/failure.js";
import { evaluate, evaluateAll } from "../dims.js";
import { BundleError } from "../errors.js";
import type { Picture } from "../picture/picture.js";
import type { Plan } from "../schedule/plan.js";
import { type DataOf, type Shape, sizeOf } from "../tensor.js";
import type { TextureArena } from "./arena.js";
import type { Context } from "./context.js";
import { fromElements, toElements } from "./elements.js";
import { extentOf, texelsOf } from "./layout.js";
import type { Painter } from "./painter.js";
import type { Programs, Source } from "./program.js";
import type { Texture, Textures } from "./texture.js";
import type { Transfer } from "./transfer.js";

/** What the rooms of a device work with. */
export interface Tools {
  readonly context: Context;
  readonly programs: Programs;
  readonly textures: Textures;
  readonly transfer: Transfer;
  readonly painter: Painter;
  readonly arena: TextureArena;
  readonly shaders: Shaders;
}

/** A pass with all that it needs. */
interface Draw {
  readonly source: Source;
  readonly inputs: readonly Texture[];
  readonly outputs: readonly Texture[];
  readonly dims: readonly number[];
  readonly texels: number;
}

/** The values of one frame, each in a texture. */
export class WebGl2Room implements Room {
  readonly #tools: Tools;
  readonly #plan: Plan;
  readonly #textures: ReadonlyMap<number, Texture>;

  constructor(tools: Tools, plan: Plan, uses: readonly Use[]) {
    this.#tools = tools;
    this.#plan = plan;
    this.#textures = tools.arena.place(plan, uses);
    tools.textures.checkMemory();
  }

  bind(bound: BoundOp): Call | undefined {
    if (isView(bound.op)) return undefined;
    const draws = this.#drawsOf(bound);
    const units = Math.max(...draws.map(({ inputs }) => inputs.length));
    const { context, transfer } = this.#tools;
    const call = () => context.use(units, () => draws.forEach((draw) => this.#draw(draw)));
    const { outputs } = draws.at(-1) ?? {};
    // Browsers make nothing of `finish`; what has been drawn can be read once it is there.
    const end = () => void (outputs && transfer.download(outputs[0] as Texture, 1));
    return Object.assign(call, { end, endLater: () => transfer.settled() });
  }

  write(value: number, data: ArrayBufferView): void {
    const { dtypes, names } = this.#plan;
    const elements = toElements(dtypes[value] as DType, data, names[value] as string);
    this.#tools.transfer.upload(this.#textureOf(value), elements);
  }

  read(value: number): DataOf<DType> {
    const { length, dtype } = this.#sizeOf(value);
    return fromElements(dtype, this.#tools.transfer.download(this.#textureOf(value), length));
  }

  async readLater(value: number): Promise<DataOf<DType>> {
    const { transfer } = this.#tools;
    const { length, dtype } = this.#sizeOf(value);
    return fromElements(dtype, await transfer.downloadLater(this.#textureOf(value), length));
  }

  paint(value: number, picture: Picture): void {
    this.#tools.painter.paint(this.#textureOf(value), picture);
  }

  texture(value: number): TextureOf {
    const { handle, width, height, kind } = this.#textureOf(value);
    const { gl, floats } = this.#tools.context;
    const format = kind === "int" ? "rgba32i" : floats;
    return { texture: handle, width, height, context: gl, format };
  }

  /** The textures stay: the next room takes them over. */
  close(): void {}

  #textureOf(value: number): Texture {
    const texture = this.#textures.get(value);
    if (!texture) throw new BundleError(`the value number ${value} has no texture`);
    return texture;
  }

  #drawsOf({ op, dims }: BoundOp): Draw[] {
    const { arena, context, shaders } = this.#tools;
    const { passes, temps } = shaderOf(op, shaders);
    const binding = new Map(dims.map((dim, index) => [`n${index}`, dim]));
    const operands = [...op.inputs, ...op.outputs].map((value) => this.#textureOf(value));
    const takeTemp = arena.temps();
    const scratch = temps.map(({ dtype, size, layers = 0 }) => {
      const user = `a temporary tensor of ${describeOp(op)}`;
      const extent = extentOf(texelsOf(evaluate(size, binding)), context.maxSize, user);
      return takeTemp(dtype === "float32" ? "float" : "int", extent, layers);
    });
    const textures = [...operands, ...scratch];
    const take = (refs: readonly number[]) => refs.map((ref) => textures[ref] as Texture);
    const sources = sourcesOf(op, shaders);
    return passes.flatMap((pass, index) => {
      const texels = evaluate(pass.texels, binding);
      if (!texels) return [];
      return {
        source: sources[index] as Source,
        inputs: take(pass.inputs),
        outputs: take(pass.outputs),
        dims: evaluateAll(pass.dims, binding),
        texels,
      };
    });
  }

  #draw({ source, inputs, outputs, dims, texels }: Draw): void {
    const { context, programs, textures } = this.#tools;
    const { gl } = context;
    // They grow as other ops and other rooms want more of them; only now are they as they stay.
    for (const output of outputs) for (const other of outputs) textures.grow(output, other);
    const { width } = outputs[0] as Texture;
    programs.use(source, dims, width);
    for (const [unit, texture] of inputs.entries()) textures.bind(unit, texture);
    gl.bindFramebuffer(gl.DRAW_FRAMEBUFFER, textures.target(outputs));
    gl.viewport(0, 0, width, Math.ceil(texels / width));
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  #sizeOf(value: number): { readonly length: number; readonly dtype: DType } {
    const { shapes, dtypes } = this.#plan;
    return { length: sizeOf(shapes[value] as Shape), dtype: dtypes[value] as DType };
  }
}

/** The fragment shaders of an op's passes. Throws BundleError where they are not in `shaders`. */
export function sourcesOf(op: OpData, shaders: Shaders): Source[] {
  const user = describeOp(op);
  return shaderOf(op, shaders).passes.map(({ fragment, inputs, dims }) => {
    return { fragment, inputs: inputs.length, dims: dims.length, user };
  });
}

function shaderOf({ name, shader = "" }: OpData, shaders: Shaders): Shaders[string] {
  const found = Object.hasOwn(shaders, shader) ? shaders[shader] : undefined;
  if (!found) throw new BundleError(`shaders.js lacks the op ${name}: bundle the model again`);
  return found;
}

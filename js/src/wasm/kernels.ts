import { BundleError } from "../errors.js";

/** A function of a wasm file; its last two arguments say what slice of its outermost loop to run. */
export type Kernel = (...args: number[]) => void;

/** Runs a kernel from `begin` to `end` of its outermost loop. */
export type RunSlice = (begin: number, end: number) => void;

/** A module's kernels, over one memory. */
export class Kernels {
  /** In the order of the module's exports, which is the same for each of its instances. */
  readonly all: readonly Kernel[];
  readonly #names: readonly string[];

  constructor(module: WebAssembly.Module, instance: WebAssembly.Instance) {
    this.#names = WebAssembly.Module.exports(module)
      .filter(({ kind }) => kind === "function")
      .map(({ name }) => name);
    this.all = this.#names.map((name) => instance.exports[name] as Kernel);
  }

  /** The most arguments that a kernel takes. */
  get arity(): number {
    return this.all.reduce((most, kernel) => Math.max(most, kernel.length), 0);
  }

  /** The index of a kernel; throws BundleError if there is none of that name. */
  indexOf(name: string): number {
    const index = this.#names.indexOf(name);
    if (index < 0) {
      throw new BundleError(`the wasm file exports no kernel ${name}: bundle the model again`);
    }
    return index;
  }
}

/**
 * Close a kernel over its arguments but the last two. Spelt out by arity, since spreading an array
 * costs more than the call itself, and code made from text is forbidden where a content security
 * policy is strict.
 */
export function close(f: Kernel, args: readonly number[]): RunSlice {
  const [a, b, c, d, e, g, h, i] = args as number[] as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  switch (args.length) {
    case 1:
      return (begin, end) => f(a, begin, end);
    case 2:
      return (begin, end) => f(a, b, begin, end);
    case 3:
      return (begin, end) => f(a, b, c, begin, end);
    case 4:
      return (begin, end) => f(a, b, c, d, begin, end);
    case 5:
      return (begin, end) => f(a, b, c, d, e, begin, end);
    case 6:
      return (begin, end) => f(a, b, c, d, e, g, begin, end);
    case 7:
      return (begin, end) => f(a, b, c, d, e, g, h, begin, end);
    case 8:
      return (begin, end) => f(a, b, c, d, e, g, h, i, begin, end);
    default:
      return (begin, end) => f(...args, begin, end);
  }
}

/** Where the part number `part` begins, of `parts` of an extent that are as even as can be. */
export function startOf(part: number, parts: number, extent: number): number {
  return Math.floor((extent * part) / parts);
}

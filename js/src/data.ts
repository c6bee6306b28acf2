/**
 * What a generated `index.js` holds: data, no behaviour. This file is the contract between the
 * compiler's `emit` stage and the runtime; `FORMAT_VERSION` changes whenever it does.
 */

export const FORMAT_VERSION = 2;

/** Element types, by numpy's names. A `bool` is one byte, 0 or 1. */
export type DType =
  | "float32"
  | "float64"
  | "float16"
  | "int8"
  | "uint8"
  | "int16"
  | "uint16"
  | "int32"
  | "uint32"
  | "int64"
  | "uint64"
  | "bool";

/** An integer expression over named dims: `3`, `"seq"`, `["*", "seq", 3]`. */
export type Expr = number | string | readonly [Operator, Expr, Expr];
export type Operator = "+" | "-" | "*" | "//" | "%" | "min" | "max";

/** A dim that may vary from run to run; `max` is null where the model sets no bound. */
export interface DimData {
  readonly name: string;
  readonly min: number;
  readonly max: number | null;
}

/** An input or output of the model; `value` is an index into `ModelData.values`. */
export interface PortData {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly Expr[];
  readonly value: number;
}

/**
 * A tensor of the graph. It lies in `region` at the highest end of the values of `after` (or at the
 * region's start); `alias`, if not -1, is the value whose bytes it shares. `constant` is the name of
 * the weight whose bytes it holds. `node` and `layout` say which node of the source model it
 * equals: axis i of the value is axis `layout[i]` of that node's output.
 */
export interface ValueData {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly Expr[];
  readonly region: "persistent" | "load" | "main";
  readonly after?: readonly number[];
  readonly alias?: number;
  readonly constant?: string;
  readonly node?: string;
  readonly layout?: readonly number[];
}

/** Where an op comes from in the user's model. */
export interface OriginData {
  readonly node: string;
  readonly kind?: string;
  readonly module?: string;
  readonly source?: string;
}

/** One op; `kernel` is the wasm export it calls, absent for a `view`, which calls nothing. */
export interface OpData<Name extends string = string> {
  readonly name: Name;
  readonly kind: string;
  readonly kernel?: string;
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  /** The kernel's trailing arguments. */
  readonly dims?: readonly Expr[];
  /** Length of the outermost parallel loop, of which a call runs a slice. */
  readonly extent?: Expr;
  /** Of how many rounds of equal length the loop is made, each of which needs all before it. */
  readonly rounds?: Expr;
  readonly flops?: Expr;
  /** Whether the kernel of the relaxed file adds up products of bytes; see `hasExactDots`. */
  readonly dots?: boolean;
  /** The key in `Shaders` of the op's passes; absent where the op has none. */
  readonly shader?: string;
  readonly origins: readonly OriginData[];
}

/**
 * Which tensor a pass works on: an index into the op's inputs, outputs and the shader's temporaries,
 * counted on from one to the next.
 */
export type Ref = number;

/**
 * A tensor that lives only while the passes of one op run; `size` counts its elements. With
 * `layers` it is a 2D array texture of so many tensors of that size: a pass samples it as a
 * `sampler2DArray` or `isampler2DArray`, and one that makes it writes layer i at location i, all of
 * them at once, and nothing else.
 */
export interface TempData {
  readonly dtype: "float32" | "int32";
  readonly size: Expr;
  readonly layers?: number;
}

/**
 * One draw: a fragment makes texel t of each of `outputs`, for t below `texels`. Its GLSL ES 3.00
 * program declares, by these names and as far as it uses them, `sampler2D` or `isampler2D` t0, t1,
 * … for `inputs`, `int` d0, d1, … for `dims`, `int` w for the width of what it draws to, and outputs
 * at locations 0, 1, …. No output is also an input. Several outputs are of one size and kind.
 */
export interface PassData {
  readonly fragment: string;
  readonly inputs: readonly Ref[];
  readonly outputs: readonly Ref[];
  readonly dims: readonly Expr[];
  readonly texels: Expr;
}

/**
 * What a GPU runs for an op: the passes in order. The expressions are over n0, n1, …, which stand
 * for the op's own `dims`.
 *
 * A tensor lies in a texture in row-major order, four elements to a texel: texel t is at column
 * t % width of row t / width. The width is a power of two, and filtering is off. Elements
 * are float32 in RGBA32F for float32, and int32 in RGBA32I for bool (0 or 1) and all integers. What
 * is in the last texel behind the last element is undefined.
 */
export interface ShaderData {
  readonly passes: readonly PassData[];
  readonly temps: readonly TempData[];
}

/** What a bundle's `shaders.js` exports, by `OpData.shader`. */
export type Shaders = Readonly<Record<string, ShaderData>>;

/** Read a constant into memory, or call an op; the number indexes `values` or `ops`. */
export type StepData = readonly ["read" | "call", number];

/** A file of the bundle, as the loader fetches it. */
export interface FileData {
  readonly url: URL | string;
  readonly bytes: number;
  /** `sha384-` and the digest in base64, as in a Subresource Integrity attribute. */
  readonly integrity: string;
  /** SHA-256 of the SHA-256 digests of the file's blocks of 256 KiB, one after the other, in base64. */
  readonly digest: string;
}

/** Everything the runtime knows of a model. */
export interface ModelData<OpName extends string = string> {
  readonly formatVersion: number;
  readonly name: string;
  readonly dims: readonly DimData[];
  readonly inputs: readonly PortData[];
  readonly outputs: readonly PortData[];
  readonly values: readonly ValueData[];
  readonly ops: readonly OpData<OpName>[];
  /** Steps that turn weights into what the main steps want; run once, when an executor is created. */
  readonly load: readonly StepData[];
  readonly main: readonly StepData[];
  /** Brings what a GPU runs; absent where the bundle has nothing for one. */
  readonly shaders?: () => Promise<Shaders>;
  readonly files: {
    readonly simd128: FileData;
    readonly relaxed: FileData;
    readonly weights: readonly FileData[];
  };
}

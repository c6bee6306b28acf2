import {
  type Expr,
  FORMAT_VERSION,
  type ModelData,
  type OriginData,
  type ValueData,
} from "./data.js";
import { type DeviceName, devicesOf } from "./devices/device.js";
import { FormatVersionError } from "./errors.js";
import { isBlock } from "./executor/block.js";
import type { Picture } from "./picture/picture.js";
import { bytesOf } from "./schedule/work.js";
import type { DataOf, Shape, Tensor } from "./tensor.js";

/** Named tensors: what a model takes or gives. */
export type Ports = { readonly [name: string]: Tensor };

/**
 * A compiled model. `Inputs` and `Outputs` name its tensors with their dtypes and shapes, where a
 * dim that may vary is `number`; `OpName` is the union of its ops' names. Generated code declares
 * the three; they exist for the type checker alone.
 */
export interface Model<
  Inputs extends Ports = Ports,
  Outputs extends Ports = Ports,
  OpName extends string = string,
> extends ModelData<OpName> {
  /** Carries the types; absent at run time. */
  readonly $types?: { readonly inputs: Inputs; readonly outputs: Outputs };
}

export type InputsOf<M extends Model> = NonNullable<M["$types"]>["inputs"];
export type OutputsOf<M extends Model> = NonNullable<M["$types"]>["outputs"];
export type OpNameOf<M extends Model> = M["ops"][number]["name"];

/**
 * What a run takes: for each input a Tensor, or, where its shape is static, its typed array, or, where
 * it may be an image, a picture.
 */
export type Feed<M extends Model> = {
  readonly [Name in keyof InputsOf<M>]: FeedOf<InputsOf<M>[Name]>;
};

type FeedOf<T> =
  T extends Tensor<infer D, infer S>
    ? | T
      | (IsStatic<S> extends true ? DataOf<D> : never)
      | (D extends "float32" ? (S["length"] extends 4 ? Picture<S> : never) : never)
    : never;

/** A tuple without a plain `number` in it. */
type IsStatic<S extends Shape> = S extends readonly []
  ? true
  : number extends S[number]
    ? false
    : true;

/** An op as hooks see it. */
export interface Op<M extends Model = Model> {
  readonly name: OpNameOf<M>;
  readonly kind: string;
  readonly inputs: readonly ValueData[];
  readonly outputs: readonly ValueData[];
  /** Where it comes from in the user's model; the op's own origin is last. */
  readonly origins: readonly OriginData[];
  /**
   * Floating-point operations of one call, over the model's dims. Four products of bytes, which take
   * as long as one of floats, count as one.
   */
  readonly flops: Expr;
  /** Bytes of the tensors that one call reads and writes, over the model's dims. */
  readonly bytes: Expr;
  /** The devices that have a kernel for it. */
  readonly devices: readonly DeviceName[];
}

/** Give a model's data the types that a generated declaration would give it. */
export function defineModel<
  Inputs extends Ports,
  Outputs extends Ports,
  OpName extends string = string,
>(data: ModelData<OpName>): Model<Inputs, Outputs, OpName> {
  return data;
}

/** Throw FormatVersionError unless this runtime reads the model's format. */
export function checkFormat(model: ModelData): void {
  if (model.formatVersion !== FORMAT_VERSION) {
    throw new FormatVersionError(
      `the model ${model.name} is of bundle format ${model.formatVersion}, and this runtime reads ` +
        `format ${FORMAT_VERSION}: bundle the model again with the pyjsml of this runtime, or ` +
        `install the pyjsml that wrote it`,
    );
  }
}

/** The ops of a model as hooks see them, in the order of `ModelData.ops`. */
export function opsOf<M extends Model>(model: M): Op<M>[] {
  const values = (indices: readonly number[]) =>
    indices.map((index) => model.values[index] as ValueData);
  return model.ops.map((op) => ({
    name: op.name as OpNameOf<M>,
    kind: op.kind,
    inputs: values(op.inputs),
    outputs: values(isBlock(op) ? op.leaving : op.outputs),
    origins: op.origins,
    flops: op.flops ?? 0,
    bytes: bytesOf(model, op),
    devices: devicesOf(model, op),
  }));
}

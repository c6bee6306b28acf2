import type { ModelData, OpData } from "../data.js";

/** A block as an op among ops. */
export interface BlockData extends OpData {
  readonly kind: "block";
  /** Its ops, as indices of `ModelData.ops`. */
  readonly parts: readonly number[];
  /** All values that its ops make; those of them that others read; those whose bytes are written. */
  readonly outputs: readonly number[];
  readonly leaving: readonly number[];
  readonly written: readonly number[];
}

export function isBlock(op: OpData): op is BlockData {
  return "parts" in op;
}

/** The block that a value does not leave, so that nobody outside may ask for it. */
export function blockAround(model: ModelData, value: number): BlockData | undefined {
  return model.ops
    .filter(isBlock)
    .find(({ outputs, leaving }) => outputs.includes(value) && !leaving.includes(value));
}

import type { DimData, OriginData, PortData } from "./data.js";
import type { DeviceName } from "./device.js";
import type { Isa } from "./options.js";

/** What an executor is and does, as plain data. */
export interface Description {
  readonly model: string;
  readonly isa: Isa;
  /** How many threads share the work. */
  readonly threads: number;
  readonly inputs: readonly PortData[];
  readonly outputs: readonly PortData[];
  readonly dims: readonly DimData[];
  /** The ops of a run, in order. */
  readonly ops: readonly {
    readonly name: string;
    readonly kind: string;
    readonly device: DeviceName;
    readonly origins: readonly OriginData[];
  }[];
  /** In bytes: of all the memory taken so far, and of the packed weights in it. */
  readonly memory: { readonly total: number; readonly weights: number };
}

import type { OpData } from "../src/data.js";
import type { BoundOp, Device, Room, Use } from "../src/index.js";
import type { Plan } from "../src/schedule/plan.js";
import { KERNELS } from "./graph.js";

interface Slot {
  readonly data: Float32Array;
  /** The last step that needs what is in it. */
  last: number;
}

/**
 * A device "webgl2" with arrays of its own, and the kernels of `graph.ts` in JavaScript. Values share
 * an array wherever their uses allow it, and all of them are poisoned. With `later` it has to be
 * waited for. It counts what is copied in and out of it.
 */
export class FakeDevice implements Device {
  readonly name = "webgl2";
  readonly threads = 1;
  readonly begun: number[] = [];
  memory = 0;
  written = 0;
  read = 0;
  readLater = 0;
  called = 0;
  rooms = 0;
  disposed = false;
  /** Hears that an op begins, and may take a while until it has ended. */
  onOp: ((op: OpData) => Promise<void>) | undefined;
  readonly #later: boolean;
  readonly #persistent = new Map<number, Slot>();

  constructor(later = false) {
    this.#later = later;
  }

  open({ shapes }: Plan, uses: readonly Use[]): Room {
    this.rooms++;
    const slots = new Map<number, Slot>();
    for (const { value, first, last } of [...uses].sort((a, b) => a.first - b.first)) {
      const size = (shapes[value] as readonly number[]).reduce((a, b) => a * b, 1);
      const fresh = (): Slot => ({ data: new Float32Array(size).fill(NaN), last });
      const old = [...slots.values()].find((s) => s.last < first && s.data.length === size);
      const slot = last === Infinity ? (this.#persistent.get(value) ?? fresh()) : (old ?? fresh());
      slot.last = last;
      slots.set(value, slot);
      if (last === Infinity) this.#persistent.set(value, slot);
      if (slot !== old) this.memory += slot.data.byteLength;
    }
    const dataOf = (value: number): Float32Array => {
      const slot = slots.get(value);
      if (!slot || this.disposed) throw new TypeError(`there is no room for the value ${value}`);
      return slot.data;
    };
    return {
      bind: ({ op }: BoundOp) => {
        const kernel = KERNELS[op.shader ?? op.kind];
        if (!kernel) throw new TypeError(`there is no kernel for ${op.name}`);
        const [a, b = a] = op.inputs.map(dataOf) as [Float32Array, Float32Array?];
        const out = dataOf(op.outputs[0] as number);
        const call = () => {
          this.called++;
          out.set(a.map((one, i) => kernel(one, b?.[i] as number)));
        };
        if (!this.onOp) return call;
        let ending: Promise<void> | undefined;
        const start = () => {
          call();
          ending = this.onOp?.(op);
        };
        return Object.assign(start, { end: () => {}, endLater: async () => ending });
      },
      write: (value, data) => {
        this.written++;
        dataOf(value).set(data as Float32Array);
      },
      read: (value) => {
        this.read++;
        return dataOf(value).slice();
      },
      ...(this.#later && {
        readLater: async (value: number) => {
          this.readLater++;
          const data = dataOf(value).slice();
          await new Promise((resolve) => setTimeout(resolve, 0));
          return data;
        },
      }),
      close: () => void this.rooms--,
    };
  }

  begin(cost: number): void {
    this.begun.push(cost);
  }

  dispose(): void {
    this.disposed = true;
  }
}

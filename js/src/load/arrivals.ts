import type { ModelData, ValueData } from "../data.js";
import {
  cutShort,
  HEADER_LENGTH_BYTES,
  headerLength,
  readSlots,
  type Slot,
} from "./safetensors.js";
import type { Shard } from "./shard.js";
import { type Found, misfits, problemOf } from "./weights.js";

/** A tensor that comes next, and what it comes in. */
interface Arrival {
  readonly slot: Slot;
  readonly shard: Shard;
}

/**
 * The constants of a model as they come in. Where they come in the order in which they are asked for,
 * as those of a bundle do, they go straight to where they are wanted; others are kept until then.
 */
export class Arrivals {
  readonly #model: ModelData;
  readonly #shards: readonly Shard[];
  readonly #arriving: AsyncGenerator<Arrival, void, void>;
  readonly #found = new Map<string, Found>();
  readonly #kept = new Map<string, Uint8Array>();
  /** How many more values will ask for a constant. */
  readonly #uses = new Map<string, number>();

  constructor(model: ModelData, shards: readonly Shard[]) {
    this.#model = model;
    this.#shards = shards;
    this.#arriving = this.#read();
    for (const [kind, target] of model.load) {
      const name = kind === "read" ? model.values[target]?.constant : undefined;
      if (name !== undefined) this.#uses.set(name, (this.#uses.get(name) ?? 0) + 1);
    }
  }

  /**
   * Copy the constant that `value` holds, once it has come. Rejects with BundleError if no shard has it
   * as it should be, or if one is malformed, and as `load` says.
   */
  async copy(value: ValueData, into: Uint8Array): Promise<void> {
    const name = value.constant ?? "";
    const left = (this.#uses.get(name) ?? 1) - 1;
    this.#uses.set(name, left);
    const kept = this.#kept.get(name);
    if (kept && !problemOf(value, this.#found.get(name))) into.set(kept);
    else await this.#bring(value, into);
    if (left === 0) this.#kept.delete(name);
    else if (!kept) this.#kept.set(name, into.slice());
  }

  /** Read all that has not been asked for, so that what was read is known to be what was promised. */
  async finish(): Promise<void> {
    for (const shard of this.#shards) await shard.skip();
  }

  /** Read up to the constant that `value` holds, and keep what is asked for later. */
  async #bring(value: ValueData, into: Uint8Array): Promise<void> {
    for (;;) {
      const { value: arrival } = await this.#arriving.next();
      if (!arrival) throw misfits(this.#model, this.#found);
      const { slot, shard } = arrival;
      const { name, begin, end } = slot;
      this.#found.set(name, slot);
      if (name === value.constant && !problemOf(value, slot)) {
        await fill(into, arrival);
        return;
      }
      if (this.#uses.get(name)) {
        const bytes = new Uint8Array(end - begin);
        await fill(bytes, arrival);
        this.#kept.set(name, bytes);
      } else {
        await shard.skip(end - begin);
      }
    }
  }

  /** Yield the tensors as they come; whoever takes one reads all of its bytes before the next. */
  async *#read(): AsyncGenerator<Arrival, void, void> {
    for (const shard of this.#shards) {
      const prefix = new Uint8Array(HEADER_LENGTH_BYTES);
      const length = headerLength(prefix.subarray(0, await shard.read(prefix)));
      const header = new Uint8Array(length);
      let at = 0;
      for (const slot of readSlots(header.subarray(0, await shard.read(header)), length)) {
        await shard.skip(slot.begin - at);
        yield { slot, shard };
        at = slot.end;
      }
      await shard.skip();
    }
  }
}

async function fill(into: Uint8Array, { slot, shard }: Arrival): Promise<void> {
  if ((await shard.read(into)) < into.length) throw cutShort(slot.name);
}

import type { DType } from "../data.js";
import { type BoundOp, type Call, isView, type Room, type Sharing } from "../devices/device.js";
import { BundleError } from "../errors.js";
import { type Plan, type Range, rangeOf } from "../schedule/plan.js";
import { type DataOf, itemSize } from "../tensor.js";
import type { Pool } from "../threads/pool.js";
import type { Errands } from "./errands.js";
import { close, type Kernel, type Kernels } from "./kernels.js";
import { whole } from "./warm.js";

/** What several threads take longer to agree on than one takes to do, in nanoseconds. */
const WORTH_SHARING = 8000;
/** What a round must take on one thread, for several to wait for one another after it. */
const ROUND_WORTH_SHARING = 3000;
/** More slices than threads, so that a thread that is late, or slow, leaves the rest to the others. */
const SLICES_PER_THREAD = 4;

/** Threads beside the one that owns them. */
export interface Crew {
  readonly pool: Pool;
  readonly errands: Errands;
}

/** What the rooms of a wasm device have in common. */
export interface WasmSite {
  readonly kernels: Kernels;
  /** Where the values of all plans begin. */
  readonly base: number;
  readonly threads: number;
  /** Absent where there is one thread. */
  readonly crew: Crew | undefined;
  /** The whole memory as an array, until that grows. */
  view<D extends DType>(dtype: D): DataOf<D>;
}

/** How many threads run a call of an op, of those that there are, and why. */
export function sharingOf(bound: BoundOp, all: number): Sharing {
  const { op, thread, threads, extent, rounds = 1, cost } = bound;
  const most = Math.min(threads ?? all, all);
  const one = (why: string) => ({ threads: 1, why });
  if (isView(op)) return { threads: 0, why: "only gives bytes another shape" };
  if (thread !== undefined) {
    const lack = thread < all ? "" : ", which this host does not give";
    return one(`pinned to thread ${thread}${lack}`);
  }
  if (all === 1) return one("the executor has one thread");
  if (most === 1) return one("limited to 1 thread");
  if (extent < 2) return one("its outermost loop has one round");
  if (extent < 2 * rounds) return one("a step of it needs all of those before");
  const us = (ns: number) => `${(ns / 1000).toPrecision(2)} µs`;
  if (cost < WORTH_SHARING) return one(`too short to share: ${us(cost)}`);
  if (rounds > 1 && cost / rounds < ROUND_WORTH_SHARING) {
    return one(`its ${rounds} rounds are too short to share: ${us(cost / rounds)}`);
  }
  return { threads: most, why: most < all ? `limited to ${most} threads` : "worth sharing" };
}

/** The values of a plan in the device's one memory; a room has whatever lies there. */
export class WasmRoom implements Room {
  /** Present where an op of another thread may be under way. */
  readLater?: (value: number) => Promise<DataOf<DType>>;
  readonly #site: WasmSite;
  readonly #plan: Plan;

  constructor(site: WasmSite, plan: Plan) {
    this.#site = site;
    this.#plan = plan;
  }

  bind(bound: BoundOp): Call | undefined {
    const { op, dims, extent, rounds = 1, cost, thread = 0 } = bound;
    if (isView(op)) return undefined;
    const { kernels, threads, crew } = this.#site;
    const kernel = kernels.indexOf(op.kernel as string);
    const reads = op.inputs.map((value) => this.#rangeOf(value));
    const writes = op.outputs.map((value) => this.#rangeOf(value));
    const args = [...[...reads, ...writes].map(([start]) => start), ...dims];
    const run = close(kernels.all[kernel] as Kernel, args);
    if (!crew) return whole(run, extent, cost);
    const { pool, errands } = crew;
    const touch = { reads, writes };
    if (thread > 0 && thread < threads) {
      this.readLater ??= (value) => this.#readLater(value, errands);
      return Object.assign(() => errands.send(op, thread, { kernel, args, extent }, touch), {
        ready: () => errands.ready(thread, touch),
        end: () => errands.join({ reads: writes, writes: [] }),
        endLater: async () => errands.joinLater({ reads: writes, writes: [] }),
      });
    }
    const { threads: sharers } = sharingOf(bound, threads);
    // A round ends with the last of its slices, so there is one for each thread.
    const most = rounds > 1 ? sharers : sharers * SLICES_PER_THREAD;
    const slices = Math.min(extent / rounds, most);
    const job = { kernel, args, extent, rounds, slices, sharers };
    const call = sharers > 1 ? pool.bind(job, cost, run) : () => run(0, extent);
    // Ops that are bound later are no reason to wait: they can't come before one that they meet.
    if (!this.readLater) return call;
    return Object.assign(
      () => {
        errands.join(touch);
        call();
      },
      { ready: () => errands.joinLater(touch) },
    );
  }

  write(value: number, data: DataOf<DType>): void {
    const dtype = this.#plan.dtypes[value] as DType;
    const range = this.#rangeOf(value);
    this.#site.crew?.errands.join({ reads: [], writes: [range] });
    // Both are arrays of the value's dtype, of which TypeScript only knows that they are arrays.
    const memory = this.#site.view(dtype) as DataOf<"uint8">;
    memory.set(data as DataOf<"uint8">, range[0] / itemSize(dtype));
  }

  read(value: number): DataOf<DType> {
    const [view, start, end] = this.#locate(value);
    return view.slice(start, end) as DataOf<DType>;
  }

  view(value: number): DataOf<DType> {
    const [view, start, end] = this.#locate(value);
    return view.subarray(start, end) as DataOf<DType>;
  }

  /** All rooms have the same memory, which is the device's. */
  close(): void {}

  async #readLater(value: number, errands: Errands): Promise<DataOf<DType>> {
    await errands.joinLater({ reads: [this.#rangeOf(value)], writes: [] });
    return this.read(value);
  }

  /** The memory as an array of a value's dtype, and where in it the value lies once it is written. */
  #locate(value: number): [DataOf<DType>, number, number] {
    const dtype = this.#plan.dtypes[value] as DType;
    const range = this.#rangeOf(value);
    this.#site.crew?.errands.join({ reads: [range], writes: [] });
    return [this.#site.view(dtype), range[0] / itemSize(dtype), range[1] / itemSize(dtype)];
  }

  #rangeOf(value: number): Range {
    if (this.#plan.addresses[value] === undefined) {
      throw new BundleError(`the value number ${value} has no address`);
    }
    const [start, end] = rangeOf(value, this.#plan);
    return [this.#site.base + start, this.#site.base + end];
  }
}

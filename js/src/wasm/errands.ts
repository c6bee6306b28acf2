import type { OpData } from "../data.js";
import { failureOf } from "../devices/failure.js";
import { overlap, type Range } from "../schedule/plan.js";
import type { Errand, Pool } from "../threads/pool.js";
import { isBefore, type WholeCall } from "../threads/queue.js";

/** What an op does to the memory. */
export interface Touch {
  readonly reads: readonly Range[];
  readonly writes: readonly Range[];
}

interface Sent extends Touch {
  readonly op: OpData;
  readonly errand: Errand;
}

/**
 * The ops that other threads run while this one goes on. Whoever touches bytes that one of them is to
 * write, or writes bytes that it is to read, waits for it; ops of one thread keep their order anyway.
 */
export class Errands {
  readonly #pool: Pool;
  #sent: readonly Sent[] = [];

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /** Have `thread` run an op. Waits for those of other threads that it depends on. */
  send(op: OpData, thread: number, call: WholeCall, touch: Touch): void {
    this.join(touch, thread);
    const errand = this.#pool.send(thread, call);
    this.#sent = [...this.#sent, { ...touch, op, errand }];
  }

  /** Wait, without blocking, until `send` need not wait; undefined where it need not now. */
  ready(thread: number, touch: Touch): Promise<void> | undefined {
    const joined = this.joinLater(touch, thread);
    const room = this.#pool.room(thread);
    return joined && room ? joined.then(() => room) : (joined ?? room);
  }

  /** Wait for the ops that what is to be done, on `thread`, depends on. Throws what they threw. */
  join(touch: Touch, thread = 0): void {
    this.#joinAll(this.#awaited(touch, thread));
  }

  /** The same without blocking; undefined where there is nothing to wait for. */
  joinLater(touch: Touch, thread = 0): Promise<void> | undefined {
    const awaited = this.#awaited(touch, thread);
    return awaited.length ? this.#joinAllLater(awaited) : undefined;
  }

  /** Wait for all ops. Throws what they threw. */
  end(): void {
    this.#joinAll(this.#sent);
  }

  /** The same without blocking. */
  endLater(): Promise<void> {
    return this.#joinAllLater(this.#sent);
  }

  /** Wait for all, whatever becomes of them. */
  clear(): void {
    for (const { errand } of this.#sent) this.#pool.join(errand);
    this.#sent = [];
    this.#pool.forgive();
  }

  #joinAll(all: readonly Sent[]): void {
    for (const sent of all) {
      this.#pool.join(sent.errand);
      this.#check(sent);
    }
  }

  async #joinAllLater(all: readonly Sent[]): Promise<void> {
    for (const sent of all) {
      await this.#pool.joinLater(sent.errand);
      this.#check(sent);
    }
  }

  #awaited(touch: Touch, thread: number): Sent[] {
    if (!this.#sent.length) return [];
    const failed = (errand: Errand) => this.#pool.failure(errand.thread) !== undefined;
    this.#sent = this.#sent.filter(({ errand }) => !this.#pool.isDone(errand) || failed(errand));
    return this.#sent.filter((sent) => {
      return sent.errand.thread !== thread && clash(sent, touch);
    });
  }

  /** Throw what an op threw that is done, or one before it on the same thread. */
  #check(sent: Sent): void {
    const { thread, number } = sent.errand;
    const failure = this.#pool.failure(thread);
    if (!failure || isBefore(number, failure.number)) return;
    const culprit = this.#sent.find(({ errand }) => {
      return errand.thread === thread && errand.number === failure.number;
    });
    throw failureOf((culprit ?? sent).op, failure.text);
  }
}

function clash(one: Touch, other: Touch): boolean {
  return (
    meet(one.writes, other.reads) || meet(one.writes, other.writes) || meet(one.reads, other.writes)
  );
}

function meet(some: readonly Range[], others: readonly Range[]): boolean {
  return some.some((one) => others.some((other) => overlap(one, other)));
}

import type { Call } from "../devices/device.js";
import { StateError, WorkerError } from "../errors.js";
import type { RunSlice } from "../wasm/kernels.js";
import { startThread, type Thread } from "./host.js";
import { Desk, type Job } from "./job.js";
import { isBefore, Queue, type WholeCall } from "./queue.js";

/** What a thread of a pool is handed. */
export interface Assignment {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  /** What the desk of a pool is made of, for the thread number `self`. */
  readonly words: Int32Array;
  /** What the thread's own queue is made of. */
  readonly queue: Int32Array;
  readonly threads: number;
  readonly self: number;
  /** The end of the stack that is the thread's own. */
  readonly stack: number;
}

/** What the threads of a pool have in common. */
export interface Common {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  /** The most arguments that a kernel takes. */
  readonly arity: number;
  /** A clock, in milliseconds. */
  now(): number;
}

const START_MS = 30_000;
/** In which it ticks: where all of the program stood still for long, that is one of them. */
const TICKS = 10;
/** After so long a thread is taken for dead: no slice of a kernel takes it. */
const STALL_MS = 30_000;
/**
 * A thread so long behind has lost its core to another program: rounds, each of which may wait for it,
 * go on without it for a while.
 */
const LOST_MS = 0.2;
const WITHOUT_MS = 100;
const LOOKS_PER_CLOCK = 1024;
/** To wake threads takes this one tens of microseconds, and them as long again; in nanoseconds. */
const WORTH_WAKING = 100_000;

/** A call that another thread makes. */
export interface Errand {
  readonly thread: number;
  /** Which of its calls, counted from 1. */
  readonly number: number;
}

/**
 * Threads that run slices of kernels along with the one that owns the pool, which does not depend
 * on them for more than the slices that they have begun: where they are busy or asleep, it runs all.
 * Each also makes whole calls that it alone is told to make, in their order.
 */
export class Pool {
  readonly #desk: Desk;
  readonly #now: () => number;
  readonly #threads: Thread[] = [];
  /** By thread, but for the first, which is the one that owns the pool. */
  readonly #queues: Queue[];
  #posted = 0;
  /** For how many nanoseconds of the run other threads were asleep that could have helped. */
  #alone = 0;
  /** Until when rounds are not shared. */
  #without = 0;
  #failure: WorkerError | StateError | undefined;

  private constructor({ arity, now }: Common, threads: number) {
    this.#desk = Desk.make(arity, threads);
    this.#queues = Array.from({ length: threads - 1 }, () => Queue.make(arity));
    this.#now = now;
  }

  /** Start a thread for each of `stacks`. Rejects with WorkerError if one does not start. */
  static async start(common: Common, stacks: readonly number[]): Promise<Pool> {
    const threads = stacks.length + 1;
    const pool = new Pool(common, threads);
    const { module, memory } = common;
    const { words } = pool.#desk;
    let timer: ReturnType<typeof setInterval> | undefined;
    try {
      const late = new Promise((_, reject) => {
        let ticks = 0;
        timer = setInterval(() => {
          if (++ticks === TICKS) reject(`nothing is heard of it in ${START_MS / 1000} s`);
        }, START_MS / TICKS);
      });
      const started = stacks.map((stack, index) => {
        const queue = (pool.#queues[index] as Queue).words;
        const self = index + 1;
        const assignment: Assignment = { module, memory, words, queue, threads, self, stack };
        const thread = startThread((cause) => pool.#fail(`a thread ended: ${cause}`));
        pool.#threads.push(thread);
        return thread.ask(assignment);
      });
      await Promise.race([late, Promise.all(started)]);
      return pool;
    } catch (cause) {
      pool.dispose();
      throw new WorkerError(
        `a thread does not start: ${cause}. Check that worker.js lies beside the runtime's other ` +
          'files and may be loaded (the content security policy\'s "worker-src"), or use 1 thread',
        [],
        { cause },
      );
    } finally {
      clearInterval(timer);
    }
  }

  /** Hear that a run begins whose calls take about `cost` nanoseconds in all. */
  begin(cost: number): void {
    this.#alone = 0;
    if (cost >= WORTH_WAKING) this.#wakeFor(cost);
  }

  /**
   * Prepare a job that takes about `cost` nanoseconds; `run` is this thread's way to run a slice of
   * it. The call throws what a slice threw, once no slice runs any more, or WorkerError if a thread
   * has died.
   */
  bind(job: Job, cost: number, run: RunSlice): Call {
    const desk = this.#desk;
    const bound = () => run;
    const isDone = () => desk.isDone(job);
    const { extent, rounds } = job;
    const lost = LOST_MS + cost / rounds / 1e6;
    return () => {
      if (this.#failure) throw this.#failure;
      if ((rounds > 1 && this.#now() < this.#without) || !this.#wakeFor(cost)) {
        run(0, extent);
        return;
      }
      for (let round = 0; round < rounds; round++) {
        desk.post(job, ++this.#posted, round);
        // One that was woken may have dozed off before there was anything to do.
        if (desk.sleeps) desk.wake();
        desk.share(bound);
        const waited = this.#await(isDone);
        const failure = desk.failure();
        if (failure) throw new WebAssembly.RuntimeError(failure.replace(/^RuntimeError: /, ""));
        if (waited <= lost) continue;
        this.#without = this.#now() + WITHOUT_MS;
        if (round + 1 < rounds) run(((round + 1) * extent) / rounds, extent);
        return;
      }
    };
  }

  /** Have another thread make a call. Waits where too many wait for it already. */
  send(thread: number, call: WholeCall): Errand {
    const queue = this.#queue(thread);
    this.#await(() => queue.hasRoom);
    const number = queue.post(call);
    this.#desk.ring(thread, ++this.#posted);
    return { thread, number };
  }

  /** Wait, without blocking, until `send` need not wait; undefined where it need not now. */
  room(thread: number): Promise<void> | undefined {
    const queue = this.#queue(thread);
    return queue.hasRoom ? undefined : this.joinLater({ thread, number: queue.halfway });
  }

  isDone({ thread, number }: Errand): boolean {
    return this.#queue(thread).isDone(number);
  }

  /** Wait for a call to be done. Throws WorkerError if a thread has died. */
  join(errand: Errand): void {
    const queue = this.#queue(errand.thread);
    // Call by call, so that only a thread that does not come on at all is taken for dead.
    for (let { count } = queue; isBefore(count, errand.number); { count } = queue) {
      const next = (count + 1) | 0;
      this.#await(() => queue.isDone(next));
    }
  }

  /** The same without blocking. */
  async joinLater(errand: Errand): Promise<void> {
    const queue = this.#queue(errand.thread);
    let late = this.#now() + STALL_MS;
    for (let { count } = queue; isBefore(count, errand.number); { count } = queue) {
      if (this.#failure) throw this.#failure;
      if (this.#now() > late) throw this.#stalled();
      await queue.change(count);
      if (count !== queue.count) late = this.#now() + STALL_MS;
    }
  }

  /** Which of a thread's calls failed first, and how, since the last call of `forgive`. */
  failure(thread: number): { readonly number: number; readonly text: string } | undefined {
    return this.#queue(thread).failure();
  }

  /** Forget what failed. All calls must be done. */
  forgive(): void {
    for (const queue of this.#queues) queue.clear();
  }

  dispose(): void {
    this.#failure = new StateError("this executor is disposed: create another one");
    // A browser takes seconds to end a thread that does not return.
    this.#desk.close();
    for (const thread of this.#threads) thread.terminate();
    this.#threads.length = 0;
  }

  #queue(thread: number): Queue {
    return this.#queues[thread - 1] as Queue;
  }

  /**
   * Look out for what other threads do to end. A page's main thread may not wait otherwise. Gives
   * for how many milliseconds it did, 0 where that is too short to tell. Throws if a thread has died.
   */
  #await(isDone: () => boolean): number {
    let start: number | undefined;
    let waited = 0;
    for (let looks = 1; !isDone(); looks++) {
      if (looks % LOOKS_PER_CLOCK) continue;
      if (this.#failure) throw this.#failure;
      start ??= this.#now();
      waited = this.#now() - start;
      if (waited > STALL_MS) throw this.#stalled();
    }
    return waited;
  }

  #stalled(): WorkerError | StateError {
    return this.#fail(`a thread has stood still for ${STALL_MS / 1000} s`);
  }

  /** Wake threads that sleep, once they are missed for long enough; return whether all are awake. */
  #wakeFor(cost: number): boolean {
    if (!this.#desk.sleeps) return true;
    this.#alone += cost;
    if (this.#alone < WORTH_WAKING) return false;
    this.#alone = 0;
    this.#desk.wake();
    return true;
  }

  #fail(what: string): WorkerError | StateError {
    return (this.#failure ??= new WorkerError(`${what}: create another executor`));
  }
}

import type { Call } from "./device.js";
import { WorkerError } from "./errors.js";
import type { RunSlice } from "./kernels.js";
import { startThread, type Thread } from "./pool-host.js";
import { Desk, type Job } from "./pool-job.js";

/** What a thread of a pool is handed. */
export interface Assignment {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  /** What the desk of a pool is made of, for the thread number `self`. */
  readonly words: Int32Array;
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
/** After so long a thread is taken for dead: no slice of a kernel takes it. */
const STALL_MS = 30_000;
const LOOKS_PER_CLOCK = 1024;
/** To wake threads takes this one tens of microseconds, and them as long again; in nanoseconds. */
const WORTH_WAKING = 100_000;

/**
 * Threads that run slices of kernels along with the one that owns the pool, which does not depend
 * on them for more than the slices that they have begun: where they are busy or asleep, it runs all.
 */
export class Pool {
  readonly #desk: Desk;
  readonly #now: () => number;
  readonly #threads: Thread[] = [];
  #posted = 0;
  /** For how many nanoseconds of the run other threads were asleep that could have helped. */
  #alone = 0;
  #failure: WorkerError | undefined;

  private constructor({ arity, now }: Common, threads: number) {
    this.#desk = Desk.make(arity, threads);
    this.#now = now;
  }

  /** Start a thread for each of `stacks`. Rejects with WorkerError if one does not start. */
  static async start(common: Common, stacks: readonly number[]): Promise<Pool> {
    const threads = stacks.length + 1;
    const pool = new Pool(common, threads);
    const { module, memory } = common;
    const { words } = pool.#desk;
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      const late = new Promise((_, reject) => {
        timer = setTimeout(
          () => reject(`nothing is heard of it in ${START_MS / 1000} s`),
          START_MS,
        );
      });
      const started = stacks.map((stack, index) => {
        const assignment: Assignment = { module, memory, words, threads, self: index + 1, stack };
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
      clearTimeout(timer);
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
    return () => {
      if (this.#failure) throw this.#failure;
      if (!this.#wakeFor(cost)) {
        run(0, job.extent);
        return;
      }
      desk.post(job, ++this.#posted);
      desk.share(bound);
      this.#join(job);
      const failure = desk.failure();
      if (failure) throw new WebAssembly.RuntimeError(failure.replace(/^RuntimeError: /, ""));
    };
  }

  dispose(): void {
    for (const thread of this.#threads) thread.terminate();
    this.#threads.length = 0;
  }

  /** Look out for the slices of other threads to end. A page's main thread may not wait otherwise. */
  #join(job: Job): void {
    let late: number | undefined;
    for (let looks = 1; !this.#desk.isDone(job); looks++) {
      if (looks % LOOKS_PER_CLOCK) continue;
      late ??= this.#now() + STALL_MS;
      if (this.#now() > late) {
        throw this.#fail(`a thread has stood still for ${STALL_MS / 1000} s`);
      }
    }
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

  #fail(what: string): WorkerError {
    return (this.#failure ??= new WorkerError(`${what}: create another executor`));
  }
}

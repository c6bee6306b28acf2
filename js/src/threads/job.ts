/**
 * How threads share one call of a kernel, through words of memory that all of them see. The slices
 * of the call are dealt out in ranges, one for each thread, so that what a thread writes it also
 * reads in the next call: memory of another core's cache is far away. Whoever posts a job writes
 * what to call, and then each thread's ticket: the job's number, how many threads may share it, and in
 * the low bits how many slices of the range are left. A slice is claimed by counting its ticket down,
 * first one's own, then those of threads that are late. Nobody can claim a slice of a job that is
 * over, since its ticket is not there any more; and a slice that is claimed holds its job in place
 * until it is counted as done.
 * Where a job is made of rounds, each is posted when the one before is done.
 */

import { close, type Kernel, type RunSlice, startOf } from "../wasm/kernels.js";
import type { Queue, WholeCall } from "./queue.js";

// Words that different threads write lie on cache lines of their own, of 16 words.
const LINE = 16;
const DONE = 0;
const SLEEPERS = LINE;
const CLOSED = LINE + 1;
const FAILURE_LENGTH = 2 * LINE;
const FAILURE = FAILURE_LENGTH + 1;
const KERNEL = 16 * LINE;
const EXTENT = KERNEL + 1;
const SLICES = KERNEL + 2;
const ARITY = KERNEL + 3;
const FIRST = KERNEL + 4;
const CALL = KERNEL + 5;
const ARGUMENTS = KERNEL + 6;
const LONGEST_FAILURE = KERNEL - FAILURE;

const LEFT_BITS = 6;
const LEFT_MASK = (1 << LEFT_BITS) - 1;
const SHARERS_BITS = 7;
const SHARERS_MASK = (1 << SHARERS_BITS) - 1;

/** How long a thread looks out for the next job before it sleeps, which takes long to end. */
const LOOK_OUT_MS = 0.1;
const LOOKS_PER_CLOCK = 64;

/** One call of a kernel, to be shared. */
export interface Job extends WholeCall {
  /** Of how many rounds of equal length the extent is made, each of which needs all before it. */
  readonly rounds: number;
  /** Into how many slices a round is cut; no more than its length. */
  readonly slices: number;
  /** How many threads share them: the first ones. */
  readonly sharers: number;
}

/** The words that the threads of a pool see, as the thread number `self` of `threads`. */
export class Desk {
  readonly words: Int32Array;
  readonly #threads: number;
  readonly #self: number;
  readonly #tickets: number;

  constructor(words: Int32Array, threads: number, self: number) {
    this.words = words;
    this.#threads = threads;
    this.#self = self;
    this.#tickets = words.length - threads * LINE;
  }

  /** A desk for kernels of up to `arity` arguments, as its first thread. */
  static make(arity: number, threads: number): Desk {
    const lines = Math.ceil((ARGUMENTS + arity) / LINE) + threads;
    const bytes = Int32Array.BYTES_PER_ELEMENT * LINE * lines;
    return new Desk(new Int32Array(new SharedArrayBuffer(bytes)), threads, 0);
  }

  /** Whether threads sleep, who take no part in a job until they are woken. */
  get sleeps(): boolean {
    return Atomics.load(this.words, SLEEPERS) > 0;
  }

  /** Wake the threads that sleep. That takes longer than many a job. */
  wake(): void {
    for (let thread = 1; thread < this.#threads; thread++) {
      Atomics.notify(this.words, this.#ticket(thread));
    }
  }

  /**
   * Post a round of a job, the `number`th round of all jobs; the one before must be done. A job's
   * rounds are posted one after the other.
   */
  post({ kernel, args, extent, rounds, slices, sharers }: Job, number: number, round = 0): void {
    const { words } = this;
    const length = extent / rounds;
    if (!round) {
      words[CALL] = number;
      words[KERNEL] = kernel;
      words[EXTENT] = length;
      words[SLICES] = slices;
      words[ARITY] = args.length;
      for (let i = 0; i < args.length; i++) words[ARGUMENTS + i] = args[i] as number;
    }
    words[FIRST] = round * length;
    words[FAILURE_LENGTH] = 0;
    Atomics.store(words, DONE, 0);
    const head = (number << SHARERS_BITS) | sharers;
    for (let thread = 0; thread < this.#threads; thread++) {
      const left = firstOf(thread + 1, slices, sharers) - firstOf(thread, slices, sharers);
      Atomics.store(words, this.#ticket(thread), (head << LEFT_BITS) | left);
    }
  }

  /** Have a thread look at its queue. No job may be posted that is not done; `number` is as for one. */
  ring(thread: number, number: number): void {
    const at = this.#ticket(thread);
    Atomics.store(this.words, at, number << (SHARERS_BITS + LEFT_BITS));
    Atomics.notify(this.words, at);
  }

  /** Run slices of the job that is posted, if there are any, with what `bind` gives. */
  share(bind: () => RunSlice): void {
    let run: RunSlice | undefined;
    let count = 0;
    for (let i = 0; i < this.#threads; i++) {
      const thread = (this.#self + i) % this.#threads;
      for (let ticket = this.#claim(thread); ticket; ticket = this.#claim(thread)) {
        // What is called is known only now that a claim holds the job in place.
        run ??= bind();
        const sharers = sharersOf(ticket);
        this.#run(firstOf(thread + 1, this.#slices, sharers) - (ticket & LEFT_MASK), run);
        count++;
      }
    }
    if (count) Atomics.add(this.words, DONE, count);
  }

  /** Have all threads stop to serve, each when it has done what it is at. */
  close(): void {
    const { words } = this;
    Atomics.store(words, CLOSED, 1);
    for (let thread = 1; thread < this.#threads; thread++) {
      Atomics.add(words, this.#ticket(thread), 1 << (SHARERS_BITS + LEFT_BITS));
    }
    this.wake();
  }

  /** Run slices of all the jobs that will be posted, and all calls of `queue`, until it is closed. */
  serve(kernels: readonly Kernel[], queue: Queue): void {
    const { words } = this;
    const at = this.#ticket(this.#self);
    let bound: number | undefined;
    let run: RunSlice | undefined;
    const bind = (): RunSlice => {
      if (run && bound === words[CALL]) return run;
      bound = words[CALL];
      const kernel = kernels[words[KERNEL] as number] as Kernel;
      const args = words.subarray(ARGUMENTS, ARGUMENTS + (words[ARITY] as number));
      return (run = close(kernel, [...args]));
    };
    while (!Atomics.load(words, CLOSED)) {
      // What is posted after this look changes the ticket.
      const ticket = Atomics.load(words, at);
      queue.work(kernels);
      this.share(bind);
      this.#awaitChange(at, ticket);
    }
  }

  /** Whether all slices of the job's round are done. */
  isDone({ slices }: Job): boolean {
    return Atomics.load(this.words, DONE) === slices;
  }

  /** What a slice of the job threw, as text. */
  failure(): string | undefined {
    const length = this.words[FAILURE_LENGTH] as number;
    return length
      ? String.fromCharCode(...this.words.subarray(FAILURE, FAILURE + length))
      : undefined;
  }

  get #slices(): number {
    return this.words[SLICES] as number;
  }

  #ticket(thread: number): number {
    return this.#tickets + thread * LINE;
  }

  /** Claim a slice of a thread's range; return its ticket of before, or 0 where none is to be had. */
  #claim(thread: number): number {
    const { words } = this;
    const at = this.#ticket(thread);
    for (;;) {
      const ticket = Atomics.load(words, at);
      if (!(ticket & LEFT_MASK) || this.#self >= sharersOf(ticket)) return 0;
      if (Atomics.compareExchange(words, at, ticket, ticket - 1) === ticket) return ticket;
    }
  }

  #run(slice: number, run: RunSlice): void {
    const { words } = this;
    const first = words[FIRST] as number;
    const extent = words[EXTENT] as number;
    const slices = this.#slices;
    const start = (slice: number) => first + startOf(slice, slices, extent);
    try {
      run(start(slice), start(slice + 1));
    } catch (error) {
      const text = String(error).slice(0, LONGEST_FAILURE);
      for (let i = 0; i < text.length; i++) words[FAILURE + i] = text.charCodeAt(i);
      words[FAILURE_LENGTH] = text.length;
    }
  }

  /** Return when the thread's ticket is another one: look out for that for a while, then sleep. */
  #awaitChange(at: number, ticket: number): void {
    const { words } = this;
    let until: number | undefined;
    for (let looks = 1; ; looks++) {
      if (Atomics.load(words, at) !== ticket) return;
      if (looks % LOOKS_PER_CLOCK) continue;
      until ??= performance.now() + LOOK_OUT_MS;
      if (performance.now() > until) break;
    }
    Atomics.add(words, SLEEPERS, 1);
    Atomics.wait(words, at, ticket);
    Atomics.sub(words, SLEEPERS, 1);
  }
}

/** How many threads may share the job of a ticket. */
function sharersOf(ticket: number): number {
  return (ticket >> LEFT_BITS) & SHARERS_MASK;
}

/** The first slice of a thread's range. */
function firstOf(thread: number, slices: number, sharers: number): number {
  return startOf(Math.min(thread, sharers), sharers, slices);
}

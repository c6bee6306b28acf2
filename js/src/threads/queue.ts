/**
 * How one thread hands whole ops to another, through words of memory that both see: a ring of calls,
 * which the other thread makes in their order. Each call has a number, counted from 1; a call is
 * done once `DONE` has reached its number. Numbers wrap around, so their differences are compared.
 */

import { close, type Kernel } from "../wasm/kernels.js";

// Words that different threads write lie on cache lines of their own, of 16 words.
const LINE = 16;
const POSTED = 0;
const DONE = LINE;
/** The number of the first call that failed, whose error is to be seen before it is cleared. */
const FAILED = 2 * LINE;
const FAILURE_LENGTH = FAILED + 1;
const FAILURE = FAILED + 2;
const CALLS = 16 * LINE;
const LONGEST_FAILURE = CALLS - FAILURE;

/** How long to wait for a sign before looking again: not every engine gives one. */
const LOOK_AGAIN_MS = 20;
/** How many calls may wait for a thread. */
const CAPACITY = 64;

/** `Atomics.waitAsync`, which not every engine has. */
type WaitAsync = (
  words: Int32Array,
  index: number,
  value: number,
  timeout: number,
) => { readonly value: string | Promise<string> };

/** A call of a kernel over all of its outermost loop. */
export interface WholeCall {
  /** Which of the module's functions. */
  readonly kernel: number;
  /** Its arguments but the last two, which say what slice to run. */
  readonly args: readonly number[];
  readonly extent: number;
}

/** Whether the call number `one` comes before the call number `other`. */
export function isBefore(one: number, other: number): boolean {
  return ((one - other) | 0) < 0;
}

/** Calls for one thread, as both see them. */
export class Queue {
  readonly words: Int32Array;
  readonly #stride: number;
  #posted = 0;

  constructor(words: Int32Array) {
    this.words = words;
    this.#stride = (words.length - CALLS) / CAPACITY;
  }

  /** A queue for kernels of up to `arity` arguments. */
  static make(arity: number): Queue {
    const words = CALLS + CAPACITY * (3 + arity);
    return new Queue(new Int32Array(new SharedArrayBuffer(words * Int32Array.BYTES_PER_ELEMENT)));
  }

  /** How many calls are done. */
  get count(): number {
    return Atomics.load(this.words, DONE);
  }

  /** Resolve when the count is not `count` any more, or after a while. */
  async change(count: number): Promise<void> {
    const { waitAsync } = Atomics as { waitAsync?: WaitAsync };
    const sign = waitAsync?.(this.words, DONE, count, LOOK_AGAIN_MS).value;
    // The timer keeps a program alive, which a sign does not.
    let timer: ReturnType<typeof setTimeout> | undefined;
    const later = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, sign === undefined ? 0 : LOOK_AGAIN_MS);
    });
    await Promise.race([later, sign ?? later]);
    clearTimeout(timer);
  }

  /** Whether there is room for another call. */
  get hasRoom(): boolean {
    return ((this.#posted - this.count) | 0) < CAPACITY;
  }

  /** A call whose end makes room for many. */
  get halfway(): number {
    return (this.#posted - CAPACITY / 2) | 0;
  }

  /** Add a call, for which there must be room; return its number. */
  post({ kernel, args, extent }: WholeCall): number {
    const { words } = this;
    const at = this.#at(this.#posted);
    words[at] = kernel;
    words[at + 1] = extent;
    words[at + 2] = args.length;
    for (let i = 0; i < args.length; i++) words[at + 3 + i] = args[i] as number;
    this.#posted = (this.#posted + 1) | 0;
    Atomics.store(words, POSTED, this.#posted);
    return this.#posted;
  }

  /** Whether the call of that number is done. */
  isDone(number: number): boolean {
    return !isBefore(this.count, number);
  }

  /** The first call that failed since the last `clear`, and what it threw, as text. */
  failure(): { readonly number: number; readonly text: string } | undefined {
    const { words } = this;
    const length = Atomics.load(words, FAILURE_LENGTH);
    if (!length) return undefined;
    const text = String.fromCharCode(...words.subarray(FAILURE, FAILURE + length));
    return { number: words[FAILED] as number, text };
  }

  /** Forget the failure. All calls must be done. */
  clear(): void {
    Atomics.store(this.words, FAILURE_LENGTH, 0);
  }

  /** Make the calls that wait, as the other thread. */
  work(kernels: readonly Kernel[]): void {
    const { words } = this;
    for (let done = words[DONE] as number; done !== Atomics.load(words, POSTED);) {
      const at = this.#at(done);
      const args = [...words.subarray(at + 3, at + 3 + (words[at + 2] as number))];
      try {
        close(kernels[words[at] as number] as Kernel, args)(0, words[at + 1] as number);
      } catch (error) {
        this.#fail((done + 1) | 0, String(error).slice(0, LONGEST_FAILURE));
      }
      done = (done + 1) | 0;
      Atomics.store(words, DONE, done);
      Atomics.notify(words, DONE);
    }
  }

  #at(number: number): number {
    return CALLS + (number & (CAPACITY - 1)) * this.#stride;
  }

  #fail(number: number, text: string): void {
    const { words } = this;
    if (words[FAILURE_LENGTH]) return;
    words[FAILED] = number;
    for (let i = 0; i < text.length; i++) words[FAILURE + i] = text.charCodeAt(i);
    Atomics.store(words, FAILURE_LENGTH, text.length);
  }
}

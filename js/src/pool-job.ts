/**
 * How threads share one call of a kernel, through words of memory that all of them see. Whoever
 * posts a job writes what to call, and then the ticket: the job's number, and in its low bits how
 * many slices are left. A thread claims a slice by counting the ticket down. No thread can claim a
 * slice of a job that is over, since its ticket is not there any more; and a slice that is claimed
 * holds its job in place until it is counted as done.
 */

import type { Kernel, RunSlice } from "./kernels.js";

// Indices of the words. Those that threads write while they share lie on cache lines of their own.
const TICKET = 0;
const DONE = 16;
const SLEEPERS = 32;
const FAILURE_LENGTH = 48;
const FAILURE = 49;
const KERNEL = 320;
const EXTENT = 321;
const SLICES = 322;
const ARITY = 323;
const ARGUMENTS = 324;

const LEFT_BITS = 8;
const LEFT_MASK = (1 << LEFT_BITS) - 1;
/** The most slices that a ticket can count. */
export const MOST_SLICES = LEFT_MASK;
const LONGEST_FAILURE = KERNEL - FAILURE;

/** How long a thread looks out for the next job before it sleeps, which takes long to end. */
const LOOK_OUT_MS = 0.1;
const LOOKS_PER_CLOCK = 64;

/** One call of a kernel. */
export interface Job {
  /** Which of the module's functions. */
  readonly kernel: number;
  /** Its arguments but the last two, which say what slice to run. */
  readonly args: readonly number[];
  readonly extent: number;
  readonly slices: number;
}

/** Make the words, for kernels of up to `arity` arguments. */
export function makeWords(arity: number): Int32Array {
  const bytes = Int32Array.BYTES_PER_ELEMENT * (ARGUMENTS + arity);
  return new Int32Array(new SharedArrayBuffer(bytes));
}

/** Post a job, the `number`th one; the job before must be done. */
export function post(words: Int32Array, job: Job, number: number): void {
  words[KERNEL] = job.kernel;
  words[EXTENT] = job.extent;
  words[SLICES] = job.slices;
  words[ARITY] = job.args.length;
  for (let i = 0; i < job.args.length; i++) words[ARGUMENTS + i] = job.args[i] as number;
  words[FAILURE_LENGTH] = 0;
  Atomics.store(words, DONE, 0);
  Atomics.store(words, TICKET, (number << LEFT_BITS) | job.slices);
  if (Atomics.load(words, SLEEPERS)) Atomics.notify(words, TICKET);
}

/** Run slices of the job that is posted, as long as there are any. */
export function share(words: Int32Array, run: RunSlice): void {
  for (let left = claim(words); left; left = claim(words)) runClaimed(words, left, run);
}

/** Run slices of all the jobs that will be posted. */
export function serve(words: Int32Array, kernels: readonly Kernel[]): never {
  for (;;) {
    const left = claim(words);
    if (!left) {
      awaitJob(words);
      continue;
    }
    const kernel = kernels[words[KERNEL] as number] as Kernel;
    const args = words.subarray(ARGUMENTS, ARGUMENTS + (words[ARITY] as number));
    runClaimed(words, left, (begin, end) => kernel(...args, begin, end));
  }
}

/** Whether all slices are done. */
export function isDone(words: Int32Array, { slices }: Job): boolean {
  return Atomics.load(words, DONE) === slices;
}

/** What a slice of the job threw, as text. */
export function failureOf(words: Int32Array): string | undefined {
  const length = words[FAILURE_LENGTH] as number;
  return length ? String.fromCharCode(...words.subarray(FAILURE, FAILURE + length)) : undefined;
}

/** Claim a slice; return how many were left, this one included. */
function claim(words: Int32Array): number {
  for (;;) {
    const ticket = Atomics.load(words, TICKET);
    const left = ticket & LEFT_MASK;
    if (!left || Atomics.compareExchange(words, TICKET, ticket, ticket - 1) === ticket) return left;
  }
}

function runClaimed(words: Int32Array, left: number, run: RunSlice): void {
  const extent = words[EXTENT] as number;
  const slices = words[SLICES] as number;
  const index = slices - left;
  try {
    run(Math.floor((extent * index) / slices), Math.floor((extent * (index + 1)) / slices));
  } catch (error) {
    const text = String(error).slice(0, LONGEST_FAILURE);
    for (let i = 0; i < text.length; i++) words[FAILURE + i] = text.charCodeAt(i);
    words[FAILURE_LENGTH] = text.length;
  }
  Atomics.add(words, DONE, 1);
}

/** Return when there may be a job: look out for it for a while, then sleep. */
function awaitJob(words: Int32Array): void {
  const ticket = Atomics.load(words, TICKET);
  if (ticket & LEFT_MASK) return;
  const until = performance.now() + LOOK_OUT_MS;
  for (let looks = 1; looks % LOOKS_PER_CLOCK || performance.now() < until; looks++) {
    if (Atomics.load(words, TICKET) !== ticket) return;
  }
  Atomics.add(words, SLEEPERS, 1);
  Atomics.wait(words, TICKET, ticket);
  Atomics.sub(words, SLEEPERS, 1);
}

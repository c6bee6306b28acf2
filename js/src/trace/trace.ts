import type { DeviceName } from "../devices/device.js";
import { checkOptions, type Rules, trueOrFalse } from "../rules.js";
import { type ChromeTrace, toChrome } from "./chrome.js";

/** The time of one op over the runs that were traced, in milliseconds. */
export interface TraceRow {
  readonly op: string;
  readonly kind: string;
  readonly calls: number;
  readonly total: number;
  /** Of the latest call. */
  readonly last: number;
}

/** What a call of an op has to do, for the dims of its run. */
export interface Work {
  /** Floating-point operations. */
  readonly flops: number;
  /** Bytes of the tensors that it reads and writes. */
  readonly bytes: number;
}

/** One call of an op. */
export interface TraceSpan extends Work {
  readonly op: string;
  readonly kind: string;
  /** Milliseconds of the executor's host's clock. */
  readonly start: number;
  readonly end: number;
  readonly device: DeviceName;
  /** How many threads shared the call; none where nothing was called. */
  readonly threads: number;
  /** Which of the trace's runs it belongs to, from 0. */
  readonly run: number;
}

export interface TraceOptions {
  /** Keep each call, and not only the sums of each op. By default true. */
  readonly spans?: boolean | undefined;
}

const RULES: Rules<TraceOptions> = { spans: trueOrFalse };

/**
 * Collects the time of each op: hand one to `run` and read its rows and spans afterwards. The clock
 * is the executor's host's. Tracing times each call by itself, so a traced run is a little slower.
 */
export class Trace {
  readonly #keepsSpans: boolean;
  readonly #rows = new Map<string, TraceRow>();
  #spans: TraceSpan[] = [];
  #runs = 0;

  /** Throws OptionError for options that there are not. */
  constructor(options: TraceOptions = {}) {
    checkOptions("a Trace", options, RULES);
    this.#keepsSpans = options.spans ?? true;
  }

  /** A row for each op that has run, in the order in which they first did. */
  get rows(): TraceRow[] {
    return [...this.#rows.values()];
  }

  /** Every call, in the order in which they were made. */
  get spans(): readonly TraceSpan[] {
    return [...this.#spans];
  }

  /** How many runs have begun. */
  get runs(): number {
    return this.#runs;
  }

  /** Count a run that begins. */
  begin(): void {
    this.#runs++;
  }

  /** Add one call. */
  add(span: TraceSpan): void {
    const { op, kind, start, end } = span;
    const last = end - start;
    const { calls = 0, total = 0 } = this.#rows.get(op) ?? {};
    this.#rows.set(op, { op, kind, calls: calls + 1, total: total + last, last });
    if (this.#keepsSpans) this.#spans.push(span);
  }

  /** The spans as Chrome's Trace Event Format, which Perfetto and chrome://tracing open. */
  toChrome(): ChromeTrace {
    return toChrome(this.#spans);
  }

  /**
   * Write each span as a User Timing measure, which a browser's performance panel shows; nothing
   * where the host has no `performance.measure`. The executor's clock must be `performance.now`, as
   * it is by default.
   */
  mark(): void {
    const timeline = (globalThis as { performance?: Partial<Performance> }).performance;
    if (!timeline?.measure) return;
    for (const { op, start, end, ...detail } of this.#spans) {
      timeline.measure(op, { start, end, detail });
    }
  }

  clear(): void {
    this.#rows.clear();
    this.#spans = [];
    this.#runs = 0;
  }
}

import type { TraceSpan } from "./trace.js";

/** An event of the Trace Event Format: `X` has a duration, `M` names a process or a thread. */
export interface ChromeEvent {
  readonly name: string;
  readonly ph: "X" | "M";
  readonly pid: number;
  readonly tid: number;
  readonly cat?: string;
  /** In microseconds, as is `dur`. */
  readonly ts?: number;
  readonly dur?: number;
  readonly args: { readonly [name: string]: string | number };
}

/** The Trace Event Format's JSON object. */
export interface ChromeTrace {
  readonly traceEvents: readonly ChromeEvent[];
  readonly displayTimeUnit: "ms";
}

const PROCESS = 1;
const THREAD = 1;

/** Write spans as complete events, in time since the first, inside an event for each run. */
export function toChrome(spans: readonly TraceSpan[]): ChromeTrace {
  const origin = spans.reduce(
    (least, { start }) => Math.min(least, start),
    Number.POSITIVE_INFINITY,
  );
  const place = { pid: PROCESS, tid: THREAD };
  const complete = (name: string, cat: string, start: number, end: number) => {
    const ts = (start - origin) * 1000;
    return { name, cat, ph: "X" as const, ...place, ts, dur: (end - start) * 1000 };
  };
  const runs = new Map<number, { start: number; end: number }>();
  for (const { run, start, end } of spans) {
    const known = runs.get(run);
    runs.set(run, {
      start: Math.min(known?.start ?? start, start),
      end: Math.max(known?.end ?? end, end),
    });
  }
  const traceEvents: ChromeEvent[] = [
    { name: "process_name", ph: "M", ...place, args: { name: "pyjsml" } },
    { name: "thread_name", ph: "M", ...place, args: { name: "executor" } },
    ...[...runs].map(([run, { start, end }]) => {
      return { ...complete(`run ${run}`, "run", start, end), args: { run } };
    }),
    ...spans.map(({ op, kind, start, end, ...args }) => {
      return { ...complete(op, kind, start, end), args };
    }),
  ];
  return { traceEvents, displayTimeUnit: "ms" };
}

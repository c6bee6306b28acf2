import { afterEach, describe, expect, test, vi } from "vitest";
import { Executor, tensor, Trace, type TraceSpan } from "../src/index.js";
import { modelFiles, staticModel } from "./model.js";

afterEach(() => {
  vi.unstubAllGlobals();
});

function span(op: string, run: number, start: number, end: number): TraceSpan {
  return { op, kind: "k", run, start, end, device: "wasm", threads: 2, flops: 8, bytes: 16 };
}

function traced(): Trace {
  const trace = new Trace();
  trace.add(span("a", 0, 10, 12));
  trace.add(span("b", 0, 12.5, 13));
  trace.add(span("a", 1, 20, 23));
  return trace;
}

test("spans become rows", () => {
  expect(traced().rows).toEqual([
    { op: "a", kind: "k", calls: 2, total: 5, last: 3 },
    { op: "b", kind: "k", calls: 1, total: 0.5, last: 0.5 },
  ]);
});

test("spans are optional", () => {
  const trace = new Trace({ spans: false });
  trace.add(span("a", 0, 1, 2));
  expect(trace.spans).toEqual([]);
  expect(trace.rows).toHaveLength(1);
});

describe("in Chrome's format", () => {
  test("ops lie inside their runs, in microseconds since the first", () => {
    const { traceEvents, displayTimeUnit } = traced().toChrome();
    expect(displayTimeUnit).toBe("ms");
    const complete = traceEvents.filter(({ ph }) => ph === "X");
    expect(complete.map(({ name, cat, ts, dur }) => [name, cat, ts, dur])).toEqual([
      ["run 0", "run", 0, 3000],
      ["run 1", "run", 10000, 3000],
      ["a", "k", 0, 2000],
      ["b", "k", 2500, 500],
      ["a", "k", 10000, 3000],
    ]);
    expect(complete[2]?.args).toEqual({ run: 0, device: "wasm", threads: 2, flops: 8, bytes: 16 });
    expect(new Set(traceEvents.map(({ pid, tid }) => `${pid} ${tid}`)).size).toBe(1);
  });

  test("threads have names", () => {
    const names = traced()
      .toChrome()
      .traceEvents.filter(({ ph }) => ph === "M");
    expect(names.map(({ name }) => name)).toEqual(["process_name", "thread_name"]);
  });

  test("nothing that was traced is an empty timeline", () => {
    expect(new Trace().toChrome().traceEvents.every(({ ph }) => ph === "M")).toBe(true);
  });
});

describe("mark", () => {
  test("writes measures", () => {
    const measure = vi.fn();
    vi.stubGlobal("performance", { measure });
    traced().mark();
    expect(measure).toHaveBeenCalledTimes(3);
    const detail = { kind: "k", run: 0, device: "wasm", threads: 2, flops: 8, bytes: 16 };
    expect(measure).toHaveBeenNthCalledWith(1, "a", { start: 10, end: 12, detail });
  });

  test("does nothing where there is no timeline", () => {
    vi.stubGlobal("performance", undefined);
    expect(() => traced().mark()).not.toThrow();
  });
});

test("an executor says what its ops did in which run", () => {
  let time = 0;
  const executor = Executor.createSync(staticModel, {
    files: modelFiles(),
    host: { now: () => time++ },
  });
  const trace = new Trace();
  const feed = {
    x: tensor("float32", [2, 3], [1, 2, 3, 4, 5, 6]),
    k: tensor("int64", [2], [1n, 2n]),
  };
  executor.runSync(feed, { trace });
  executor.runSync(feed, { trace });
  expect(trace.spans.map(({ op, run }) => `${op} ${run}`)).toEqual(
    [0, 1].flatMap((run) => [`add ${run}`, `flatten ${run}`, `mul ${run}`]),
  );
  for (const { kind, start, end, device, threads } of trace.spans) {
    expect([end - start, device, threads]).toEqual([1, "wasm", kind === "view" ? 0 : 1]);
  }
  expect(trace.spans.every(({ op, bytes }) => bytes > 0 === (op !== "flatten"))).toBe(true);
  trace.clear();
  expect([trace.spans, trace.runs]).toEqual([[], 0]);
});

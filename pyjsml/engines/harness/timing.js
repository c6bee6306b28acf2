// Times a bundle's runs inside an engine. A classic script, because embedded engines refuse modules;
// it defines globalThis.pyjsmlTiming.
globalThis.pyjsmlTiming = (() => {
  // A bare engine has no clock but that of dates, whose step is a millisecond.
  const { performance } = globalThis;
  const now = performance ? () => performance.now() : () => Date.now();
  const SAMPLE_MS = performance ? 4 : 40; // Long enough that the clock's step does not count.
  const WARM_UP_MS = 500; // V8 compiles in the background what runs often.
  const WARM_UP_RUNS = 5;
  const TRACED_MS = 500;

  function timed(run, count) {
    const start = now();
    for (let i = 0; i < count; i++) run();
    return (now() - start) / count;
  }

  return {
    /**
     * Run `rounds` samples of one run or more: `samples`, milliseconds per run of each; `ops`, for
     * each op its kind, its arithmetic and its mean milliseconds in further runs; `trace`, the last
     * `rounds` runs in Chrome's format; and the `isa` and `threads` they had.
     */
    measure(runtime, executor, feed, rounds) {
      const run = () => executor.runSync(feed);
      let runs = 0;
      const start = now();
      for (; runs < WARM_UP_RUNS || now() - start < WARM_UP_MS; runs++) run();
      const count = Math.max(1, Math.ceil((SAMPLE_MS * runs) / (now() - start)));
      const samples = [];
      for (let round = 0; round < rounds; round++) samples.push(timed(run, count));

      const trace = new runtime.Trace({ spans: false });
      const traced = now();
      do executor.runSync(feed, { trace });
      while (now() - traced < TRACED_MS);
      const flops = new Map(executor.ops.map((op) => [op.name, op.flops]));
      const ops = trace.rows.map(({ op, kind, calls, total }) => {
        return { op, kind, flops: flops.get(op), ms: total / calls };
      });

      const timeline = new runtime.Trace();
      for (let round = 0; round < rounds; round++) executor.runSync(feed, { trace: timeline });
      const { isa, threads } = executor.describe();
      return { samples, ops, trace: timeline.toChrome(), isa, threads };
    },
  };
})();

// A bundle. Config: `{index, runtime, isa, threads}`, the first two being paths of modules.

export async function create({ index, runtime, isa, threads }, feed) {
  const { createExecutor } = await import(index);
  const executor = await createExecutor({ ...(isa && { isa }), ...(threads > 1 && { threads }) });
  const { threads: used = 1 } = executor.describe();
  if (used !== threads) throw new Error(`not available: it runs on ${used} thread, not ${threads}`);
  return {
    run: async () => Object.values(await executor.run(feed)).map(({ data }) => data),

    /** The fastest time of each op over some runs, with its arithmetic. */
    async trace(runs) {
      const { Trace } = await import(runtime);
      const fastest = new Map();
      for (let i = 0; i < runs; i++) {
        const trace = new Trace();
        await executor.run(feed, { trace });
        for (const { op, last } of trace.rows) {
          fastest.set(op, Math.min(last, fastest.get(op) ?? Infinity));
        }
      }
      const ops = executor.ops.filter(({ name }) => fastest.has(name));
      return ops.map(({ name, kind, flops }) => ({ op: name, kind, flops, ms: fastest.get(name) }));
    },
  };
}

// A bundle. Config: `{index, runtime, isa, threads, device}`, the first two being paths of modules.

export async function create({ index, runtime, isa, threads, device }, feed) {
  const { createExecutor } = await import(index);
  const executor = await createExecutor({
    devices: [device],
    ...(isa && { isa }),
    ...(threads > 1 && { threads }),
  });
  const { threads: used = 1 } = executor.describe();
  if (used !== threads) throw new Error(`not available: it runs on ${used} thread, not ${threads}`);
  return {
    run: async () => Object.values(await executor.run(feed)).map(({ data }) => data),

    /**
     * Each op's arithmetic and the mean of the faster half of its times: the clock's step is longer
     * than some ops, so a minimum would say that they take no time.
     */
    async trace(runs) {
      const { Trace } = await import(runtime);
      const times = new Map(executor.ops.map(({ name }) => [name, []]));
      for (let i = 0; i < runs; i++) {
        const trace = new Trace();
        await executor.run(feed, { trace });
        for (const { op, last } of trace.rows) times.get(op).push(last);
      }
      const ops = executor.ops.filter(({ name }) => times.get(name).length);
      return ops.map(({ name, kind, flops }) => {
        return { op: name, kind, flops, ms: meanOfFasterHalf(times.get(name)) };
      });
    },
  };
}

function meanOfFasterHalf(times) {
  const faster = times.sort((a, b) => a - b).slice(0, Math.ceil(times.length / 2));
  return faster.reduce((sum, ms) => sum + ms, 0) / faster.length;
}

// How everything is timed: contenders take turns, round by round, so that whatever else the machine
// does meets all of them; the medians and quartiles are the Python side's.

const SAMPLE_MS = 4; // A sample lasts long enough that the clock's step does not count.
const WARM_UP_MS = 600; // V8 compiles in the background what runs often.
const WARM_UP_RUNS = 5;
const PAUSE_MS = 3; // Some runtimes' threads keep spinning for a while after a run.
const LONG_RUN_MS = 40; // Longer runs fill the caches by themselves.

const pause = () => new Promise((resolve) => setTimeout(resolve, PAUSE_MS));

async function timed(run, count) {
  const start = performance.now();
  for (let i = 0; i < count; i++) await run();
  return (performance.now() - start) / count;
}

/** Run until the code is compiled well; return how many runs make a sample. */
async function warmUp(run) {
  const start = performance.now();
  let fastest = Infinity;
  for (let runs = 0; runs < WARM_UP_RUNS || performance.now() - start < WARM_UP_MS; runs++) {
    fastest = Math.min(fastest, await timed(run, 1));
  }
  return Math.max(1, Math.ceil(SAMPLE_MS / Math.max(fastest, 1e-3)));
}

/**
 * Time `runs`, functions by name: milliseconds per run in each round, by name. There are as many
 * rounds as fit into `budget` milliseconds, at least `least` and at most `most`.
 */
export async function race(runs, { least, most, budget }) {
  const counts = {};
  for (const [name, run] of Object.entries(runs)) counts[name] = await warmUp(run);
  const samples = Object.fromEntries(Object.keys(runs).map((name) => [name, []]));
  const start = performance.now();
  for (let round = 0; round < most; round++) {
    if (round >= least && performance.now() - start > budget) break;
    for (const [name, run] of Object.entries(runs)) {
      await pause();
      const last = samples[name].at(-1) ?? 0;
      if (last < LONG_RUN_MS) await run();
      samples[name].push(await timed(run, counts[name]));
    }
  }
  return samples;
}

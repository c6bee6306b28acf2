// Aborts runs at random moments. A module, because threads need one. Whoever aborts is another
// thread, as is what hears of clicks: it says when, by a clock that both have, and this one hears of
// it once it is free. `start` starts it, and gives what posts to it and calls back what it posts.

/** What that thread runs, where `listen` and `post` are as of a worker. */
export const ABORTER = `
  const clock = () => performance.timeOrigin + performance.now();
  listen((ms) => {
    const due = clock() + ms;
    setTimeout(() => {
      while (clock() < due); // Timers are only good to a millisecond.
      post(clock());
    }, Math.max(0, Math.floor(ms) - 1));
  });
`;
const WARM_UP_RUNS = 10;
const TRACED_RUNS = 10;
/** How many runs may be over before they hear of the abort, to each that does in time. */
const MOST_MISSED = 100;

const clock = () => performance.timeOrigin + performance.now();

/** The value that the share `part` of `values` does not exceed. */
function quantile(values, part) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.ceil(part * sorted.length) - 1];
}

const bytesOf = ({ data: { buffer, byteOffset, byteLength } }) => [
  ...new Uint8Array(buffer, byteOffset, byteLength),
];

/** Abort `aborts` runs of an executor, and check that it is as it was before. */
async function abortRuns(runtime, executor, feed, aborts, start) {
  const outputs = async () => Object.values(await executor.run(feed)).map(bytesOf);
  const before = await outputs();
  let ms = Infinity;
  for (let run = 0; run < WARM_UP_RUNS; run++) {
    const begun = clock();
    await executor.run(feed);
    ms = Math.min(ms, clock() - begun);
  }
  // Of each op the shortest time: whatever the machine does besides is no part of it.
  const ops = new Map();
  for (let run = 0; run < TRACED_RUNS; run++) {
    const trace = new runtime.Trace();
    await executor.run(feed, { trace });
    for (const { op, start, end } of trace.spans) {
      ops.set(op, Math.min(ops.get(op) ?? Infinity, end - start));
    }
  }
  const { memory } = executor.describe();
  const fromAbort = [];
  const fromAsked = [];
  let heard;
  const aborter = await start((asked) => heard(asked));
  for (let run = 0; fromAbort.length < aborts; run++) {
    if (run > MOST_MISSED * aborts) throw new Error("the runs are too short to be aborted");
    const controller = new AbortController();
    let asked, aborted;
    const done = new Promise((resolve) => {
      heard = (when) => {
        [asked, aborted] = [when, clock()];
        controller.abort();
        resolve();
      };
    });
    aborter.post(Math.random() * ms);
    const rejected = await executor.run(feed, { signal: controller.signal }).then(
      () => undefined,
      (error) => {
        if (error !== controller.signal.reason) throw error;
        return clock();
      },
    );
    await done;
    if (rejected === undefined) continue; // It was over before this thread heard.
    fromAbort.push(rejected - aborted);
    fromAsked.push(rejected - asked);
  }
  aborter.end();
  const after = await outputs();
  return {
    aborts,
    longest: Math.max(...ops.values()),
    abort50: quantile(fromAbort, 0.5),
    abort99: quantile(fromAbort, 0.99),
    asked50: quantile(fromAsked, 0.5),
    asked99: quantile(fromAsked, 0.99),
    memory: [memory.total, executor.describe().memory.total],
    same: JSON.stringify(before) === JSON.stringify(after),
    results: after,
  };
}

/** Do so on one thread and two, without a hook and with one that does nothing; give JSON. */
export async function measure(runtime, model, files, { isa, aborts }, start) {
  const feed = runtime.readSafetensors(new Uint8Array(files.inputs));
  const waiting = { dispatch: (_op, next) => next() };
  const found = {};
  for (const threads of [1, 2]) {
    for (const [hook, policies] of Object.entries({ none: [], dispatch: [waiting] })) {
      const options = { files: { ...files }, isa, policies, threads };
      const executor = await runtime.Executor.create(model, options);
      if (executor.describe().threads === threads) {
        const way = `${hook}, ${threads}`;
        found[way] = await abortRuns(runtime, executor, feed, aborts, start);
      }
      executor.dispose();
    }
  }
  return JSON.stringify(found);
}

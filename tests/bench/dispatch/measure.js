// Times ways of running a bundle in one engine. A classic script, because embedded engines refuse
// modules; it defines globalThis.pyjsmlDispatch.
globalThis.pyjsmlDispatch = (() => {
  // A bare engine has no clock but that of dates, whose step is a millisecond.
  const { performance } = globalThis;
  const FINE = { now: () => performance.now(), sampleMs: 10, leastRuns: 1 };
  const COARSE = { now: () => Date.now(), sampleMs: 20, leastRuns: 10 };
  const WARM_UP_MS = 500; // V8 compiles in the background what runs often.

  /** Every way to run the model: `run`, whose promise, if it gives one, is waited for; `results`. */
  function contenders(runtime, model, listing, files, { isa, blocks }, feed) {
    const wasm = new Uint8Array(
      files[isa === "relaxed" ? "model.relaxed.wasm" : "model.simd.wasm"],
    );
    const weights = runtime.readSafetensors(new Uint8Array(files["weights.safetensors"]));
    const raw = (make) => {
      const loaded = globalThis.pyjsmlLoop.load(listing, wasm, weights);
      const call = make(loaded);
      const run = () => {
        loaded.feed(feed);
        call();
        return (loaded.latest = loaded.results());
      };
      return { run, results: () => loaded.latest };
    };
    const executor = (policies, method, lazy = []) => {
      // Copied, since the runtime may keep what it is handed.
      const options = { files: { ...files }, isa, policies };
      const made = runtime.Executor.createSync(model, options);
      made.lazy(...lazy);
      let outputs;
      const keep = (found) => {
        outputs = found;
      };
      const run =
        method === "run" ? () => made.run(feed).then(keep) : () => keep(made.runSync(feed));
      const bytesOf = ({ data: { buffer, byteOffset, byteLength } }) =>
        new Uint8Array(buffer, byteOffset, byteLength);
      return { run, results: () => Object.values(outputs).map(bytesOf) };
    };
    const sync = { dispatchSync: (_op, next) => next() };
    const waiting = { dispatch: (_op, next) => next() };
    return {
      loop: raw(globalThis.pyjsmlLoop.looped),
      block: raw(globalThis.pyjsmlBlock),
      executor: executor([], "runSync"),
      dispatchSync: executor([sync], "runSync"),
      ...(blocks.length && { lazy: executor([sync], "runSync", blocks) }),
      dispatch: executor([waiting], "run"),
    };
  }

  /** Run for about so long; return how often. */
  async function spend(run, ms, now) {
    const start = now();
    let runs = 0;
    for (; now() - start < ms || !runs; runs++) await run();
    return runs;
  }

  async function sample(run, count, now) {
    const start = now();
    for (let i = 0; i < count; i++) {
      const promise = run();
      if (promise?.then) await promise;
    }
    return (now() - start) / count;
  }

  /**
   * Let the contenders take turns for `rounds` rounds, on the wasm file `isa`; one of them runs
   * `blocks`, modules' paths, lazily. `now`, in milliseconds, is for hosts that have a better clock
   * than the engine. Gives, as JSON, of each its least milliseconds per run and the bytes of its
   * outputs.
   */
  async function measure(runtime, model, listing, files, options, now) {
    const clock = now ? { ...FINE, now } : performance ? FINE : COARSE;
    const feed = runtime.readSafetensors(new Uint8Array(files.inputs));
    const entries = Object.entries(contenders(runtime, model, listing, files, options, feed));
    const found = {};
    for (const [name, { run }] of entries) {
      await spend(run, WARM_UP_MS, clock.now);
      const runs = await spend(run, WARM_UP_MS, clock.now);
      const count = Math.max(clock.leastRuns, Math.ceil((runs * clock.sampleMs) / WARM_UP_MS));
      found[name] = { count, ms: Infinity };
    }
    for (let round = 0; round < options.rounds; round++) {
      for (const [name, { run }] of entries) {
        const each = found[name];
        each.ms = Math.min(each.ms, await sample(run, each.count, clock.now));
      }
    }
    for (const [name, { results }] of entries) {
      found[name].results = results().map((bytes) => [...bytes]);
    }
    return JSON.stringify(found);
  }

  return { measure };
})();

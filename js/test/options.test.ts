import { describe, expect, test } from "vitest";
import {
  Accelerator,
  createCustom,
  createCustomSync,
  Executor,
  Owner,
  pipeline,
  picture,
  PyjsmlError,
  Trace,
} from "../src/index.js";
import { inputs, modelFiles, staticModel } from "./model.js";

const files = modelFiles();
const policy = { dispatchSync: (_op: unknown, next: () => void) => next() };

/** What is wrong with what `action` is given, as its error lists it. */
async function problemsWith(action: () => unknown): Promise<readonly string[]> {
  try {
    await action();
  } catch (error) {
    if (!(error instanceof PyjsmlError)) throw error;
    expect(error.message).toBe([error.message.split("\n")[0], ...error.problems].join("\n  - "));
    return [error.name, ...error.problems];
  }
  return [];
}

const create = (options: unknown) => Executor.create(staticModel, options as never);
const createSync = (options: unknown) => Executor.createSync(staticModel, options as never);
const executor = Executor.createSync(staticModel, { files });
const run = (options: unknown) => executor.run(inputs, options as never);
const lease = (options: unknown) => new Accelerator("gpu").tryAcquire(options as never);

describe("all that is wrong is told at once, with what is allowed and what may be meant:", () => {
  test("create", async () => {
    const problems = await problemsWith(() =>
      create({
        thread: 4,
        threads: "2",
        onprogress() {},
        colour: "red",
        isa: "avx",
        host: { now: 1, sleep() {} },
        files: { "tiny.simd.wasm": "AGFzbQ" },
        weights: [1],
        fetch: "fetch",
        signal: {},
        webgl2: { precission: "float16", precision: "float8", context: null },
        onWarning: true,
        devices: ["webgl2", "wasm", "wasm"],
        policies: [policy, 5, { dispach() {}, place: "wasm", own: 1 }],
      }),
    );
    expect(problems).toEqual([
      "OptionError",
      'there is no option "thread": did you mean "threads"?',
      '"threads" is "2"; it may be "auto" or a whole number from 1 to 64',
      'there is no option "onprogress": did you mean "onProgress"?',
      'there is no option "colour"; there are: isa, host, policies, devices, files, weights, fetch, ' +
        "signal, onProgress, threads, webgl2, onWarning",
      '"isa" is "avx"; it may be "relaxed" or "simd128"',
      '"host.now" is 1; it may be a function',
      'there is no option "host.sleep"; there are: host.now, host.rest, host.yield',
      '"files[tiny.simd.wasm]" is "AGFzbQ"; it may be an ArrayBuffer or a view of one',
      '"weights" is [1]; it may be bytes, a URL, or a list of these',
      '"fetch" is "fetch"; it may be a function',
      '"signal" is of type Object; it may be an AbortSignal',
      'there is no option "webgl2.precission": did you mean "webgl2.precision"?',
      '"webgl2.precision" is "float8"; it may be "float32" or "float16"',
      '"onWarning" is true; it may be a function',
      '"devices[0]" is "webgl2", but tiny has nothing for webgl2: bundle it with --device wasm,webgl2',
      '"devices[2]" is "wasm", but it is there twice',
      '"policies[1]" is 5; it may be an object with hooks',
      'there is no hook "policies[2].dispach": did you mean "policies[2].dispatch"?',
      '"policies[2].place" is "wasm"; it may be a function',
    ]);
  });

  test("createSync", async () => {
    expect(
      await problemsWith(() => createSync({ threads: 2, webgl2: {}, devices: "wasm" })),
    ).toEqual([
      "OptionError",
      '"threads" is for create, which may wait',
      '"webgl2" is for create, which may wait',
      '"devices" is "wasm"; it may be a list: ["webgl2"]',
      '"files" is undefined; it may be an object with bytes by file name',
    ]);
  });

  test("run", async () => {
    const wrong = { yieldEvery: "5", trace: {}, feed: [], too: "add", from: 1, signal: null };
    const all = [
      "OptionError",
      '"yieldEvery" is "5"; it may be milliseconds, 0 or more',
      '"trace" is of type Object; it may be a Trace',
      '"feed" is []; it may be an object with tensors by name',
      'there is no option "too": did you mean "to"?',
      '"from" is 1; it may be a text',
      '"signal" is null; it may be an AbortSignal',
    ];
    const named = wrong as never;
    for (const way of [
      () => executor.run(inputs, named),
      () => executor.capture(inputs, [], named),
      () => executor.step(inputs, named).next(),
      () => executor.runToTextures(inputs, named),
    ]) {
      expect(await problemsWith(way)).toEqual(all);
    }
    const sync = { signal: new AbortController().signal, yieldEvery: 5, traces: true } as never;
    for (const way of [
      () => executor.runSync(inputs, sync),
      () => executor.captureSync(inputs, [], sync),
    ]) {
      expect(await problemsWith(way)).toEqual([
        "OptionError",
        '"signal" is for runs that may wait',
        '"yieldEvery" is for runs that may wait',
        'there is no option "traces": did you mean "trace"?',
      ]);
    }
  });

  test.each([
    ["a Trace", () => new Trace({ span: false } as never), 'option "span": did you mean "spans"?'],
    [
      "a pipeline",
      () => pipeline([], { dept: 1 } as never),
      'option "dept": did you mean "depth"?',
    ],
    ["locks", () => new Accelerator("gpu", { lock: {} } as never), 'did you mean "locks"?'],
    [
      "locks that are none",
      () => new Accelerator("gpu", { locks: {} as never }),
      "navigator.locks",
    ],
    ["a policy", () => new Accelerator("gpu").policy({ priorty: 1 } as never), 'mean "priority"?'],
    ["a lease", () => lease({ priorty: 1, owner: new Owner("me") }), 'did you mean "priority"?'],
    ["a lease of nobody", () => lease({}), '"owner" is undefined; it may be an Owner'],
  ])("%s", async (_, action, says) => {
    const [name, problem, ...others] = await problemsWith(action);
    expect(name).toBe("OptionError");
    expect(problem).toContain(says);
    expect(others).toEqual([]);
  });

  test("a picture, with its shape", async () => {
    const image = { width: 1, height: 1 } as ImageBitmap;
    const options = { mean: 0.5, std: [1, 0, 1], means: [0, 0, 0] } as never;
    expect(await problemsWith(() => picture(image, [1, 2, 3], options))).toEqual([
      "InputError",
      '"mean" is 0.5; it may be three numbers',
      '"std" is [1, 0, 1]; it may be three numbers, none of them 0',
      'there is no option "means": did you mean "mean"?',
      "its shape is 1x2x3; it may be 1x3xHxW or 1xHxWx3",
    ]);
  });

  test("what is read", async () => {
    const steps = executor.step(inputs);
    await steps.next();
    expect(() => executor.read("add", { veiw: true } as never)).toThrow('did you mean "view"?');
    await steps.return(undefined as never);
  });
});

describe("options that are no object", () => {
  test.each([null, 5, "fast", [], () => {}])("%s", async (options) => {
    for (const way of [create, createSync, run, lease]) {
      const [name, problem] = await problemsWith(() => way(options));
      expect(name).toBe("OptionError");
      expect(problem).toMatch(/^the options are .*; give an object$/);
    }
  });
});

test("createCustom says so of policies that are no list", async () => {
  for (const policies of [5, policy, null]) {
    const options = { files, policies } as never;
    const says = /"policies" is .*; it may be a list: \[policy\]/;
    await expect(createCustom(policy, staticModel, options)).rejects.toThrow(says);
    expect(() => createCustomSync(policy, staticModel, options)).toThrow(says);
  }
  await expect(createCustom(policy, staticModel, null as never)).rejects.toThrow("are null");
  expect(() => createCustomSync(policy, staticModel, null as never)).toThrow("are null");
});

test("what is undefined is as good as absent, and what others put into all objects too", async () => {
  const options = { files, threads: undefined, signal: undefined, policies: undefined };
  const prototype = Object.prototype as Record<string, unknown>;
  prototype["isEmpty"] = () => false;
  try {
    const made = await create(options);
    await made.run(inputs, { signal: undefined, trace: undefined });
    made.dispose();
  } finally {
    delete prototype["isEmpty"];
  }
});

test("an option is told wherever it comes from", async () => {
  const inherited = Object.create({ threads: 0 }) as object;
  expect(await problemsWith(() => create(inherited))).toHaveLength(2);
});

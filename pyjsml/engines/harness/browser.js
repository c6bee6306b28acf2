// Runs a bundle in a page for the Python side, which serves it at /bundle/, gives each run's inputs
// at /inputs and takes the results at /results, both as safetensors files.
import "./report.js";
import "./timing.js";

const report = globalThis.pyjsmlReport;
let runtime;
let executor;

/** Load the model; return `{}`, or what failed. */
export async function create([options, runtimePath, customPath]) {
  try {
    runtime = await import(runtimePath);
    const { createExecutor, model } = await import("/bundle/index.js");
    executor = customPath
      ? await runtime.createCustom((await import(customPath)).default, model, options)
      : await createExecutor(options);
    return {};
  } catch (error) {
    return report.failure(error);
  }
}

/** Time runs on what is at /inputs, `rounds` samples; return them, or what failed. */
export async function measure(rounds) {
  try {
    return globalThis.pyjsmlTiming.measure(runtime, executor, await inputs(), rounds);
  } catch (error) {
    return report.failure(error);
  }
}

/** Run on what is at /inputs; return `{}`, or what failed. */
export async function run(capture) {
  try {
    const results = report.success(runtime, await executor.capture(await inputs(), capture));
    // Chromium sends a Blob twenty times as fast as the typed array that it is made of.
    await fetch("/results", { method: "POST", body: new Blob([results]) });
    return {};
  } catch (error) {
    return report.failure(error);
  }
}

async function inputs() {
  const file = await fetch("/inputs");
  return runtime.readSafetensors(new Uint8Array(await file.arrayBuffer()));
}

import { build } from "esbuild";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { createContext, runInContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { outputs } from "../build.js";
import { expected, modelFiles, staticModel } from "./model.js";

const here = dirname(fileURLToPath(import.meta.url));

/** The text of one of the build's outputs, without writing it. */
async function bundle(name: keyof typeof outputs): Promise<string> {
  const result = await build({ ...outputs[name], write: false });
  return result.outputFiles?.[0]?.text ?? "";
}

describe("the script build", () => {
  test("runs a model where there is nothing but the language and WebAssembly", async () => {
    const context = createContext({}, { codeGeneration: { strings: false, wasm: true } });
    for (const absent of ["TextDecoder", "fetch", "performance", "crypto", "setTimeout", "URL"]) {
      expect(runInContext(`typeof ${absent}`, context)).toBe("undefined");
    }
    // As where explicit resource management is not known.
    runInContext(
      "globalThis.Symbol = new Proxy(Symbol, { get: (s, k) => k.endsWith?.('ispose') ? undefined : s[k] })",
      context,
    );
    runInContext(await bundle("script"), context);
    Object.assign(context, { model: staticModel, files: modelFiles() });
    const found = runInContext(
      `const inputs = { x: new Float32Array([1, 2, 3, 4, 5, 6]), k: new BigInt64Array([1n, 2n]) };
       const executor = pyjsml.Executor.createSync(model, { files });
       const { outputs, captured } = executor.captureSync(inputs, ["sum"]);
       const trace = new pyjsml.Trace();
       executor.runSync(inputs, { trace });
       [Array.from(outputs.y.data), Array.from(captured.sum.data), trace.rows.length]`,
      context,
    );
    expect(found).toEqual([expected([1, 2, 3, 4, 5, 6], [1, 2]), [2, 3, 4, 6, 7, 8], 3]);
    const created = await runInContext(
      "pyjsml.Executor.create(model, { files }).then((made) => made.describe().model)",
      context,
    );
    expect(created).toBe("tiny");
    const message = runInContext("try { executor.runSync({}) } catch (e) { String(e) }", context);
    expect(message).toBe(
      "InputError: tiny: the inputs don't fit\n" +
        "  - x: is missing; the model wants x float32 2x3\n" +
        "  - k: is missing; the model wants k int64 2",
    );
  });

  test("has one thread, since it does not know where its files are", async () => {
    const context = createContext({ process });
    runInContext(await bundle("script"), context);
    const warnings: string[] = [];
    const onWarning = (warning: string) => void warnings.push(warning);
    Object.assign(context, {
      model: staticModel,
      options: { files: modelFiles(), threads: 2, onWarning },
    });
    const threads = await runInContext(
      "pyjsml.Executor.create(model, options).then((made) => made.describe().threads)",
      context,
    );
    expect(threads).toBe(1);
    expect(warnings).toEqual([
      "pyjsml runs on 1 thread instead of 2: the runtime was loaded as a script; import it as a module",
    ]);
  });

  test("has errors that show their class where nobody catches them", async () => {
    const context = createContext({});
    runInContext(await bundle("script"), context);
    Object.assign(context, { model: { ...staticModel, formatVersion: 99 } });
    const stack = runInContext(
      "try { pyjsml.Executor.createSync(model, {}) } catch (e) { e.stack }",
      context,
    );
    expect(stack).toMatch(/^FormatVersionError: the model tiny is of bundle format 99/);
  });

  test("sets one global, from inside of a function too", async () => {
    const context = createContext({});
    runInContext(`(function () { ${await bundle("script")} })()`, context);
    expect(Object.keys(context)).toEqual(["pyjsml"]);
  });
});

test.each(["script", "module"] as const)("the %s build has no endless lines", async (name) => {
  const lengths = (await bundle(name)).split("\n").map((line) => line.length);
  expect(Math.max(...lengths)).toBeLessThan(1000);
});

describe("the module build", () => {
  test("imports its sibling alone, so that it may be carried anywhere", async () => {
    const found = (await bundle("module")).match(/\b(import|require)\b\s*[("'{*][^)]*\)?/g);
    expect(new Set(found)).toEqual(new Set(['import("./webgl2.js")']));
  });

  test("lets go of what a page does not use", async () => {
    const result = await build({
      stdin: {
        contents: 'import { tensor } from "../src/index.js"; console.log(tensor("int8", [1]));',
        resolveDir: here,
      },
      bundle: true,
      minify: true,
      write: false,
      format: "esm",
    });
    const text = result.outputFiles[0]?.text ?? "";
    expect(text).toContain("Int8Array");
    expect(text).not.toContain("WebAssembly");
  });
});

test("the public names", async () => {
  const names = Object.keys(await import(join(here, "..", "src", "index.ts")));
  expect(names.sort()).toEqual([
    "Accelerator",
    "BundleError",
    "DeadlockError",
    "DeviceError",
    "DeviceLostError",
    "DigestError",
    "Executor",
    "ExecutorError",
    "FORMAT_VERSION",
    "FormatVersionError",
    "InputError",
    "KernelError",
    "LoadError",
    "OptionError",
    "OutOfMemoryError",
    "Owner",
    "Pipeline",
    "PlacementError",
    "PyjsmlError",
    "ShaderError",
    "StateError",
    "Trace",
    "WorkerError",
    "createCustom",
    "createCustomSync",
    "defineModel",
    "pickDevice",
    "picture",
    "pipeline",
    "readSafetensors",
    "tensor",
    "writeSafetensors",
  ]);
});

import { build } from "esbuild";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll } from "vitest";
import { outputs } from "../build.js";
import type * as Runtime from "../src/index.js";

/** The runtime as a bundle carries it, which can start threads. */
interface Built {
  readonly runtime: typeof Runtime;
  /** The same with another `worker.js`, or none. */
  withWorker(worker: string | undefined): Promise<typeof Runtime>;
}

/** Build the runtime into a folder, which is there until the tests of this file have ended. */
export async function useRuntime(): Promise<Built> {
  const folder = mkdtempSync(join(tmpdir(), "pyjsml-runtime-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  for (const name of ["module", "worker"] as const) {
    const outfile = join(folder, name === "module" ? "index.js" : "worker.js");
    await build({ ...outputs[name], outfile });
  }
  writeFileSync(join(folder, "package.json"), '{"type": "module"}');
  return {
    runtime: await load(folder),
    async withWorker(worker) {
      const copy = mkdtempSync(join(folder, "copy-"));
      for (const file of ["index.js", "package.json"]) cpSync(join(folder, file), join(copy, file));
      if (worker !== undefined) writeFileSync(join(copy, "worker.js"), worker);
      return load(copy);
    },
  };
}

const load = (path: string) =>
  import(/* @vite-ignore */ pathToFileURL(join(path, "index.js")).href) as Promise<typeof Runtime>;

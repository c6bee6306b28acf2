/**
 * Builds `dist/`:
 *
 *     *.js, *.d.ts         the npm package: one module per source file
 *     runtime/             one minified module and its types, what its threads run, and the WebGL2
 *                          device, for a bundle to carry
 *     pyjsml.script.js     one minified script that sets `globalThis.pyjsml`, for engines that
 *                          refuse `import`
 *     modules.script.js    a script that reads modules for pyjsml's Python side; no bundle has it
 */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const file = fileURLToPath(import.meta.url);
const here = dirname(file);
const dist = join(here, "dist");

/** @type {import("esbuild").BuildOptions} */
const shared = {
  entryPoints: [join(here, "src", "index.ts")],
  bundle: true,
  minify: true,
  // Where an error is not caught, Node shows the whole line that threw it.
  lineLimit: 120,
  charset: "ascii",
  target: "es2022",
  legalComments: "none",
  logLevel: "warning",
};

/**
 * Resolve imports of `name`, one of the files in `src`, as `result` says.
 * @param {string} name
 * @param {import("esbuild").OnResolveResult} result
 * @returns {import("esbuild").Plugin}
 */
const redirect = (name, result) => ({
  name: `redirect ${name}`,
  setup({ onResolve }) {
    onResolve({ filter: new RegExp(`/${name}\\.js$`) }, () => result);
  },
});

/** What esbuild makes, as its options. */
export const outputs = {
  module: /** @type {import("esbuild").BuildOptions} */ ({
    ...shared,
    format: "esm",
    plugins: [redirect("webgl2/device", { path: "./webgl2.js", external: true })],
    outfile: join(dist, "runtime", "index.js"),
  }),
  webgl2: /** @type {import("esbuild").BuildOptions} */ ({
    ...shared,
    entryPoints: [join(here, "src", "webgl2", "device.ts")],
    format: "esm",
    // An error is of one class, whoever throws it.
    plugins: [redirect("errors", { path: "./index.js", external: true })],
    outfile: join(dist, "runtime", "webgl2.js"),
  }),
  worker: /** @type {import("esbuild").BuildOptions} */ ({
    ...shared,
    entryPoints: [join(here, "src", "threads", "worker.ts")],
    format: "esm",
    outfile: join(dist, "runtime", "worker.js"),
  }),
  script: /** @type {import("esbuild").BuildOptions} */ ({
    ...shared,
    format: "iife",
    globalName: "pyjsml",
    // Whoever evaluates scripts has no WebGL2 either.
    plugins: [redirect("webgl2/device", { path: join(here, "src", "webgl2", "absent.ts") })],
    // A script has no address; the runtime asks for it before it uses it.
    logOverride: { "empty-import-meta": "silent" },
    // A script may be evaluated inside a function, where `var` makes no global.
    footer: { js: "globalThis.pyjsml = pyjsml;" },
    outfile: join(dist, "pyjsml.script.js"),
  }),
  modules: /** @type {import("esbuild").BuildOptions} */ ({
    ...shared,
    entryPoints: [join(here, "modules", "index.ts")],
    format: "iife",
    banner: { js: licences("sucrase", "es-module-lexer") },
    outfile: join(dist, "modules.script.js"),
  }),
};

/**
 * The licences of packages that a file carries, as a comment.
 * @param {string[]} packages
 */
function licences(...packages) {
  const texts = packages.map((name) => {
    const folders = createRequire(import.meta.url).resolve.paths(name) ?? [];
    const file = folders.map((folder) => join(folder, name, "LICENSE")).find(existsSync);
    return `${name}\n\n${readFileSync(file ?? "", "utf8")}`;
  });
  return `/*\n${texts.join("\n").replaceAll("*/", "* /")}*/`;
}

/** Build beside `dist`, and put that in its place when all is done: who reads it misses nothing. */
async function main() {
  const made = join(here, ".build", String(process.pid));
  const typescript = dirname(createRequire(import.meta.url).resolve("typescript/package.json"));
  const tsc = [join(typescript, "bin", "tsc"), "-p", join(here, "tsconfig.build.json")];
  execFileSync(process.execPath, [...tsc, "--outDir", made], { stdio: "inherit" });
  await Promise.all(
    Object.values(outputs).map((options) =>
      build({ ...options, outfile: join(made, relative(dist, options.outfile ?? "")) }),
    ),
  );
  for (const name of readdirSync(made, { encoding: "utf8", recursive: true })) {
    if (name.endsWith(".d.ts")) cpSync(join(made, name), join(made, "runtime", name));
  }
  const old = `${made}.old`;
  if (existsSync(dist)) renameSync(dist, old);
  renameSync(made, dist);
  rmSync(old, { recursive: true, force: true });
}

if (process.argv[1] === file) await main();

/**
 * Builds `dist/`:
 *
 *     *.js, *.d.ts         the npm package: one module per source file
 *     runtime/             one minified module and its types, for a bundle to carry
 *     pyjsml.script.js     one minified script that sets `globalThis.pyjsml`, for engines that
 *                          refuse `import`
 */
import { execFileSync } from "node:child_process";
import { cpSync, readdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, "dist");
rmSync(dist, { recursive: true, force: true });

const typescript = dirname(createRequire(import.meta.url).resolve("typescript/package.json"));
const project = join(here, "tsconfig.build.json");
execFileSync(process.execPath, [join(typescript, "bin", "tsc"), "-p", project], {
  stdio: "inherit",
});

const shared = {
  entryPoints: [join(here, "src", "index.ts")],
  bundle: true,
  minify: true,
  charset: "ascii",
  target: "es2022",
  legalComments: "none",
  logLevel: "warning",
};
await Promise.all([
  build({ ...shared, format: "esm", outfile: join(dist, "runtime", "index.js") }),
  build({
    ...shared,
    format: "iife",
    globalName: "pyjsml",
    // A script may be evaluated inside a function, where `var` makes no global.
    footer: { js: "globalThis.pyjsml = pyjsml;" },
    outfile: join(dist, "pyjsml.script.js"),
  }),
]);
for (const file of readdirSync(dist)) {
  if (file.endsWith(".d.ts")) cpSync(join(dist, file), join(dist, "runtime", file));
}

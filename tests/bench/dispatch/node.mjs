// Measures in Node: `node node.mjs FOLDER OPTIONS`, where FOLDER has `scripts.json`, the paths of
// scripts in their order, and what the Python side has written beside it.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { runInThisContext } from "node:vm";

const [folder, options] = process.argv.slice(2);
const text = (name) => readFileSync(join(folder, name), "utf8");
for (const name of JSON.parse(text("scripts.json"))) runInThisContext(text(name));
const data = join(folder, "data");
const files = Object.fromEntries(
  readdirSync(data).map((name) => [name, new Uint8Array(readFileSync(join(data, name))).buffer]),
);
const { pyjsml, pyjsmlModel, pyjsmlListing, pyjsmlDispatch } = globalThis;
console.log(
  await pyjsmlDispatch.measure(pyjsml, pyjsmlModel, pyjsmlListing, files, JSON.parse(options)),
);

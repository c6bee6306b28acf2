// Aborts runs in Node: `node cancel-node.mjs FOLDER OPTIONS`, where FOLDER has `bundle`, a bundle, and
// `data`, what its executors take.
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { ABORTER, measure } from "./cancel.js";

const [folder, options] = process.argv.slice(2);
const load = (path) => import(pathToFileURL(resolve(folder, "bundle", path)).href);
const data = join(folder, "data");
const files = Object.fromEntries(
  readdirSync(data).map((name) => [name, new Uint8Array(readFileSync(join(data, name))).buffer]),
);

async function start(heard) {
  const ports = `const { parentPort } = require("node:worker_threads");
    const listen = (f) => parentPort.on("message", f);
    const post = (message) => parentPort.postMessage(message);`;
  const worker = new Worker(ports + ABORTER, { eval: true });
  worker.on("message", heard);
  return { post: (ms) => worker.postMessage(ms), end: () => worker.terminate() };
}

const { model } = await load("index.js");
const { runtime, ...rest } = JSON.parse(options);
console.log(await measure(await load(runtime), model, files, rest, start));

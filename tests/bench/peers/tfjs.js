// TF.js on its wasm back end, which is XNNPACK for most operators. Config: `{folder, graph,
// constants, threads}`.
import "@tensorflow/tfjs-backend-wasm";
import { setThreadsCount, setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import * as tf from "@tensorflow/tfjs-core";
import { load } from "./tfjs-graph.js";

export async function create({ folder, threads, ...model }, feed) {
  tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", threads > 1);
  setWasmPaths(folder);
  if (threads > 1) setThreadsCount(threads);
  await tf.setBackend("wasm");
  return load(model, feed);
}

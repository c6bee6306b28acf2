// TF.js on its WebGL back end. Config: `{graph, constants}`.
import "@tensorflow/tfjs-backend-webgl";
import * as tf from "@tensorflow/tfjs-core";
import { load } from "./tfjs-graph.js";

export async function create(model, feed) {
  await tf.setBackend("webgl");
  return load(model, feed);
}

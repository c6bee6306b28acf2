// TF.js reads no ONNX, so the graph is walked here, on whichever of its back ends is set.
import * as tf from "@tensorflow/tfjs-core";
import { readTensors } from "../../../pyjsml/bench/web/tensors.js";
import { OPS, ordered, plain, weightOrder } from "./tfjs-ops.js";

const ACTIVATIONS = { Relu: "relu", Sigmoid: "sigmoid" };

/** Load a graph and its constants, given as paths; return `{run}`, as contenders do. */
export async function load({ graph, constants }, feed) {
  const { nodes, outputs } = await (await fetch(graph)).json();
  const fixed = new Map();
  const arrays = readTensors(await (await fetch(constants)).arrayBuffer());
  for (const [name, { data, shape, dtype }] of Object.entries(arrays)) {
    fixed.set(name, plain(tf.tensor(data, shape, dtype)));
  }
  const steps = fuse(pack(nodes, fixed), fixed, outputs);
  const lacking = [...new Set(steps.map(({ op }) => op))].filter((op) => !OPS[op]);
  if (lacking.length) throw new Error(`not available: TF.js has no ${lacking.join(", ")}`);
  return {
    async run() {
      const made = tf.tidy(() => walk(steps, fixed, feed, outputs));
      const arrays = made.map((tensor) => tensor.dataSync());
      for (const tensor of made) tensor.dispose();
      return arrays;
    },
  };
}

function walk(steps, fixed, feed, outputs) {
  const values = new Map(fixed);
  for (const [name, { data, shape, dtype }] of Object.entries(feed)) {
    const narrow = dtype === "int64" ? Int32Array.from(data, Number) : data;
    values.set(name, plain(tf.tensor(narrow, shape, dtype === "int64" ? "int32" : dtype)));
  }
  for (const { op, inputs, outputs: names, attributes, activation } of steps) {
    const given = inputs.map((name) => values.get(name));
    const made = OPS[op](given, attributes, activation);
    for (const [index, name] of names.entries()) values.set(name, made[index]);
  }
  return outputs.map((name) => ordered(values.get(name)));
}

/** Bring weights into TF.js's layout, once. */
function pack(nodes, fixed) {
  for (const node of nodes) {
    const order = weightOrder(node);
    const name = node.inputs[1];
    if (!order) continue;
    const { t } = fixed.get(name);
    fixed.set(name, plain(tf.transpose(t, order)));
    t.dispose();
  }
  return nodes;
}

/** Hand activations and offsets to the product before them, as TF.js's own converter does. */
function fuse(nodes, fixed, outputs) {
  const users = new Map();
  for (const { inputs } of nodes) {
    for (const name of inputs) users.set(name, (users.get(name) ?? 0) + 1);
  }
  const makers = new Map();
  const kept = [];
  for (const node of nodes) {
    const maker = node.inputs.map((name) => makers.get(name)).find((found) => found);
    const alone = maker && users.get(maker.outputs[0]) === 1 && !outputs.includes(maker.outputs[0]);
    if (alone && absorb(maker, node, fixed)) {
      makers.delete(maker.outputs[0]);
      maker.outputs = node.outputs;
    } else {
      kept.push({ activation: "linear", ...node });
    }
    const last = kept.at(-1);
    if (["Conv", "MatMul", "Gemm"].includes(last.op)) makers.set(last.outputs[0], last);
  }
  return kept;
}

function absorb(maker, node, fixed) {
  if (maker.activation !== "linear") return false;
  const constant = (name) => fixed.get(name)?.t;
  const bounds = node.inputs.slice(1).map((name) => constant(name)?.dataSync()[0]);
  const isRelu6 = node.op === "Clip" && bounds[0] === 0 && bounds[1] === 6;
  if (ACTIVATIONS[node.op] || isRelu6) {
    maker.activation = isRelu6 ? "relu6" : ACTIVATIONS[node.op];
    return maker.op !== "MatMul" || constant(maker.inputs[1])?.rank === 2;
  }
  const offset = node.inputs.find((name) => constant(name)?.rank === 1);
  const fits = maker.op === "MatMul" && maker.inputs.length === 2;
  if (node.op !== "Add" || !fits || !offset || constant(maker.inputs[1])?.rank !== 2) return false;
  maker.inputs = [...maker.inputs, offset];
  return true;
}

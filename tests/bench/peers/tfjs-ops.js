// ONNX operators as calls of TF.js. A value is `{t, last}`: a tensor, and whether its channels come
// last, as TF.js's image kernels want them, where the graph says that they come second.
import * as tf from "@tensorflow/tfjs-core";

const LAST = [0, 2, 3, 1];
const SECOND = [0, 3, 1, 2];

export const plain = (t) => ({ t, last: false });
const image = (t) => ({ t, last: true });

/** The tensor as the graph means it. */
export const ordered = ({ t, last }) => (last ? tf.transpose(t, SECOND) : t);
const channelsLast = (value) => (value.last ? value.t : tf.transpose(value.t, LAST));
const axisOf = ({ t, last }, axis) => {
  const positive = axis < 0 ? axis + t.rank : axis;
  return last ? LAST.indexOf(positive) : positive;
};
const same = (value, t) => ({ t, last: value.last });

/** Two operands in one layout; what is constant or of lower rank comes to the image's. */
function both([a, b], apply) {
  if (a.last === b.last) return same(a, apply(a.t, b.t));
  if (a.t.size === 1 || b.t.size === 1) return { t: apply(a.t, b.t), last: a.last || b.last };
  return plain(apply(ordered(a), ordered(b)));
}

const unary = (apply) => (inputs) => [same(inputs[0], apply(inputs[0].t))];
const binary = (apply) => (inputs) => [both(inputs, apply)];

/** TF.js takes one padding for all sides, or `[top, bottom], [left, right]`. */
function padding([top, left, bottom, right]) {
  const all = [left, bottom, right].every((side) => side === top);
  return all
    ? top
    : [
        [0, 0],
        [top, bottom],
        [left, right],
        [0, 0],
      ];
}

function convolution([x, filter, bias], { group, strides, pads, dilations }, activation) {
  const deep = group === 1;
  if (!deep && (filter.t.shape[2] !== group || filter.t.shape[3] !== 1)) {
    throw new Error(`a convolution with ${group} groups has no kernel in TF.js`);
  }
  const options = {
    x: channelsLast(x),
    filter: filter.t,
    strides,
    pad: padding(pads),
    dilations,
    bias: bias?.t,
    activation,
    dimRoundingMode: "floor",
  };
  return [image(deep ? tf.fused.conv2d(options) : tf.fused.depthwiseConv2d(options))];
}

function transposedConvolution([x, filter, bias], { strides, pads }) {
  const t = channelsLast(x);
  const [batch, height, width] = t.shape;
  const [kernelHeight, kernelWidth, channels] = filter.t.shape;
  if (pads.some((pad) => pad)) throw new Error("a padded transposed convolution is not written");
  const shape = [
    batch,
    (height - 1) * strides[0] + kernelHeight,
    (width - 1) * strides[1] + kernelWidth,
    channels,
  ];
  const made = tf.conv2dTranspose(t, filter.t, shape, strides, "valid");
  return [image(bias ? tf.add(made, bias.t) : made)];
}

/** The order of a node's weights' axes as TF.js wants them, undefined where it is the graph's. */
export function weightOrder({ op, attributes }) {
  if (op === "ConvTranspose") return [2, 3, 1, 0];
  if (op === "Conv") return attributes.group === 1 ? [2, 3, 1, 0] : [2, 3, 0, 1];
  return op === "Gemm" && attributes.transB ? [1, 0] : undefined;
}

function product([a, b, bias], _attributes, activation) {
  const left = ordered(a);
  if (b.t.rank > 2) return [plain(tf.matMul(left, b.t))];
  const flat = tf.reshape(left, [-1, left.shape.at(-1)]);
  const made = tf.fused.matMul({ a: flat, b: b.t, bias: bias?.t, activation });
  return [plain(tf.reshape(made, [...left.shape.slice(0, -1), made.shape[1]]))];
}

function layerNorm([x, scale, offset], { epsilon }) {
  const centred = tf.sub(x.t, tf.mean(x.t, -1, true));
  const variance = tf.mean(tf.square(centred), -1, true);
  const normal = tf.mul(centred, tf.rsqrt(tf.add(variance, epsilon)));
  return [plain(tf.add(tf.mul(normal, scale.t), offset.t))];
}

function gelu([x], { approximate }) {
  const { t } = x;
  const half = tf.mul(t, 0.5);
  const inner =
    approximate === "tanh"
      ? tf.tanh(
          tf.mul(tf.add(t, tf.mul(tf.mul(tf.square(t), t), 0.044715)), Math.sqrt(2 / Math.PI)),
        )
      : tf.erf(tf.mul(t, Math.SQRT1_2));
  return [same(x, tf.mul(half, tf.add(inner, 1)))];
}

function reduce(apply) {
  return ([x, axes], { keepdims }) => {
    const over = [...axes.t.dataSync()].map((axis) => axisOf(x, axis));
    const t = apply(x.t, over, Boolean(keepdims));
    return [{ t, last: x.last && t.rank === 4 }];
  };
}

function slice([x, starts, ends, axes, steps]) {
  const t = ordered(x);
  const [from, to, over] = [starts, ends, axes].map(({ t: list }) => [...list.dataSync()]);
  if (steps && [...steps.t.dataSync()].some((step) => step !== 1)) {
    throw new Error("a slice with steps is not written");
  }
  const begin = t.shape.map(() => 0);
  const size = [...t.shape];
  for (const [index, axis] of over.entries()) {
    begin[axis] = from[index];
    size[axis] = Math.min(to[index], t.shape[axis]) - from[index];
  }
  return [plain(tf.slice(t, begin, size))];
}

/** By operator: inputs, attributes → outputs. A missing one is TF.js's lack, or this file's. */
export const OPS = {
  Add: binary(tf.add),
  Clip: ([x, low, high]) => [
    same(x, tf.clipByValue(x.t, low.t.dataSync()[0], high.t.dataSync()[0])),
  ],
  Concat(inputs, { axis }) {
    const last = inputs.some((value) => value.last);
    const tensors = inputs.map((value) => (last ? channelsLast(value) : value.t));
    return [{ t: tf.concat(tensors, axisOf({ t: tensors[0], last }, axis)), last }];
  },
  Conv: convolution,
  ConvTranspose: transposedConvolution,
  Gather: ([x, indices], { axis }) => [
    plain(tf.gather(ordered(x), tf.cast(indices.t, "int32"), axis)),
  ],
  Gelu: gelu,
  Gemm: product,
  LayerNormalization: layerNorm,
  MatMul: product,
  MaxPool: ([x], { kernel_shape, strides, pads }) => [
    image(tf.maxPool(channelsLast(x), kernel_shape, strides, pads[0], "floor")),
  ],
  Mul: binary(tf.mul),
  ReduceMean: reduce(tf.mean),
  ReduceSum: reduce(tf.sum),
  Relu: unary(tf.relu),
  Reshape: ([x, shape]) => [plain(tf.reshape(ordered(x), [...shape.t.dataSync()]))],
  Resize([x, , scales]) {
    const t = channelsLast(x);
    const [, , up, across] = scales.t.dataSync();
    return [image(tf.image.resizeNearestNeighbor(t, [t.shape[1] * up, t.shape[2] * across]))];
  },
  Sigmoid: unary(tf.sigmoid),
  Slice: slice,
  Softmax([x], { axis }) {
    const t = ordered(x);
    const at = axis < 0 ? axis + t.rank : axis;
    if (at === t.rank - 1) return [plain(tf.softmax(t))];
    const order = t.shape.map((_, index) => index);
    [order[at], order[t.rank - 1]] = [order[t.rank - 1], order[at]];
    return [plain(tf.transpose(tf.softmax(tf.transpose(t, order)), order))];
  },
  Split: ([x], { axis, num_outputs }) =>
    tf.split(x.t, num_outputs, axisOf(x, axis)).map((part) => same(x, part)),
  Transpose: ([x], { perm }) => [plain(tf.transpose(ordered(x), perm))],
};

"""Operators of images, which are computed channels last: convolutions, pools, resizes, norms."""

from __future__ import annotations

from collections.abc import Mapping

from tvm import relax

from pyjsml.optimize import convolution
from pyjsml.optimize.layout.forms import NHWC, Activations, Handler, is_one
from pyjsml.optimize.rewrite import dtype_of, emit, op_name, same_shape, shape_of
from pyjsml.optimize.simplify import mean, reshape


def _convolution(activations: Activations, var: relax.Var, call: relax.Call) -> bool:
    if call.attrs.data_layout != "NCHW" or call.attrs.kernel_layout not in ("OIHW", "IOHW"):
        return False
    lower = convolution.LOWER[op_name(call)]
    builder = activations.builder
    weight = activations.plain(call.args[1])
    result = lower(builder, activations.last(call.args[0]), weight, call.attrs, activations.flat)
    size = [shape_of(var)[axis] for axis in NHWC]
    if not same_shape(tuple(size), tuple(result.shape)):
        whole = emit(builder, reshape(builder, builder.emit(result.value), result.shape))
        cut = relax.op.strided_slice(whole, [1, 2], [0, 0], size[1:3], assume_inbound=True)
        activations.define_last(var, cut)
        return True
    # The kernel's result has the node's elements, whatever the shape that it is computed in.
    bound = activations.bind(result.value, var.name)
    activations.define_last(var, emit(builder, reshape(builder, bound, result.shape)))
    return True


def _pool(activations: Activations, var: relax.Var, call: relax.Call) -> bool:
    attrs = call.attrs
    if attrs.layout != "NCHW":
        return False
    pool = relax.op.nn.max_pool2d if "max" in op_name(call) else relax.op.nn.avg_pool2d
    value = pool(
        activations.last(call.args[0]),
        list(attrs.pool_size),
        list(attrs.strides),
        list(attrs.padding),
        list(attrs.dilation),
        attrs.ceil_mode,
        attrs.count_include_pad,
        layout="NHWC",
    )
    activations.define_last(var, value)
    return True


def _adaptive_pool(activations: Activations, var: relax.Var, call: relax.Call) -> bool:
    x = activations.last(call.args[0])
    if all(is_one(size) for size in shape_of(var)[2:]):
        activations.define_last(var, _mean_of_pixels(activations.builder, x))
    else:
        size = list(call.attrs.output_size)
        activations.define_last(var, relax.op.nn.adaptive_avg_pool2d(x, size, layout="NHWC"))
    return True


def _resize(activations: Activations, var: relax.Var, call: relax.Call) -> bool:
    attrs = call.attrs
    if attrs.layout != "NCHW" or not activations.is_last(call.args[0]):
        return False
    value = relax.op.image.resize2d(
        activations.last(call.args[0]),
        call.args[1],
        list(attrs.roi),
        "NHWC",
        attrs.method,
        attrs.coordinate_transformation_mode,
        attrs.rounding_method,
        attrs.cubic_alpha,
        attrs.cubic_exclude,
        attrs.extrapolation_value,
    )
    activations.define_last(var, value)
    return True


def _instance_norm(activations: Activations, var: relax.Var, call: relax.Call) -> bool:
    attrs = call.attrs
    axes = {int(axis) % 4 for axis in attrs.axes}
    if len(shape_of(var)) != 4 or int(attrs.channel_axis) != 1 or not axes <= {2, 3}:
        return False
    builder = activations.builder
    x = activations.last(call.args[0])
    gamma, beta = activations.plain(call.args[1]), activations.plain(call.args[2])
    epsilon = relax.const(attrs.epsilon, dtype_of(x))
    centre = builder.emit(_mean_of_pixels(builder, x))
    centred = builder.emit(relax.op.subtract(x, centre))
    squares = builder.emit(relax.op.multiply(centred, centred))
    variance = builder.emit(_mean_of_pixels(builder, squares))
    deviation = builder.emit(relax.op.sqrt(builder.emit(relax.op.add(variance, epsilon))))
    scale = builder.emit(relax.op.divide(gamma, deviation))
    scaled = builder.emit(relax.op.multiply(centred, scale))
    activations.define_last(var, relax.op.add(scaled, beta))
    return True


def _mean_of_pixels(builder: relax.BlockBuilder, x: relax.Expr) -> relax.Expr:
    """Average [N, H, W, C] over H and W; the result is [N, 1, 1, C]."""
    rows = builder.emit(mean(builder, x, [2], keepdims=True))
    return mean(builder, rows, [1], keepdims=True)


HANDLERS: Mapping[str, Handler] = {
    "relax.nn.conv2d": _convolution,
    "relax.nn.conv2d_transpose": _convolution,
    "relax.nn.max_pool2d": _pool,
    "relax.nn.avg_pool2d": _pool,
    "relax.nn.adaptive_avg_pool2d": _adaptive_pool,
    "relax.image.resize2d": _resize,
    "relax.nn.instance_norm": _instance_norm,
}
"""By operator: how it is computed channels last."""

"""Choose the layout of activations: channels last wherever convolutions and pools are.

Vectors then run along the channels in every kernel. Each value may exist in two forms, as the model
has it (NCHW) and channels last (NHWC); a form is made when something first asks for it, so a
transpose stands only where a network enters or leaves its convolutional part.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import tvm
from tvm import relax

from pyjsml.kernels.dims import FlatDims
from pyjsml.optimize import convolution
from pyjsml.optimize.elementwise import ELEMENTWISE
from pyjsml.optimize.rewrite import (
    bindings,
    dtype_of,
    emit,
    op_name,
    operands,
    same_shape,
    shape_of,
    substitute,
    without_main,
)
from pyjsml.optimize.simplify import mean, reshape

NHWC = (0, 2, 3, 1)
"""Axis i of an NHWC tensor is axis NHWC[i] of the NCHW tensor."""
NCHW = (0, 3, 1, 2)
"""Axis i of an NCHW tensor is axis NCHW[i] of the NHWC tensor; also where an NCHW axis has gone."""
NCHW_AXIS_IN_NHWC = (0, 3, 1, 2)


class Activations:
    """The function under construction, with the form or forms in which each value exists."""

    def __init__(
        self, builder: relax.BlockBuilder, layouts: dict[str, tuple[int, ...]], flat: FlatDims
    ) -> None:
        self.builder = builder
        self.layouts = layouts
        self.flat = flat
        self._plain: dict[relax.Var, relax.Expr] = {}
        self._last: dict[relax.Var, relax.Expr] = {}

    def define(self, var: relax.Var, value: relax.Expr) -> None:
        """Bind `value`, which is in the model's own layout, to the name of `var`."""
        self._plain[var] = emit(self.builder, value, var.name)

    def define_last(self, var: relax.Var, value: relax.Expr) -> None:
        """Give `var` the channels-last `value`, and its name too if `value` is not bound yet."""
        if not isinstance(value, relax.Var):
            value = self.bind(value, var.name)
        self._last[var] = value

    def bind(self, value: relax.Expr, name: str) -> relax.Var:
        """Bind a channels-last value to a name of the model."""
        bound = self.builder.emit(value, name_hint=name)
        self.layouts[bound.name] = NHWC
        return bound

    def is_last(self, expr: relax.Expr) -> bool:
        """Say whether `expr` was computed channels last."""
        return isinstance(expr, relax.Var) and expr in self._last

    def plain(self, expr: relax.Expr) -> relax.Expr:
        """Return `expr` of the old function in the model's own layout, in the new function."""
        if isinstance(expr, relax.Var) and expr not in self._plain and expr in self._last:
            last = self._last[expr]
            self._plain[expr] = self._transposed(last, NCHW, channels=3)
        return substitute(expr, self._plain)

    def last(self, expr: relax.Expr) -> relax.Expr:
        """Return `expr` of the old function channels last, in the new function.

        Tensors of a lower rank broadcast against NCHW, so they are given its rank first.
        """
        if isinstance(expr, relax.Var) and expr in self._last:
            return self._last[expr]
        shape = list(shape_of(expr))
        if not shape:
            return self.plain(expr)
        if isinstance(expr, tvm.ir.GenericConst):
            array = expr.value.numpy().reshape((1,) * (4 - len(shape)) + expr.value.numpy().shape)
            return relax.const(np.ascontiguousarray(array.transpose(NHWC)), dtype_of(expr))
        full = self.plain(expr)
        if len(shape) < 4:
            ones: list[tvm.ir.Expr | int] = [1] * (4 - len(shape))
            full = emit(self.builder, reshape(self.builder, full, [*ones, *shape]))
        moved = self._transposed(full, NHWC, channels=1)
        if isinstance(expr, relax.Var):
            self._last[expr] = moved
        return moved

    def operands_to_plain(self, value: relax.Expr) -> relax.Expr:
        """Return `value` over operands in the model's own layout."""
        for var in operands(value):
            self.plain(var)
        return substitute(value, self._plain)

    def _transposed(self, x: relax.Expr, order: tuple[int, ...], channels: int) -> relax.Expr:
        sizes = shape_of(x)
        spatial = [axis for axis in (1, 2, 3) if axis != channels]
        if _is_one(sizes[channels]) or all(_is_one(sizes[axis]) for axis in spatial):
            return emit(self.builder, reshape(self.builder, x, [sizes[axis] for axis in order]))
        return self.builder.emit(relax.op.permute_dims(x, list(order)))


Handler = Callable[[Activations, relax.Var, relax.Call], bool]


def choose_layout(
    module: tvm.IRModule, flat: FlatDims
) -> tuple[tvm.IRModule, dict[str, tuple[int, ...]]]:
    """Return `module` with its convolutional parts channels last, and those values' layouts."""
    main = module["main"]
    layouts: dict[str, tuple[int, ...]] = {}
    builder = relax.BlockBuilder(without_main(module))
    activations = Activations(builder, layouts, flat)
    with builder.function("main", params=list(main.params), attrs=dict(main.attrs or {})):
        for binding in bindings(module):
            handler = HANDLERS.get(op_name(binding.value))
            if handler is None or not handler(activations, binding.var, binding.value):
                activations.define(binding.var, activations.operands_to_plain(binding.value))
        builder.emit_func_output(activations.operands_to_plain(main.body.body))
    result = relax.transform.DeadCodeElimination(["main"])(builder.finalize())
    return result, layouts


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
    if all(_is_one(size) for size in shape_of(var)[2:]):
        activations.define_last(var, _mean_of_pixels(activations.builder, x))
    else:
        size = list(call.attrs.output_size)
        activations.define_last(var, relax.op.nn.adaptive_avg_pool2d(x, size, layout="NHWC"))
    return True


def _reduction(activations: Activations, var: relax.Var, call: relax.Call) -> bool:
    if not activations.is_last(call.args[0]) or call.attrs.axis is None:
        return False
    axes = {int(axis) % 4 for axis in call.attrs.axis}
    moved = sorted(NCHW_AXIS_IN_NHWC[axis] for axis in axes)
    function = getattr(relax.op, op_name(call).removeprefix("relax."))
    x = activations.last(call.args[0])
    if axes >= {2, 3} and op_name(call) == "relax.sum":
        x = _sum_of_rows(activations.builder, x)
    value = function(x, moved, keepdims=call.attrs.keepdims)
    if call.attrs.keepdims:
        activations.define_last(var, value)
        return True
    if axes == {2, 3}:
        activations.define(var, value)
        return True
    return False


def _elementwise(activations: Activations, var: relax.Var, call: relax.Call) -> bool:
    tensors = [arg for arg in call.args if isinstance(arg.ty, relax.TensorType)]
    if len(shape_of(var)) != 4 or not any(activations.is_last(tensor) for tensor in tensors):
        return False
    arguments = [activations.last(arg) if arg in tensors else arg for arg in call.args]
    activations.define_last(var, relax.Call(call.op, arguments, call.attrs))
    return True


def _quantization(activations: Activations, var: relax.Var, call: relax.Call) -> bool:
    x, *parameters = call.args
    if not activations.is_last(x):
        return False
    axis = NCHW_AXIS_IN_NHWC[int(call.attrs.axis) % 4]
    function = getattr(relax.op, op_name(call).removeprefix("relax."))
    numbers = [activations.plain(parameter) for parameter in parameters]
    value = function(activations.last(x), *numbers, axis, call.attrs.out_dtype)
    activations.define_last(var, value)
    return True


def _concat(activations: Activations, var: relax.Var, call: relax.Call) -> bool:
    parts = call.args[0]
    if not isinstance(parts, relax.Tuple) or not any(map(activations.is_last, parts.fields)):
        return False
    axis = NCHW_AXIS_IN_NHWC[int(call.attrs.axis) % 4]
    value = relax.op.concat([activations.last(part) for part in parts.fields], axis)
    activations.define_last(var, value)
    return True


def _slice(activations: Activations, var: relax.Var, call: relax.Call) -> bool:
    if not activations.is_last(call.args[0]):
        return False
    axes, *bounds = call.args[1:]
    moved = relax.Tuple([_prim(NCHW_AXIS_IN_NHWC[int(axis.value) % 4]) for axis in axes.fields])
    arguments = [activations.last(call.args[0]), moved, *bounds]
    activations.define_last(var, relax.Call(call.op, arguments, call.attrs))
    return True


def _pad(activations: Activations, var: relax.Var, call: relax.Call) -> bool:
    if not activations.is_last(call.args[0]):
        return False
    width = [int(size) for size in call.attrs.pad_width]
    moved = [size for axis in NHWC for size in width[2 * axis : 2 * axis + 2]]
    fill, mode = call.attrs.pad_value, call.attrs.pad_mode
    value = relax.op.nn.pad(activations.last(call.args[0]), moved, mode, fill)
    activations.define_last(var, value)
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


def _sum_of_rows(builder: relax.BlockBuilder, x: relax.Expr) -> relax.Expr:
    """Sum [N, H, W, C] over W: one sum over all pixels, in one accumulator, would lose digits."""
    return builder.emit(relax.op.sum(x, [2], keepdims=True))


def _prelu(activations: Activations, var: relax.Var, call: relax.Call) -> bool:
    if int(call.attrs.axis) != 1 or not activations.is_last(call.args[0]):
        return False
    slope = activations.plain(call.args[1])
    activations.define_last(var, relax.op.nn.prelu(activations.last(call.args[0]), slope, 3))
    return True


def _softmax(activations: Activations, var: relax.Var, call: relax.Call) -> bool:
    if not activations.is_last(call.args[0]):
        return False
    axis = NCHW_AXIS_IN_NHWC[int(call.attrs.axis) % 4]
    function = getattr(relax.op.nn, op_name(call).removeprefix("relax.nn."))
    activations.define_last(var, function(activations.last(call.args[0]), axis))
    return True


def _transpose(activations: Activations, var: relax.Var, call: relax.Call) -> bool:
    if not activations.is_last(call.args[0]):
        return False
    order = call.attrs.axes
    axes = [int(axis) % 4 for axis in order] if order is not None else [3, 2, 1, 0]
    moved = [NCHW_AXIS_IN_NHWC[axis] for axis in axes]
    x = activations.last(call.args[0])
    value = x if moved == [0, 1, 2, 3] else relax.op.permute_dims(x, moved)
    activations.define(var, value)
    return True


def _is_one(size: tvm.ir.Expr) -> bool:
    return isinstance(size, tvm.tirx.IntImm) and int(size) == 1


def _prim(value: int) -> tvm.ir.Expr:
    return tvm.tirx.IntImm("int64", value)


HANDLERS: Mapping[str, Handler] = {
    **dict.fromkeys(ELEMENTWISE, _elementwise),
    "relax.nn.conv2d": _convolution,
    "relax.nn.conv2d_transpose": _convolution,
    "relax.nn.max_pool2d": _pool,
    "relax.nn.avg_pool2d": _pool,
    "relax.nn.adaptive_avg_pool2d": _adaptive_pool,
    "relax.quantize": _quantization,
    "relax.dequantize": _quantization,
    "relax.sum": _reduction,
    "relax.max": _reduction,
    "relax.min": _reduction,
    "relax.concat": _concat,
    "relax.strided_slice": _slice,
    "relax.nn.pad": _pad,
    "relax.image.resize2d": _resize,
    "relax.nn.instance_norm": _instance_norm,
    "relax.nn.prelu": _prelu,
    "relax.nn.softmax": _softmax,
    "relax.nn.log_softmax": _softmax,
    "relax.permute_dims": _transpose,
}

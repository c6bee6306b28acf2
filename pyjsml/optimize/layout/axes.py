"""Operators that follow the layout of their operand: the axes that they name are renamed."""

from __future__ import annotations

from collections.abc import Mapping

import tvm
from tvm import relax

from pyjsml.optimize.elementwise import ELEMENTWISE
from pyjsml.optimize.layout.forms import NCHW_AXIS_IN_NHWC, NHWC, Activations, Handler
from pyjsml.optimize.rewrite import op_name, shape_of


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


def _sum_of_rows(builder: relax.BlockBuilder, x: relax.Expr) -> relax.Expr:
    """Sum [N, H, W, C] over W: one sum over all pixels, in one accumulator, would lose digits."""
    return builder.emit(relax.op.sum(x, [2], keepdims=True))


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


def _prim(value: int) -> tvm.ir.Expr:
    return tvm.tirx.IntImm("int64", value)


HANDLERS: Mapping[str, Handler] = {
    **dict.fromkeys(ELEMENTWISE, _elementwise),
    "relax.quantize": _quantization,
    "relax.dequantize": _quantization,
    "relax.sum": _reduction,
    "relax.max": _reduction,
    "relax.min": _reduction,
    "relax.concat": _concat,
    "relax.strided_slice": _slice,
    "relax.nn.pad": _pad,
    "relax.nn.prelu": _prelu,
    "relax.nn.softmax": _softmax,
    "relax.nn.log_softmax": _softmax,
    "relax.permute_dims": _transpose,
}
"""By operator: how it is computed channels last, where its operand is."""

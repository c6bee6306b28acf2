"""The rewriting of a whole function, operator by operator."""

from __future__ import annotations

import tvm
from tvm import relax

from pyjsml.kernels.tir.dims import FlatDims
from pyjsml.optimize.layout import axes, images
from pyjsml.optimize.layout.forms import Activations
from pyjsml.optimize.rewrite import bindings, op_name, without_main


def choose_layout(
    module: tvm.IRModule, flat: FlatDims
) -> tuple[tvm.IRModule, dict[str, tuple[int, ...]]]:
    """Return `module` with its convolutional parts channels last, and those values' layouts."""
    handlers = {**axes.HANDLERS, **images.HANDLERS}
    main = module["main"]
    layouts: dict[str, tuple[int, ...]] = {}
    builder = relax.BlockBuilder(without_main(module))
    activations = Activations(builder, layouts, flat)
    with builder.function("main", params=list(main.params), attrs=dict(main.attrs or {})):
        for binding in bindings(module):
            handler = handlers.get(op_name(binding.value))
            if handler is None or not handler(activations, binding.var, binding.value):
                activations.define(binding.var, activations.operands_to_plain(binding.value))
        builder.emit_func_output(activations.operands_to_plain(main.body.body))
    result = relax.transform.DeadCodeElimination(["main"])(builder.finalize())
    return result, layouts

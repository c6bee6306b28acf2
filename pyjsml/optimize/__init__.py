"""The optimize stage: rewrites the module into one TIR function per op."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import MappingProxyType

from pyjsml.kernels.tir.dims import FlatDims, named_dims
from pyjsml.optimize.attention import fuse_attention
from pyjsml.optimize.batch_norm import fold_batch_norm
from pyjsml.optimize.fuse import fuse
from pyjsml.optimize.layout import choose_layout
from pyjsml.optimize.legalize import legalize
from pyjsml.optimize.matrix import lower_matmul
from pyjsml.optimize.parts import expose_parts
from pyjsml.optimize.quantize import multiply_integers
from pyjsml.optimize.simplify import simplify
from pyjsml.optimize.views import sink_views
from pyjsml.program import Program


def optimize(program: Program, devices: Sequence[str] = ("wasm",)) -> Program:
    """Rewrite `module`: folded, laid out, fused. Adds `flat_dims`, `layouts` and `fusions`.

    It is fused as suits kernels for all of `devices`: a shader would ask for each element in which
    part of a concatenation it lies. Raises UnsupportedOpError for operators that have no kernel.
    """
    module, origins = simplify(program.module, program.origins)
    module = fuse_attention(module)
    module, origins = fold_batch_norm(module, origins)
    module = multiply_integers(module, program.constants)
    flat = FlatDims(named_dims(module["main"], program.signature))
    module, layouts = choose_layout(module, flat)
    module = lower_matmul(module, flat)
    parts = "webgl2" not in devices
    if parts:
        module, origins = expose_parts(module, origins)
    module = sink_views(module)
    module, origins = simplify(module, origins)
    module = legalize(module, origins)
    module, fusions = fuse(module, parts=parts)
    return replace(
        program,
        module=module,
        origins=MappingProxyType(origins),
        flat_dims=MappingProxyType(flat.sizes),
        layouts=MappingProxyType(layouts),
        fusions=MappingProxyType(fusions),
    )


__all__ = ["optimize"]

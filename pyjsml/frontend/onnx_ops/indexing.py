"""Gathers and scatters; `optimize.indexing` takes care of negative indices."""

from __future__ import annotations

from typing import Any

from tvm import relax

from pyjsml.frontend.onnx_ops.common import Attributes, Inputs, text


def gather(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert Gather."""
    return relax.op.take(inputs[0], inputs[1], attributes.get("axis", 0))


def gather_elements(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert GatherElements."""
    return relax.op.gather_elements(inputs[0], inputs[1], attributes.get("axis", 0))


def gather_nd(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert GatherND."""
    return relax.op.gather_nd(inputs[0], inputs[1], attributes.get("batch_dims", 0))


def scatter_elements(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert ScatterElements."""
    return relax.op.scatter_elements(*inputs, attributes.get("axis", 0), _reduction(attributes))


def scatter_nd(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert ScatterND."""
    return relax.op.scatter_nd(*inputs, _reduction(attributes))


def _reduction(attributes: Attributes) -> str:
    reduction = text(attributes, "reduction", "none")
    return "update" if reduction == "none" else reduction

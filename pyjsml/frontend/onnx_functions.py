"""Operators that ONNX itself defines by simpler ones: models are written out in those."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pyjsml.frontend.extras import require
from pyjsml.frontend.onnx_names import plain_names

if TYPE_CHECKING:
    from onnx import FunctionProto, ModelProto, NodeProto

COMPOSED = frozenset(
    {
        ("", "Attention"),
        ("", "BlackmanWindow"),
        ("", "CausalConvWithState"),
        ("", "Celu"),
        ("", "CenterCropPad"),
        ("", "HammingWindow"),
        ("", "HannWindow"),
        ("", "LinearAttention"),
        ("", "NegativeLogLikelihoodLoss"),
        ("", "RotaryEmbedding"),
        ("", "SoftmaxCrossEntropyLoss"),
        ("", "SwiGLU"),
        ("", "Swish"),
        ("ai.onnx.preview", "FlexAttention"),
    }
)
"""Operators, with their domains, that are compiled as ONNX writes them out."""
_DOMAIN = "pyjsml.written_out"
"""Where the functions are that the nodes of a model become calls of, until they are inlined."""


def write_out(model: ModelProto) -> ModelProto:
    """Return a copy of the model, with local functions inlined and `COMPOSED` nodes written out.

    A node stays whole where the types of its inputs can't be told.
    """
    require("onnx")
    from onnx import inliner

    if model.functions:
        model = inliner.inline_local_functions(model)
    # What one is written out in may be written out, too.
    while (called := _with_calls(model)).functions:
        model = inliner.inline_local_functions(called)
    return called


def _with_calls(model: ModelProto) -> ModelProto:
    """Return a copy of the model in which the nodes of `COMPOSED` call functions of their own."""
    import onnx

    called = onnx.ModelProto()
    called.CopyFrom(model)
    composed = [node for node in called.graph.node if (node.domain, node.op_type) in COMPOSED]
    types = _types(model) if composed else {}
    opsets = {entry.domain: entry.version for entry in model.opset_import}
    for node in composed:
        if not all(name in types for name in node.input if name):
            continue
        plain_names(node)
        function = _definition(node, types, opsets.get(node.domain, 1))
        function.domain, function.name = _DOMAIN, f"{node.op_type}_{len(called.functions)}"
        # Or a function of an older opset, in whose nodes nothing has changed, would not be inlined.
        del function.opset_import[:]
        function.opset_import.extend(model.opset_import)
        called.functions.append(function)
        node.domain, node.op_type = function.domain, function.name
    if called.functions:
        called.opset_import.append(onnx.helper.make_opsetid(_DOMAIN, 1))
    return called


def _definition(node: NodeProto, types: Mapping[str, Any], opset: int) -> FunctionProto:
    """Return what ONNX defines `node` by. Attributes that it leaves out are given to it."""
    import onnx

    # The stubs of onnx do not tell of a schema's functions.
    schema: Any = onnx.defs.get_schema(node.op_type, opset, node.domain)
    present = {attribute.name for attribute in node.attribute}
    for name, attribute in schema.attributes.items():
        if name not in present and attribute.default_value.name:
            node.attribute.append(attribute.default_value)
    if versions := schema.context_dependent_function_opset_versions:
        # An input that is left out has a type, too: an empty one.
        given = [types.get(name, onnx.TypeProto()).SerializeToString() for name in node.input]
        data = schema.get_context_dependent_function_with_opset_version(
            max(version for version in versions if version <= opset),
            node.SerializeToString(),
            given,
        )
    else:
        versions = schema.function_opset_versions
        data = schema.get_function_with_opset_version(max(v for v in versions if v <= opset))
    function = onnx.FunctionProto()
    function.ParseFromString(data)
    return function


def _types(model: ModelProto) -> dict[str, Any]:
    """Return the types of values by name, as far as they can be told."""
    import onnx

    graph = onnx.shape_inference.infer_shapes(model).graph
    types = {value.name: value.type for value in (*graph.input, *graph.value_info, *graph.output)}
    for tensor in graph.initializer:
        types[tensor.name] = onnx.helper.make_tensor_type_proto(tensor.data_type, tensor.dims)
    return types

"""ONNX files: reading, checking and folding them, before anything of TVM is involved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyjsml.errors import ModelError, OptionError
from pyjsml.frontend.extras import require
from pyjsml.frontend.onnx_bodies import subgraphs
from pyjsml.frontend.onnx_functions import write_out
from pyjsml.frontend.onnx_sparse import densify
from pyjsml.frontend.onnx_tidy import tidy
from pyjsml.frontend.onnx_unroll import unroll
from pyjsml.frontend.options import Inputs, check_inputs
from pyjsml.frontend.quiet import quiet, sentence

if TYPE_CHECKING:
    from onnx import ModelProto, ValueInfoProto


def read(path: Path) -> ModelProto:
    """Read and check the ONNX file `path`; raise ModelError if it can't be read or is malformed."""
    onnx = require("onnx")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path} can't be read: {error.strerror}.") from error
    if not data:
        raise ModelError(f"{path} is empty; export the model again.")
    try:
        model: ModelProto = onnx.load_model_from_string(data)
    except Exception as error:  # protobuf's own class, which has no stable place
        raise ModelError(
            f"{path} is no ONNX model, or is truncated; export or download it again."
        ) from error
    if not model.graph.output:
        raise ModelError(f"{path} is no ONNX model: it holds no graph with an output.")
    _load_external_data(onnx, model, path)
    return checked(model, str(path))


def checked(model: ModelProto, what: str) -> ModelProto:
    """Return the model, put in order if it has to be.

    Raises ModelError, which calls it `what`, if it is malformed.
    """
    onnx = require("onnx")
    model = tidy(model, what)
    typeless = [value for value in model.graph.output if not value.type.WhichOneof("value")]
    shapeless = [
        value.type.tensor_type
        for value in (*model.graph.input, *model.graph.output)
        if value.type.HasField("tensor_type") and not value.type.tensor_type.HasField("shape")
    ]
    try:
        # The checker asks for types and shapes that runtimes, and we, do without.
        for value in typeless:
            value.type.tensor_type.elem_type = onnx.TensorProto.FLOAT
            value.type.tensor_type.shape.SetInParent()
        for tensor in shapeless:
            tensor.shape.SetInParent()
        # Shape inference as part of the check raises on models that every runtime accepts.
        onnx.checker.check_model(model, full_check=False)
    except onnx.checker.ValidationError as error:
        raise ModelError(f"{what} is no valid ONNX model: {sentence(error)}") from error
    except ValueError:
        # Protobuf can't serialise more than 2 GiB for the checker. Such a model was read whole,
        # and what is wrong with it shows during conversion.
        pass
    finally:
        for value in typeless:
            value.ClearField("type")
        for tensor in shapeless:
            tensor.ClearField("shape")
    return model


def override_inputs(model: ModelProto, inputs: Inputs) -> None:
    """Give the model's inputs the shapes of `inputs`, in place.

    Shapes recorded for intermediate and output values are dropped, since they no longer hold.
    Raises OptionError that lists every override that doesn't fit.
    """
    onnx = require("onnx")
    graph_inputs = {value.name: value for value in user_inputs(model)}
    check_inputs(inputs, list(graph_inputs))
    problems = []
    for name, spec in inputs.items():
        tensor = graph_inputs[name].type.tensor_type
        dtype = str(onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type))
        if spec.dtype != dtype:
            problems.append(f"{name!r} is {dtype} in the model, not {spec.dtype}")
        if tensor.HasField("shape") and len(tensor.shape.dim) != len(spec.shape):
            problems.append(
                f"{name!r} has {len(tensor.shape.dim)} axes in the model, not {len(spec.shape)}"
            )
        tensor.ClearField("shape")
        shape = tensor.shape
        for size in spec.shape:
            if isinstance(size, int):
                shape.dim.add().dim_value = size
            else:
                shape.dim.add().dim_param = str(size)
    if problems:
        raise OptionError("--input does not fit the model:", problems)
    if inputs:
        del model.graph.value_info[:]
        for output in model.graph.output:
            output.type.tensor_type.ClearField("shape")


def user_inputs(model: ModelProto) -> list[ValueInfoProto]:
    """Return the graph's inputs that aren't weights: files before IR version 4 list those too."""
    initializers = {tensor.name for tensor in model.graph.initializer}
    return [value for value in model.graph.input if value.name not in initializers]


def fold(model: ModelProto) -> ModelProto:
    """Return a copy with functions and short loops written out, and what is constant computed.

    Exporters write shapes as chains of small nodes (Shape, Gather, Concat, ConstantOfShape), which
    only make sense as constants. Weights are left as they are.
    """
    require("onnx")
    require("onnxscript")

    try:
        with quiet():
            written = write_out(model)
            densify(written)
            folded = _fold(written)
            # How many steps a loop takes may hang on shapes, which have only now been told, or on
            # the step of a loop around it.
            while (unrolled := unroll(folded)) is not folded:
                folded = _fold(unrolled)
            return folded
    except (ValueError, TypeError, RuntimeError) as error:  # damage that the checker lets pass
        raise ModelError(
            f"The ONNX model can't be simplified, and may be corrupt ({sentence(error)[:-1]}): "
            "export or download it again."
        ) from error


def _fold(model: ModelProto) -> ModelProto:
    import onnx_ir
    from onnxscript import optimizer

    folded = onnx_ir.from_proto(model)
    optimizer.fold_constants(
        folded,
        onnx_shape_inference=True,
        # Left alone by default, though most Pad and Reshape arguments pass through one.
        should_fold=lambda node: True if node.op_type == "ConstantOfShape" else None,
    )
    optimizer.remove_unused_nodes(folded)
    return onnx_ir.to_proto(folded)


def attributes(node: Any) -> dict[str, Any]:
    """Return the attributes of a node by name; lists, which may be empty, as tuples."""
    onnx = require("onnx")
    values = {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}
    return {
        name: value if isinstance(value, bytes) or not isinstance(value, Iterable) else tuple(value)
        for name, value in values.items()
    }


def nodes(graph: Any) -> Iterator[Any]:
    """Yield the nodes of `graph` and of every graph inside it."""
    for node in graph.node:
        yield node
        for inner in subgraphs(node):
            yield from nodes(inner)


def tensors(graph: Any) -> Iterator[Any]:
    """Yield the weights and constants of `graph` and of every graph inside it."""
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
        for inner in subgraphs(node):
            yield from tensors(inner)


def _load_external_data(onnx: Any, model: ModelProto, path: Path) -> None:
    from onnx import external_data_helper

    for tensor in tensors(model.graph):
        if not external_data_helper.uses_external_data(tensor):
            continue
        location = external_data_helper.ExternalDataInfo(tensor).location
        try:
            external_data_helper.load_external_data_for_tensor(tensor, str(path.parent))
        except Exception as error:
            raise ModelError(
                f"{path} keeps the weight {tensor.name!r} in the file {location!r} beside it, "
                f"which is missing or can't be read: {sentence(error)}"
            ) from error
        tensor.data_location = onnx.TensorProto.DEFAULT
        del tensor.external_data[:]

"""What goes into ONNX models and comes out of them: tensors, of dtypes that JavaScript has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pyjsml.errors import ModelError
from pyjsml.frontend import onnx_model
from pyjsml.frontend.onnx_ops.common import dtype_name
from pyjsml.frontend.options import DTYPES

if TYPE_CHECKING:
    from onnx import ModelProto, ValueInfoProto


def check_ports(model: ModelProto) -> None:
    """Raise ModelError, with every problem, if inputs or outputs of the model can't be taken."""
    problems = [
        problem
        for kind, values in (
            ("input", onnx_model.user_inputs(model)),
            ("output", model.graph.output),
        )
        for value in values
        for problem in _problems(kind, value)
    ]
    if len(problems) > 1:
        problems = ["pyjsml can't take these inputs and outputs of the model:", *problems]
    if problems:
        raise ModelError("\n  - ".join(problems))


def check_output(name: str, dtype: str) -> None:
    """Raise ModelError if `dtype`, of what the model computes as its output `name`, is none."""
    if dtype not in DTYPES:
        raise ModelError(
            f"The output {name!r} is of a dtype that JavaScript has not ({dtype}): cast it to one "
            f"of {', '.join(DTYPES)}."
        )


def _problems(kind: str, value: ValueInfoProto) -> Iterator[str]:
    held = value.type.WhichOneof("value")
    if held not in ("tensor_type", None):
        what = str(held).removesuffix("_type").replace("_", " ")
        yield (
            f"The {kind} {value.name!r} is no tensor, but of the type {what}: make it one or more "
            "tensors before you export the model."
        )
    elif kind == "input":
        yield from _input_problems(value)


def _input_problems(value: ValueInfoProto) -> Iterator[str]:
    tensor = value.type.tensor_type
    dtype = dtype_name(tensor.elem_type)
    if dtype not in DTYPES:
        yield (
            f"The input {value.name!r} is of a dtype that pyjsml doesn't take ({dtype}): it takes "
            f"{', '.join(DTYPES)}."
        )
    elif not tensor.HasField("shape"):
        yield (
            f"The model doesn't say how many axes its input {value.name!r} has. Say it with "
            f"--input {value.name}={dtype}[SHAPE]."
        )

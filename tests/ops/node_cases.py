"""ONNX's own node tests, as the `onnx` package that is installed has them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import onnx
from onnx import defs, numpy_helper

from tests.support.op_cases import CONSTANT_INPUTS, IR_VERSION, OpCase

DTYPES = frozenset({"float32", "int32", "int64", "bool"})
"""Dtypes of the tests that are run each time."""
ALSO_CONSTANT = {
    "AffineGrid": (1,),
    "BlackmanWindow": (0,),
    "CenterCropPad": (1,),
    "Col2Im": (1, 2),
    "CumProd": (1,),
    "DFT": (1, 2),
    "HammingWindow": (0,),
    "HannWindow": (0,),
    "MaxUnpool": (2,),
    "STFT": (1, 3),
}
"""More inputs on which shapes depend, which models have as constants."""
EXPANDED = "_expanded"
"""In the names of tests of what an operator is written out in, behind the name of its own test."""


@dataclass(frozen=True)
class NodeTest:
    """A node test. Its inputs and outputs are arrays if `is_tensors` says so."""

    case: OpCase

    @property
    def values(self) -> Sequence[Any]:
        """The inputs and outputs."""
        return (*self.case.inputs.values(), *self.case.outputs.values())

    @property
    def is_tensors(self) -> bool:
        """Whether it has arrays alone, and neither sequences nor anything left out."""
        return all(isinstance(value, np.ndarray) for value in self.values)

    @cached_property
    def dtypes(self) -> frozenset[str]:
        """The dtypes of inputs and outputs; constants, on which shapes depend, have none here."""
        return frozenset(
            value.dtype.name if isinstance(value, np.ndarray) else type(value).__name__
            for value in self.values
        )


def all_tests() -> Iterator[NodeTest]:
    """Yield every test, those of operators written out in simpler ones among them."""
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings():
        # ONNX computes infinities on purpose to expect them.
        warnings.simplefilter("ignore")
        collected: Sequence[Any] = collect_testcases(None)
    constant: dict[str, set[int]] = {}
    for test in collected:
        whole = test.name.partition(EXPANDED)[0]
        indices = constant.setdefault(whole, _constant_inputs(test.model))
        inputs, outputs = (list(map(_array, values)) for values in test.data_sets[0])
        yield NodeTest(_case(test.name.removeprefix("test_"), test.model, inputs, outputs, indices))


def node_tests() -> Iterator[OpCase]:
    """Yield the tests whose inputs and outputs are of `DTYPES`, without those written out."""
    for test in all_tests():
        if test.is_tensors and test.dtypes <= DTYPES and EXPANDED not in test.case.name:
            yield test.case


def operator(case: OpCase) -> str:
    """Return the name of a case's operator as an error has it."""
    node = case.model.graph.node[0]
    return f"{node.domain}.{node.op_type}".removeprefix(".")


def _array(value: Any) -> Any:
    """Return a tensor or a number as an array; sequences and the like as they are."""
    if isinstance(value, np.generic):
        return np.asarray(value)
    return numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else value


def _constant_inputs(model: onnx.ModelProto) -> set[int]:
    """Return which of the model's inputs its nodes need to be constants."""
    named = {
        node.input[index]
        for node in model.graph.node
        for table in (CONSTANT_INPUTS, ALSO_CONSTANT)
        for index in table.get(node.op_type, ())
        if index < len(node.input)
    }
    return {index for index, value in enumerate(model.graph.input) if value.name in named}


def _case(
    name: str, source: onnx.ModelProto, inputs: list[Any], outputs: list[Any], constant: set[int]
) -> OpCase:
    """Return a test with its `constant` inputs as such, in the newest opset."""
    model = onnx.ModelProto()
    model.CopyFrom(source)
    graph = model.graph
    given = dict(zip([value.name for value in graph.input], inputs, strict=True))
    for value in [graph.input[index] for index in sorted(constant)]:
        graph.input.remove(value)
        graph.initializer.append(numpy_helper.from_array(given.pop(value.name), value.name))
    _renew(model)
    names = [value.name for value in graph.output]
    return OpCase(name, model, given, dict(zip(names, outputs, strict=True)))


def _renew(model: onnx.ModelProto) -> None:
    """Raise the opset to the newest in which the node means the same: more tests share a bundle."""
    node = model.graph.node[0]
    if node.domain or len(model.graph.node) > 1:
        return
    (opset,) = model.opset_import
    since = defs.get_schema(node.op_type, opset.version).since_version
    newer = range(opset.version, defs.onnx_opset_version() + 1)
    opset.version = max(
        version
        for version in newer
        if defs.get_schema(node.op_type, version).since_version == since
    )
    model.ir_version = IR_VERSION

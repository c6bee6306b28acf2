"""Slices of axes of any length are as long as numpy's, and broadcast like them."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from pyjsml import api
from pyjsml.program import ISAS

SLICES = (
    slice(0, 1),
    slice(-1, None),
    slice(-2, -1),
    slice(1, None),
    slice(0, -1),
    slice(0, 3),
    slice(2, 5),
    slice(None, None, 2),
    slice(1, -1, 3),
    slice(None, None, -1),
    slice(-2, None, -2),
    slice(3, 0, -1),
)
SIZES = (1, 2, 5, 9)


def array(values: Any, name: str) -> Any:
    return numpy_helper.from_array(np.array(values, np.int64), name)


def model() -> Any:
    """Return x[2, n] sliced along n, each part times 2, and the first column times x."""
    nodes, constants = (
        [],
        [array([1], "axes"), numpy_helper.from_array(np.array(2, np.float32), "two")],
    )
    for number, part in enumerate(SLICES):
        step = part.step or 1
        start = part.start if part.start is not None else 0 if step > 0 else 2**31
        stop = part.stop if part.stop is not None else step * 2**31
        for name, value in (("start", start), ("stop", stop), ("step", step)):
            constants.append(array([value], f"{name}{number}"))
        given = ["x", f"start{number}", f"stop{number}", "axes", f"step{number}"]
        nodes.append(helper.make_node("Slice", given, [f"part{number}"]))
        nodes.append(helper.make_node("Mul", [f"part{number}", "two"], [f"out{number}"]))
    nodes.append(helper.make_node("Mul", ["part0", "x"], ["first"]))
    outputs = [nodes[2 * number + 1].output[0] for number in range(len(SLICES))]
    graph = helper.make_graph(
        nodes,
        "slices",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, "n"])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
        + [helper.make_tensor_value_info("first", TensorProto.FLOAT, [2, "n"])],
        constants,
    )
    return onnx.helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])


def test_slices_of_a_dynamic_axis() -> None:
    pytest.importorskip("py_mini_racer", reason="bundles run in V8: pip install mini-racer")
    bundle = api.bundle(model())
    for isa in ISAS:
        with api.Executor(bundle, "v8", isa=isa) as executor:
            for size in SIZES:
                x: NDArray[Any] = np.random.default_rng(size).normal(size=(2, size))
                x = x.astype(np.float32)
                found = executor.run(x=x)
                for number, part in enumerate(SLICES):
                    np.testing.assert_array_equal(
                        found[f"out{number}"], x[:, part] * 2, err_msg=f"{part} of {size}"
                    )
                np.testing.assert_array_equal(found["first"], x[:, :1] * x)

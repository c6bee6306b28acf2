"""Operators on windows and regions of pictures, in odd sizes, as other runtimes compute them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from pyjsml import api
from pyjsml.engines import get_engine
from pyjsml.errors import UnsupportedOpError
from tests.ops.batches import failures
from tests.support.op_cases import OpCase

Array = np.ndarray[Any, Any]
RNG = np.random.default_rng(11)

pytestmark = pytest.mark.slow


def case(
    name: str,
    operator: str,
    inputs: Mapping[str, Array],
    *,
    opset: int = 16,
    outputs: int = 1,
    constants: Mapping[str, Array] | None = None,
    by_onnx: bool = False,
    **attributes: Any,
) -> OpCase:
    """Return a case with what ONNX Runtime computes, or ONNX's own reference."""
    weights = constants or {}
    names = [f"y{number}" for number in range(outputs)]
    graph = helper.make_graph(
        [helper.make_node(operator, [*inputs, *weights], names, **attributes)],
        name,
        [
            helper.make_tensor_value_info(
                each, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape
            )
            for each, array in inputs.items()
        ],
        [helper.make_empty_tensor_value_info(each) for each in names],
        [numpy_helper.from_array(array, each) for each, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    model.ir_version = 8
    model = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    if by_onnx:
        results: Any = ReferenceEvaluator(model).run(None, dict(inputs))
    else:
        session = onnxruntime.InferenceSession(model.SerializeToString())
        results = session.run(names, dict(inputs))
    return OpCase(name, model, inputs, dict(zip(names, results, strict=True)))


def cases() -> Iterator[OpCase]:
    x = floats(2, 3, 7, 9)
    ties = RNG.integers(0, 3, (1, 2, 6, 5)).astype(np.float32)
    pool: dict[str, Any] = {"kernel_shape": [3, 2], "outputs": 2}
    yield case("pool", "MaxPool", {"x": x}, strides=[2, 3], **pool)
    yield case("pool-pads", "MaxPool", {"x": x}, pads=[1, 0, 2, 1], strides=[2, 1], **pool)
    yield case("pool-column", "MaxPool", {"x": x}, storage_order=1, strides=[2, 2], **pool)
    yield case("pool-ties", "MaxPool", {"x": ties}, **pool)
    yield case("pool-ceil", "MaxPool", {"x": x}, ceil_mode=1, strides=[2, 2], **pool)
    yield case("pool-dilated", "MaxPool", {"x": x}, dilations=[2, 3], **pool)
    yield case("pool-below", "MaxPool", {"x": -1 - abs(x)}, pads=[1, 1, 1, 1], **pool)
    yield case("pool-1d", "MaxPool", {"x": floats(2, 3, 11)}, kernel_shape=[4], outputs=2)
    yield case(
        "pool-3d", "MaxPool", {"x": floats(1, 2, 5, 4, 3)}, kernel_shape=[2, 3, 2], outputs=2
    )
    for side in ("SAME_UPPER", "SAME_LOWER"):
        yield case(f"pool-{side}", "MaxPool", {"x": x}, auto_pad=side, strides=[2, 3], **pool)
        yield case(f"pool-{side}-wide", "MaxPool", {"x": x}, auto_pad=side, strides=[4, 4], **pool)
    lp: dict[str, Any] = {"kernel_shape": [3, 2], "strides": [2, 3], "ceil_mode": 1, "opset": 18}
    yield case("lp-ceil", "LpPool", {"x": x}, **lp)
    yield case("lp-pads", "LpPool", {"x": x}, pads=[1, 0, 2, 1], p=3, **lp)
    places = np.array([[[[0, 8], [21, 24]]]])
    yield case(
        "unpool",
        "MaxUnpool",
        {"x": floats(1, 1, 2, 2), "places": places},
        constants={"shape": np.array([1, 1, 5, 5])},
        kernel_shape=[2, 2],
        strides=[2, 2],
    )
    yield case(
        "unpool-pads",
        "MaxUnpool",
        {"x": floats(1, 1, 2, 2), "places": np.array([[[[0, 2], [3, 8]]]])},
        kernel_shape=[3, 3],
        strides=[2, 2],
        pads=[1, 1, 1, 1],
    )
    yield case(
        "fold",
        "Col2Im",
        {"x": floats(2, 18, 18)},
        opset=18,
        constants={"image": np.array([5, 7]), "block": np.array([2, 3])},
        strides=[2, 1],
        pads=[1, 0, 0, 1],
    )
    yield from deformed()
    yield from regions()
    for opset in (8, 10, 11):
        count: dict[str, Any] = {"constants": {"k": np.array([2])}} if opset >= 10 else {"k": 2}
        yield case(f"top-{opset}", "TopK", {"x": x}, opset=opset, outputs=2, axis=2, **count)


def deformed() -> Iterator[OpCase]:
    """Yield convolutions with offsets that reach out of the picture, in groups of both kinds."""
    given: dict[str, Array] = {
        "x": floats(2, 4, 6, 5),
        "w": floats(6, 2, 3, 2),
        "offset": 3 * floats(2, 24, 3, 5),
    }
    shape: dict[str, Any] = {
        "strides": [2, 1],
        "pads": [1, 1, 0, 1],
        "dilations": [1, 2],
        "group": 2,
    }
    yield case("deformed", "DeformConv", given, opset=19, by_onnx=True, offset_group=2, **shape)
    given = given | {"bias": floats(6), "mask": abs(floats(2, 12, 3, 5))}
    yield case(
        "deformed-mask", "DeformConv", given, opset=19, by_onnx=True, offset_group=2, **shape
    )


def regions() -> Iterator[OpCase]:
    """Yield regions small and large, and beyond the picture."""
    corners = [[0, 0, 5, 6], [1.3, 2.1, 30, 33], [-3, -2, 7.7, 40], [3, 3, 4, 9]]
    given: dict[str, Array] = {
        "x": floats(2, 3, 9, 11),
        "regions": np.array(corners, np.float32),
        "pictures": np.array([0, 1, 1, 0]),
    }
    for mode in ("avg", "max"):
        for scale, sampling in ((1.0, 2), (0.25, 2), (0.5, 0)):
            for transformation in ("half_pixel", "output_half_pixel"):
                yield case(
                    f"regions-{mode}-{scale}-{sampling}-{transformation}",
                    "RoiAlign",
                    given,
                    by_onnx=True,
                    mode=mode,
                    spatial_scale=scale,
                    sampling_ratio=sampling,
                    coordinate_transformation_mode=transformation,
                    output_height=3,
                    output_width=2,
                )


def floats(*shape: int) -> Array:
    return RNG.standard_normal(shape).astype(np.float32)


@pytest.fixture(scope="module")
def every() -> list[OpCase]:
    return list(cases())


@pytest.mark.parametrize("device", ["wasm", "webgl2"])
def test_windows_hold_what_other_runtimes_find(
    every: list[OpCase], device: Literal["wasm", "webgl2"]
) -> None:
    if device == "webgl2" and get_engine("chromium").available() is not None:
        pytest.skip("needs Chromium")
    assert not list(failures(every, (), device))


def test_only_pictures_are_deformed() -> None:
    given = {"x": (1, 2, 5, 5, 5), "w": (2, 2, 1, 1, 1), "offset": (1, 3, 5, 5, 5)}
    graph = helper.make_graph(
        [helper.make_node("DeformConv", list(given), ["y"], name="bend")],
        "graph",
        [helper.make_tensor_value_info(name, 1, shape) for name, shape in given.items()],
        [helper.make_tensor_value_info("y", 1, [1, 2, 5, 5, 5])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)])
    with pytest.raises(UnsupportedOpError, match="DeformConv at bend: only that of pictures"):
        api.bundle(model)

"""ONNX models that are refused, each with what is wrong and where."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from pyjsml.errors import ModelError, UnsupportedOpError
from pyjsml.frontend import load, parse_inputs
from tests.support.models import onnx_model, save, tensor_info


def test_unsupported_operators_are_listed_at_once(tmp_path: Path) -> None:
    body = helper.make_graph([], "body", [], [])
    model = onnx_model(
        [
            helper.make_node("Warp", ["x"], ["a"], domain="my.ops", name="warp 1"),
            helper.make_node("Warp", ["a"], ["b"], domain="my.ops", name="warp 2"),
            helper.make_node("Relu", ["b"], ["c"], domain="my.ops"),
            helper.make_node("Loop", ["", "", "c"], ["y"], body=body),
        ],
        [tensor_info("x", [3])],
        [tensor_info("y", [3])],
        domains=["my.ops"],
    )
    with pytest.raises(UnsupportedOpError) as caught:
        load(save(model, tmp_path / "m.onnx"))
    assert caught.value.problems == (
        "my.ops.Warp ×2: warp 1, warp 2",
        "my.ops.Relu ×1: c",
        "Loop ×1: y: only steps of a number that the model fixes, of at most 64, are written out",
    )


def test_what_nodes_ask_for_in_vain_is_listed_at_once(tmp_path: Path) -> None:
    bounds = [tensor_info(name, [], TensorProto.INT64) for name in ("start", "limit", "step")]
    casts = [
        helper.make_node("Cast", [value.name], [f"{value.name}_16"], to=TensorProto.BFLOAT16)
        for value in bounds
    ]
    model = onnx_model(
        [
            helper.make_node("Cast", ["x"], ["a"], to=TensorProto.INT4, name="narrow"),
            helper.make_node("Cast", ["a"], ["y"], to=TensorProto.FLOAT, name="behind it"),
            *casts,
            helper.make_node("Range", [node.output[0] for node in casts], ["z"], name="count"),
        ],
        [tensor_info("x", [3]), *bounds],
        [tensor_info("y", [3]), tensor_info("z", [None], TensorProto.BFLOAT16)],
        opset=21,
    )
    with pytest.raises(UnsupportedOpError) as caught:
        load(save(model, tmp_path / "m.onnx"))
    assert caught.value.problems == (
        "Cast at narrow: there is no int4 in a bundle",
        "Range at count: there is no bfloat16 in a bundle",
    )


def test_values_without_elements_are_refused_by_name(tmp_path: Path) -> None:
    model = onnx_model(
        [
            helper.make_node("Slice", ["x", "two", "one", "one"], ["none"], name="cut"),
            helper.make_node("Relu", ["none"], ["y"], name="of nothing"),
        ],
        [tensor_info("x", [2, 3])],
        [tensor_info("y", [2, 0])],
        {"one": np.array([1]), "two": np.array([2])},
    )
    with pytest.raises(ModelError, match=r"no elements.*: Slice 'cut', Relu 'of nothing'"):
        load(save(model, tmp_path / "m.onnx"))


def test_shapes_that_depend_on_values(tmp_path: Path) -> None:
    model = onnx_model(
        [helper.make_node("NonZero", ["x"], ["y"], name="find")],
        [tensor_info("x", [3, 3])],
        [tensor_info("y", [2, None], TensorProto.INT64)],
    )
    with pytest.raises(ModelError, match="NonZero 'find'"):
        load(save(model, tmp_path / "m.onnx"))


def test_invalid_models(tmp_path: Path) -> None:
    model = onnx_model(
        [helper.make_node("Relu", ["missing"], ["y"])],
        [tensor_info("x", [3])],
        [tensor_info("y", [3])],
    )
    with pytest.raises(ModelError, match=r"no valid ONNX model: .*missing"):
        load(save(model, tmp_path / "m.onnx"))


def test_strings_are_no_tensors_to_compile(tmp_path: Path) -> None:
    model = onnx_model(
        [helper.make_node("Identity", ["x"], ["y"])],
        [tensor_info("x", [3], TensorProto.STRING)],
        [tensor_info("y", [3], TensorProto.STRING)],
    )
    with pytest.raises(ModelError, match="'x' is of a dtype"):
        load(save(model, tmp_path / "m.onnx"))


def test_unknown_rank_asks_for_a_shape(tmp_path: Path) -> None:
    path = save(
        onnx_model(
            [helper.make_node("Relu", ["x"], ["y"])],
            [tensor_info("x", None)],
            [tensor_info("y", None)],
        ),
        tmp_path / "m.onnx",
    )
    with pytest.raises(ModelError, match=r"--input x=float32\[SHAPE\]"):
        load(path)
    assert load(path, inputs=parse_inputs(["x=float32[n,3]"])).signature.outputs[0].shape == (
        "n",
        3,
    )

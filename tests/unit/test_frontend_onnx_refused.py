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
        (
            "Loop ×1: y: only steps of a number that the model fixes, of at most 64, are written "
            "out, and not into more than 10000 nodes"
        ),
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


def test_all_inputs_and_outputs_that_are_no_tensors_are_named_at_once(tmp_path: Path) -> None:
    model = onnx_model(
        [
            helper.make_node("SequenceConstruct", ["x", "x"], ["pair"]),
            helper.make_node("SequenceLength", ["more"], ["y"]),
        ],
        [
            tensor_info("x", [3], TensorProto.COMPLEX64),
            helper.make_tensor_sequence_value_info("more", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_sequence_value_info("pair", TensorProto.COMPLEX64, None),
            tensor_info("y", [], TensorProto.INT64),
        ],
    )
    with pytest.raises(ModelError) as caught:
        load(save(model, tmp_path / "m.onnx"))
    said = str(caught.value).splitlines()
    assert len(said) == 4
    assert "input 'x' is of a dtype that pyjsml doesn't take (complex64)" in said[1]
    assert "input 'more' is no tensor, but of the type sequence" in said[2]
    assert "output 'pair' is no tensor" in said[3]


def test_outputs_of_dtypes_that_javascript_lacks_are_refused(tmp_path: Path) -> None:
    model = onnx_model(
        [helper.make_node("Cast", ["x"], ["y"], to=TensorProto.BFLOAT16)],
        [tensor_info("x", [3])],
        [tensor_info("y", [3], TensorProto.BFLOAT16)],
    )
    with pytest.raises(ModelError, match=r"'y' is of a dtype .* \(bfloat16\): cast it"):
        load(save(model, tmp_path / "m.onnx"))


def test_boxes_that_are_chosen_by_their_scores_are_refused_with_advice(tmp_path: Path) -> None:
    model = onnx_model(
        [helper.make_node("NonMaxSuppression", ["boxes", "scores"], ["y"], name="pick")],
        [tensor_info("boxes", [1, 5, 4]), tensor_info("scores", [1, 1, 5])],
        [tensor_info("y", [None, 3], TensorProto.INT64)],
    )
    with pytest.raises(UnsupportedOpError, match=r"NonMaxSuppression at pick: .* outputs of the"):
        load(save(model, tmp_path / "m.onnx"))


def test_windows_of_channels_without_a_middle_are_refused(tmp_path: Path) -> None:
    model = onnx_model(
        [helper.make_node("LRN", ["x"], ["y"], name="norm", size=4)],
        [tensor_info("x", [1, 6, 3, 3])],
        [tensor_info("y", [1, 6, 3, 3])],
    )
    with pytest.raises(UnsupportedOpError, match="LRN at norm: only windows of an odd number"):
        load(save(model, tmp_path / "m.onnx"))


def test_shapes_to_expand_to_that_are_data_are_refused(tmp_path: Path) -> None:
    model = onnx_model(
        [
            helper.make_node("Expand", ["x", "shape"], ["y"], name="grow"),
            helper.make_node("Expand", ["v", "fixed"], ["z"], name="stretch"),
        ],
        [
            tensor_info("x", [3, 1]),
            tensor_info("shape", [2], TensorProto.INT64),
            tensor_info("v", ["n", 1]),
        ],
        [tensor_info("y", [3, None]), tensor_info("z", [7, 4])],
        {"fixed": np.array([7, 4])},
    )
    with pytest.raises(UnsupportedOpError) as caught:
        load(save(model, tmp_path / "m.onnx"))
    assert caught.value.problems == (
        "Expand at grow: its shape would have to be known before a run",
        "Expand at stretch: an axis whose length varies is to be 7 elements long",
    )


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

"""ONNX models, as files and in memory."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from tvm import relax

from pyjsml.dims import Term
from pyjsml.errors import EngineUnavailableError, ModelError, OptionError
from pyjsml.frontend import load, open_reference, parse_dims, parse_inputs
from pyjsml.program import Dim, Program, TensorSpec
from tests.support.models import conv_model, onnx_model, save, shape_chain_model, tensor_info
from tests.support.models_native import assert_close, evaluate


def operators(program: Program) -> list[str]:
    """Return the Relax operators of a program, in order."""
    return [
        binding.value.op.name
        for block in program.module["main"].body.blocks
        for binding in block.bindings
        if isinstance(binding.value, relax.Call)
    ]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return save(conv_model(), tmp_path / "small conv.onnx")


def test_signature_and_weights(path: Path) -> None:
    program = load(path)
    assert program.name == "small conv"
    assert program.signature.inputs == (TensorSpec("x", "float32", ("N", 3, 8, 8)),)
    assert program.signature.outputs == (TensorSpec("logits", "float32", ("N", 4)),)
    assert program.signature.dims == (Dim("N", 1, None),)
    # The bounds of a Clip are no weights.
    assert list(program.constants) == [
        "conv.weight",
        "conv.bias",
        "bn.scale",
        "bn.bias",
        "bn.mean",
        "bn.var",
        "fc.weight",
        "fc.bias",
    ]


def test_main_takes_inputs_then_weights(path: Path) -> None:
    program = load(path)
    main = program.module["main"]
    assert int(main.attrs["num_input"]) == 1
    assert len(main.params) == 1 + len(program.constants)
    for parameter, array in zip(main.params[1:], program.constants.values(), strict=True):
        assert tuple(int(size) for size in parameter.ty.shape) == array.shape
        assert parameter.ty.dtype.dtype == str(array.dtype)
    relax.analysis.well_formed(program.module)


def test_batch_norm_and_clip_stay_operators(path: Path) -> None:
    names = operators(load(path))
    assert "relax.nn.batch_norm" in names
    assert "relax.clip" in names
    assert "relax.call_tir" not in names


def test_bindings_have_origins(path: Path) -> None:
    program = load(path)
    by_node = {origin.node: (name, origin) for name, origin in program.origins.items()}
    name, origin = by_node["first conv"]
    assert name == "first_conv"
    assert (origin.kind, origin.output) == ("Conv", "c")
    # A node without a name goes by its output.
    assert {"n", "r", "g", "f", "logits"} <= set(by_node)
    bindings = {
        binding.var.name
        for block in program.module["main"].body.blocks
        for binding in block.bindings
    }
    assert set(program.origins) <= bindings


def test_computes_what_onnxruntime_computes(path: Path) -> None:
    inputs = {"x": np.random.default_rng(0).standard_normal((3, 3, 8, 8)).astype(np.float32)}
    expected = open_reference(path).run(inputs)
    assert_close(evaluate(load(path), inputs)["logits"], expected["logits"])


def test_shape_chains_are_folded(tmp_path: Path) -> None:
    program = load(save(shape_chain_model(), tmp_path / "m.onnx"))
    assert operators(program) == ["relax.reshape"]
    assert not program.constants


def test_inputs_can_be_fixed_and_renamed(path: Path) -> None:
    fixed = load(path, inputs=parse_inputs(["x=float32[2,3,8,8]"]))
    assert fixed.signature.outputs[0].shape == (2, 4)
    assert not fixed.signature.dims
    named = load(path, inputs=parse_inputs(["x=float32[b,3,h,8]"]), dims=parse_dims(["h=4:16"]))
    assert named.signature.inputs[0].shape == ("b", 3, "h", 8)
    assert named.signature.dims == (Dim("b", 1, None), Dim("h", 4, 16))


def test_overrides_that_do_not_fit(path: Path) -> None:
    with pytest.raises(OptionError, match="its inputs are x"):
        load(path, inputs=parse_inputs(["y=float32[1]"]))
    with pytest.raises(OptionError) as caught:
        load(path, inputs=parse_inputs(["x=int64[1,3,8]"]))
    assert len(caught.value.problems) == 2
    with pytest.raises(OptionError, match="its dims are N"):
        load(path, dims=parse_dims(["M=1:2"]))


def test_a_shape_that_a_node_cannot_take_names_the_node(path: Path) -> None:
    with pytest.raises(ModelError, match="Conv node 'first conv'"):
        load(path, inputs=parse_inputs(["x=float32[1,5,8,8]"]))


def test_concat_leaves_out_what_has_no_elements(tmp_path: Path) -> None:
    model = onnx_model(
        [
            helper.make_node("Slice", ["x", "two", "one", "one"], ["none"], name="cut"),
            helper.make_node("Concat", ["none", "x"], ["y"], axis=1),
        ],
        [tensor_info("x", [2, 3])],
        [tensor_info("y", [2, 3])],
        {"one": np.array([1]), "two": np.array([2])},
    )
    assert "relax.strided_slice" not in operators(load(save(model, tmp_path / "m.onnx")))


def test_external_data(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    onnx.save_model(
        conv_model(), path, save_as_external_data=True, location="m.bin", size_threshold=0
    )
    weights = load(path).constants["conv.weight"]
    assert weights.shape == (6, 3, 3, 3)
    (tmp_path / "m.bin").unlink()
    with pytest.raises(ModelError, match=r"'conv\.weight' in the file 'm\.bin'"):
        load(path)


def test_external_data_of_constants_and_branches(tmp_path: Path) -> None:
    values = [np.full(300, size, np.float32) for size in (1, 2, 4)]
    constant = helper.make_node(
        "Constant", [], ["c"], value=onnx.numpy_helper.from_array(values[0])
    )
    branches = {
        name: helper.make_graph(
            [helper.make_node("Add", ["c", "w"], [name])],
            name,
            [],
            [tensor_info(name, [300])],
            [onnx.numpy_helper.from_array(value, "w")],
        )
        for name, value in zip(("then_branch", "else_branch"), values[1:], strict=True)
    }
    model = onnx_model(
        [constant, helper.make_node("If", ["x"], ["y"], **branches)],
        [tensor_info("x", [], TensorProto.BOOL)],
        [tensor_info("y", [300])],
    )
    path = tmp_path / "m.onnx"
    onnx.save_model(
        model,
        path,
        save_as_external_data=True,
        location="m.bin",
        size_threshold=0,
        convert_attribute=True,
    )
    for choice, total in ((True, 3), (False, 5)):
        assert (evaluate(load(path), {"x": np.array(choice)})["y"] == total).all()
    (tmp_path / "m.bin").unlink()
    with pytest.raises(ModelError, match=r"in the file 'm\.bin'"):
        load(path)


def test_sparse_weights_and_constants(tmp_path: Path) -> None:
    def sparse(name: str, places: list[int] | list[list[int]]) -> onnx.SparseTensorProto:
        values = onnx.numpy_helper.from_array(np.array([5, 7], np.float32), name)
        indices = onnx.numpy_helper.from_array(np.array(places), f"{name}_places")
        return helper.make_sparse_tensor(values, indices, [2, 3])

    model = onnx_model(
        [
            helper.make_node("Constant", [], ["c"], sparse_value=sparse("c", [1, 5])),
            helper.make_node("Sum", ["x", "w", "c"], ["y"]),
        ],
        [tensor_info("x", [2, 3])],
        [tensor_info("y", [2, 3])],
    )
    model.graph.sparse_initializer.append(sparse("w", [[0, 0], [1, 2]]))
    path = save(model, tmp_path / "m.onnx")
    found = evaluate(load(path), {"x": np.zeros((2, 3), np.float32)})["y"]
    assert found.tolist() == [[5, 5, 0], [0, 0, 14]]


def test_an_output_that_is_named_twice_is_one(tmp_path: Path) -> None:
    y = tensor_info("y", [3])
    model = onnx_model([helper.make_node("Relu", ["x"], ["y"])], [tensor_info("x", [3])], [y, y])
    program = load(save(model, tmp_path / "m.onnx"))
    assert [output.name for output in program.signature.outputs] == ["y"]


def test_outputs_without_types(tmp_path: Path) -> None:
    model = onnx_model(
        [helper.make_node("Shape", ["x"], ["y"])],
        [tensor_info("x", [3, 5])],
        [helper.make_empty_tensor_value_info("y")],
    )
    (output,) = load(save(model, tmp_path / "m.onnx")).signature.outputs
    assert output == TensorSpec("y", "int64", (2,))


def test_onnx_models_in_memory() -> None:
    assert load(conv_model(), name="net").signature.outputs[0].name == "logits"


def test_unnamed_and_computed_dims(tmp_path: Path) -> None:
    model = onnx_model(
        [helper.make_node("Concat", ["x", "y"], ["z"], axis=1)],
        [tensor_info("x", [None, "past + 1"]), tensor_info("y", [None, "past"])],
        [tensor_info("z", [None, None])],
    )
    signature = load(save(model, tmp_path / "m.onnx")).signature
    assert signature.inputs[0].shape == ("batch", Term("+", "past", 1))
    assert [dim.name for dim in signature.dims] == ["batch", "past"]


def test_a_computed_dim_whose_name_stands_nowhere_is_a_dim_of_its_own(tmp_path: Path) -> None:
    model = onnx_model(
        [helper.make_node("Relu", ["x"], ["y"])],
        [tensor_info("x", ["past + 1"])],
        [tensor_info("y", ["past + 1"])],
    )
    assert load(save(model, tmp_path / "m.onnx")).signature.inputs[0].shape == ("past_1",)


@pytest.mark.parametrize(
    ("opset", "node", "extra"),
    [
        (9, helper.make_node("Slice", ["x"], ["y"], axes=[1], starts=[1], ends=[-1]), {}),
        (9, helper.make_node("Clip", ["x"], ["y"], min=-0.5, max=0.5), {}),
        (10, helper.make_node("Pad", ["x"], ["y"], pads=[0, 1, 0, 2], value=1.5), {}),
        (
            17,
            helper.make_node("Pad", ["x", "pads"], ["y"], mode="reflect"),
            {"pads": np.array([0, 1, 0, 2], np.int64)},
        ),
        (
            17,
            helper.make_node("Pad", ["x", "pads"], ["y"]),
            {"pads": np.array([0, -1, 0, 2], np.int64)},
        ),
        (
            18,
            helper.make_node("Pad", ["x", "pads", "", "axes"], ["y"], mode="edge"),
            {"pads": np.array([2, 1], np.int64), "axes": np.array([-1], np.int64)},
        ),
        (
            17,
            helper.make_node("Clip", ["x", "", "high"], ["y"]),
            {"high": np.array(0.25, np.float32)},
        ),
        (9, helper.make_node("Softmax", ["x"], ["y"], axis=1), {}),
        (18, helper.make_node("ReduceL1", ["x"], ["y"], noop_with_empty_axes=1), {}),
        (18, helper.make_node("ReduceL2", ["x"], ["y"], noop_with_empty_axes=1), {}),
        (18, helper.make_node("ReduceLogSum", ["x"], ["y"], noop_with_empty_axes=1), {}),
        (18, helper.make_node("ReduceLogSumExp", ["x"], ["y"], noop_with_empty_axes=1), {}),
        (18, helper.make_node("ReduceSumSquare", ["x"], ["y"], noop_with_empty_axes=1), {}),
    ],
    ids=lambda value: value.op_type if isinstance(value, onnx.NodeProto) else None,
)
def test_own_converters(
    opset: int, node: onnx.NodeProto, extra: dict[str, np.ndarray], tmp_path: Path
) -> None:
    model = onnx_model(
        [node], [tensor_info("x", [3, 5])], [tensor_info("y", None)], extra, opset=opset
    )
    path = save(model, tmp_path / "m.onnx")
    inputs = {"x": np.random.default_rng(1).standard_normal((3, 5)).astype(np.float32)}
    assert_close(evaluate(load(path), inputs)["y"], open_reference(path).run(inputs)["y"])


def test_powers_of_negative_whole_numbers(tmp_path: Path) -> None:
    bases = np.array([-2, -3, 5, -7], np.int32)
    model = onnx_model(
        [helper.make_node("Pow", ["x", "exponents"], ["y"])],
        [tensor_info("x", [4], TensorProto.INT32)],
        [tensor_info("y", [4], TensorProto.INT32)],
        {"exponents": np.array([3, 5, 3, 1], np.float32)},
    )
    found = evaluate(load(save(model, tmp_path / "m.onnx")), {"x": bases})["y"]
    assert found.tolist() == [-8, -243, 125, -7]


def test_clip_between_tensors(tmp_path: Path) -> None:
    model = onnx_model(
        [helper.make_node("Clip", ["x", "low", "high"], ["y"])],
        [tensor_info("x", [4]), tensor_info("low", []), tensor_info("high", [])],
        [tensor_info("y", [4])],
    )
    path = save(model, tmp_path / "m.onnx")
    inputs = {
        "x": np.array([-3, 0, 1, 9], np.float32),
        "low": np.array(-1, np.float32),
        "high": np.array(2, np.float32),
    }
    assert evaluate(load(path), inputs)["y"].tolist() == [-1, 0, 1, 2]


def test_large_constants_become_weights(tmp_path: Path) -> None:
    table = np.arange(40, dtype=np.int64).reshape(40, 1)
    model = onnx_model(
        [
            helper.make_node("Constant", [], ["t"], value=onnx.numpy_helper.from_array(table)),
            helper.make_node("Add", ["x", "t"], ["y"], name="shift"),
        ],
        [tensor_info("x", [1], TensorProto.INT64)],
        [tensor_info("y", [40, 1], TensorProto.INT64)],
    )
    program = load(save(model, tmp_path / "m.onnx"))
    assert [(name, array.shape) for name, array in program.constants.items()] == [
        ("shift.constant", (40, 1))
    ]


def test_intermediate_values_of_the_reference(path: Path) -> None:
    reference = open_reference(path)
    inputs = {"x": np.ones((1, 3, 8, 8), np.float32)}
    values = reference.intermediates(inputs, ["c", "f", "no such tensor"])
    assert {name: value.shape for name, value in values.items()} == {"c": (1, 6, 8, 8), "f": (1, 6)}
    assert not reference.intermediates(inputs, ["no such tensor"])


def test_a_missing_package_is_asked_for_by_its_extra(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(EngineUnavailableError, match=r"onnxscript: pip install 'pyjsml\[onnx\]'"):
        load(path)

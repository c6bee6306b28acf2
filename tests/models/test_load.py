"""Real models, from every kind of source, mean what their own framework says they mean."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pyjsml.errors import UnsupportedOpError
from pyjsml.frontend import load, open_reference, parse_dims, parse_inputs
from pyjsml.program import Program
from tests.support.models_native import assert_close, evaluate
from tests.support.real import tool


def vectors(path: Path) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return the inputs and the outputs that belong to the model `path`."""
    with np.load(path.with_suffix(".io.npz")) as file:
        arrays = {name: file[name] for name in file.files}
    return (
        {name[3:]: array for name, array in arrays.items() if name.startswith("in:")},
        {name[4:]: array for name, array in arrays.items() if name.startswith("out:")},
    )


@pytest.mark.parametrize(
    "file",
    [
        "mnist/mnist_cntk.onnx",
        "mnist/cnn_mnist_pytorch.onnx",
        "cifar10-resnet/resnet20_cifar10.onnx",
        "super-resolution/super_resolution_x3.onnx",
        pytest.param("imagenet-mobilenet-v2/mobilenet_v2_fp32.onnx", marks=pytest.mark.slow),
        pytest.param("ultraface/ultraface_rfb320.onnx", marks=pytest.mark.slow),
    ],
)
def test_onnx_models_match_their_vectors(file: str, models: Path) -> None:
    path = models / file
    inputs, expected = vectors(path)
    outputs = evaluate(load(path), inputs)
    assert set(outputs) == set(expected)
    for name, value in expected.items():
        assert_close(outputs[name], value)


def test_style_transfer_keeps_no_shape_arithmetic(models: Path) -> None:
    program = load(models / "style-udnie/style_udnie.onnx")
    assert len(program.constants) == 48
    assert program.signature.outputs[0].shape == (1, 3, 224, 224)
    text = program.module.script()
    for operator in ("shape_of", "concat", "scatter", "call_tir"):
        assert f"R.{operator}" not in text


def test_custom_operators_are_refused(models: Path) -> None:
    with pytest.raises(UnsupportedOpError) as caught:
        load(models / "super-resolution/supres_original_custom_ops.onnx")
    assert caught.value.problems == (
        "ai.onnx.contrib.SuperResolutionPreProcess ×1: Preprocess",
        "ai.onnx.contrib.SuperResolutionPostProcess ×1: Postprocess",
    )


def test_exported_resnet20(models: Path) -> None:
    inputs, expected = vectors(models / "cifar10-resnet/resnet20_cifar10.onnx")
    path = models / "cifar10-resnet/resnet20_cifar10.pt2"
    program = load(path)
    assert program.signature.inputs[0].shape == ("batch", 3, 32, 32)
    images = np.concatenate([inputs["input"], inputs["input"]])
    output = evaluate(program, {"x": images})["output"]
    assert_close(output[:1], expected["logits"])
    assert_close(output[1:], expected["logits"])


def test_traced_resnet56(models: Path) -> None:
    path = models / "cifar10-resnet/resnet56_cifar10_traced.pt"
    inputs, _ = vectors(models / "cifar10-resnet/resnet20_cifar10.onnx")
    program = load(path)
    expected = open_reference(path).run({"x": inputs["input"]})
    assert_close(evaluate(program, {"x": inputs["input"]})["output"], expected["output"])


def test_scripted_lenet_on_bytes(models: Path) -> None:
    path = models / "mnist/lenet5_torchscript_uint8.pt"
    overrides = parse_inputs(["val=uint8[1,28,28,1]"])
    program = load(path, inputs=overrides)
    assert program.signature.outputs[0].dtype == "uint8"
    pixels = np.frombuffer((models / "mnist/nine.pgm").read_bytes()[-784:], np.uint8)
    inputs = {"val": (255 - pixels).reshape(1, 28, 28, 1)}
    outputs = evaluate(program, inputs)["output"]
    np.testing.assert_array_equal(
        outputs, open_reference(path, inputs=overrides).run(inputs)["output"]
    )
    assert outputs.argmax() == 9


@pytest.mark.slow
def test_mobilenet_as_module_and_as_trace(models: Path) -> None:
    inputs, expected = vectors(models / "imagenet-mobilenet-v2/mobilenet_v2_fp32.onnx")
    traced = models / "imagenet-mobilenet-v2/mobilenet_v2_traced.pt"
    module = tool(models, "mbv2").MobileNetV2()
    module.load_state_dict(torch.jit.load(str(traced)).state_dict())  # type: ignore[no-untyped-call]
    programs = [
        load(module, inputs=parse_inputs(["x=float32[1,3,224,224]"])),
        load(traced),
    ]
    assert list(programs[0].constants) == list(programs[1].constants)
    assert "mbv2.py:20" in {origin.source for origin in programs[0].origins.values()}
    for program in programs:
        assert_close(evaluate(program, {"x": inputs["input"]})["output"], expected["logits"])


@pytest.fixture(scope="module")
def minilm(models: Path) -> Any:
    module = tool(models, "minilm").MiniLM(str(models / "minilm/model_fp16.safetensors"))
    return module.float()


IDS = np.array([[101, 2023, 2003, 1037, 3407, 2711, 102, 0]], np.int64)
MASK = np.array([[1, 1, 1, 1, 1, 1, 1, 0]], np.int64)


def check_minilm(program: Program, minilm: Any) -> None:
    with torch.no_grad():
        expected = minilm(torch.from_numpy(IDS), torch.from_numpy(MASK)).numpy()
    assert_close(evaluate(program, {"ids": IDS, "mask": MASK})["output"], expected)


@pytest.mark.slow
def test_minilm_with_a_static_sequence(minilm: Any) -> None:
    inputs = parse_inputs(["ids=int64[1,8]", "mask=int64[1,8]"])
    check_minilm(load(minilm, inputs=inputs), minilm)


@pytest.mark.slow
def test_minilm_with_dynamic_batch_and_sequence(minilm: Any) -> None:
    inputs = parse_inputs(["ids=int64[batch,seq]", "mask=int64[batch,seq]"])
    program = load(minilm, inputs=inputs, dims=parse_dims(["seq=1:512"]))
    assert program.signature.inputs[1].shape == ("batch", "seq")
    assert [(dim.name, dim.max) for dim in program.signature.dims] == [
        ("batch", None),
        ("seq", 512),
    ]
    check_minilm(program, minilm)

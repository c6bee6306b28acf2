"""The real models: where each comes from, and what it should compute."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pyjsml import Bundle, api
from pyjsml.frontend.options import parse_dims, parse_inputs
from tests.support.float64 import evaluate_in_float64

Vectors = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class RealModel:
    """A model of the folder: how it is bundled, and test vectors that did not come from pyjsml.

    `bundle` takes the folder and, if it is not for wasm alone, the devices.
    """

    name: str
    bundle: Callable[..., Bundle]
    vectors: Callable[[Path], Vectors]


def tool(models: Path, name: str) -> Any:
    """Import a file of the models' `tools` folder."""
    spec = importlib.util.spec_from_file_location(name, models / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def stored_vectors(file: Path) -> Vectors:
    """Read `in:NAME` and `out:NAME` arrays: what ONNX Runtime gave for the model."""
    with np.load(file) as archive:
        return {name: archive[name] for name in archive.files}


def onnx_file(path: str) -> RealModel:
    """Return an ONNX model with its stored vectors."""
    return RealModel(
        Path(path).stem,
        lambda models, **options: api.bundle(models / path, **options),
        lambda models: stored_vectors((models / path).with_suffix(".io.npz")),
    )


def torch_script(file: Path) -> Any:
    """Load a TorchScript file."""
    return torch.jit.load(file)  # type: ignore[no-untyped-call]


def mobilenet(models: Path) -> torch.nn.Module:
    """Return the nn.Module, with the weights of the TorchScript file."""
    traced = torch_script(models / "imagenet-mobilenet-v2/mobilenet_v2_traced.pt")
    module: torch.nn.Module = tool(models, "mbv2").MobileNetV2()
    module.load_state_dict(traced.state_dict())
    return module.eval()


def renamed(vectors: Vectors, source: str, target: str) -> Vectors:
    """Return vectors of a model with one input and one output under the names of another."""
    first, second = source.split(), target.split()
    names = {f"in:{first[0]}": f"in:{second[0]}", f"out:{first[1]}": f"out:{second[1]}"}
    return {names[name]: array for name, array in vectors.items()}


def mobilenet_vectors(models: Path) -> Vectors:
    """Return ONNX Runtime's vectors under the names that the torch forms of the model have."""
    stored = stored_vectors(models / "imagenet-mobilenet-v2/mobilenet_v2_fp32.io.npz")
    return renamed(stored, "input logits", "x output")


def resnet20_vectors(models: Path) -> Vectors:
    """Return ONNX Runtime's vectors under the names of the exported program."""
    stored = stored_vectors(models / "cifar10-resnet/resnet20_cifar10.io.npz")
    return renamed(stored, "input logits", "x output")


def resnet56_vectors(models: Path) -> Vectors:
    """Return what TorchScript gives for a seeded input."""
    module = torch_script(models / "cifar10-resnet/resnet56_cifar10_traced.pt")
    x = torch.randn((1, 3, 32, 32), generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        return {"in:x": x.numpy(), "out:output": module(x).numpy()}


@cache
def style_vectors(models: Path) -> Vectors:
    """Return the stored input with the model's outputs in double precision.

    The stored outputs differ from those by more than the tolerance at a few pixels: instance
    normalisation adds up 50,176 pixels, and ONNX Runtime does so in single precision.
    """
    path = models / "style-udnie/style_udnie.onnx"
    stored = stored_vectors(path.with_suffix(".io.npz"))
    inputs = {name[3:]: array for name, array in stored.items() if name.startswith("in:")}
    outputs = evaluate_in_float64(path, inputs)
    return {f"in:{name}": array for name, array in inputs.items()} | {
        f"out:{name}": array for name, array in outputs.items()
    }


@cache
def sentence_encoder(models: Path) -> Any:
    """Return MiniLM with its weights."""
    return tool(models, "minilm").MiniLM(str(models / "minilm/model_fp16.safetensors"))


def sentence(models: Path, length: int) -> Vectors:
    """Return seeded token ids, padded at the end, with what eager torch makes of them."""
    ids = torch.randint(0, 30522, (1, length), generator=torch.Generator().manual_seed(length))
    mask = torch.ones((1, length), dtype=torch.int64)
    mask[:, length - length // 4 :] = 0
    with torch.no_grad():
        embedding = sentence_encoder(models)(ids, mask)
    return {"in:ids": ids.numpy(), "in:mask": mask.numpy(), "out:output": embedding.numpy()}


def bundle_sentence_encoder(models: Path, dynamic: bool, **options: Any) -> Bundle:
    """Bundle MiniLM for 32 tokens, or for any number up to 512."""
    ids = torch.zeros((1, 32), dtype=torch.int64)
    inputs = ["ids=int64[1,seq]", "mask=int64[1,seq]"] if dynamic else []
    return api.bundle(
        sentence_encoder(models),
        (ids, torch.ones_like(ids)),
        inputs=parse_inputs(inputs),
        dims=parse_dims(["seq=1:512"] if dynamic else []),
        name="minilm-dynamic" if dynamic else "minilm",
        **options,
    )


REAL_MODELS = (
    onnx_file("imagenet-mobilenet-v2/mobilenet_v2_fp32.onnx"),
    RealModel(
        "mobilenet_v2_traced",
        lambda models, **options: api.bundle(
            models / "imagenet-mobilenet-v2/mobilenet_v2_traced.pt", **options
        ),
        mobilenet_vectors,
    ),
    RealModel(
        "mobilenet_v2_module",
        lambda models, **options: api.bundle(
            mobilenet(models), (torch.zeros(1, 3, 224, 224),), name="mobilenet-v2", **options
        ),
        mobilenet_vectors,
    ),
    onnx_file("cifar10-resnet/resnet20_cifar10.onnx"),
    RealModel(
        "resnet20_pt2",
        lambda models, **options: api.bundle(
            models / "cifar10-resnet/resnet20_cifar10.pt2", **options
        ),
        resnet20_vectors,
    ),
    RealModel(
        "resnet56_torchscript",
        lambda models, **options: api.bundle(
            models / "cifar10-resnet/resnet56_cifar10_traced.pt", **options
        ),
        resnet56_vectors,
    ),
    onnx_file("mnist/mnist_cntk.onnx"),
    onnx_file("mnist/cnn_mnist_pytorch.onnx"),
    onnx_file("ultraface/ultraface_rfb320.onnx"),
    onnx_file("super-resolution/super_resolution_x3.onnx"),
    RealModel(
        "style_udnie",
        lambda models, **options: api.bundle(models / "style-udnie/style_udnie.onnx", **options),
        style_vectors,
    ),
    RealModel(
        "minilm_static",
        lambda models, **options: bundle_sentence_encoder(models, dynamic=False, **options),
        lambda models: sentence(models, 32),
    ),
    RealModel(
        "minilm_dynamic",
        lambda models, **options: bundle_sentence_encoder(models, dynamic=True, **options),
        lambda models: sentence(models, 53),
    ),
)

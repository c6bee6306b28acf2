"""The models that the bench times: name → how to build it, example inputs, multiply-adds.

`python -m tests.bench.models NAME -o FILE.onnx` writes one as ONNX, `python -m tests.bench.models`
lists them, and `build(NAME)` returns the torch module, in eval mode with its seeded weights.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from tests.bench.models import quantized
from tests.bench.models.mobilenet import efficientnet_b0, mobilenet_v2
from tests.bench.models.resnet import resnet18, resnet50
from tests.bench.models.small import Gemm, Lstm, Mlp
from tests.bench.models.squeezenet import SqueezeNet
from tests.bench.models.transformer import Gpt2, MiniLm, VitTiny
from tests.bench.models.unet import UNet
from tests.bench.models.weights import random, settle
from tests.bench.models.yolo import Yolo

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Model:
    """A row of the bench."""

    build: Callable[[], nn.Module]
    inputs: Mapping[str, Shape]
    """Shapes by name; the name `ids` makes an input int64 token ids, all others are float32."""
    outputs: tuple[str, ...]
    multiply_adds: int
    """Of convolutions and matrix products, in one run."""
    quantize: Callable[[Path, Path], None] | None = None
    """Makes the int8 ONNX file from the float32 one."""

    def example(self) -> dict[str, Tensor]:
        """Return the inputs of every timed run, the same at every call."""
        return {
            name: _ids(shape) if name == "ids" else random(shape, seed)
            for seed, (name, shape) in enumerate(self.inputs.items(), start=1)
        }


IMAGE = (1, 3, 224, 224)
CACHE = (Gpt2.DEPTH, Gpt2.HEADS, Gpt2.PAST, Gpt2.WIDTH // Gpt2.HEADS)
IDS = 30000
"""Fewer than any vocabulary here."""


def _ids(shape: Shape) -> Tensor:
    return torch.randint(0, IDS, shape, generator=torch.Generator().manual_seed(1))


def _vision(
    make: Callable[[], nn.Module],
    multiply_adds: int,
    image: Shape = IMAGE,
    output: str = "logits",
    quantize: Callable[[Path, Path], None] | None = None,
) -> Model:
    return Model(
        lambda: settle(make(), image), {"image": image}, (output,), multiply_adds, quantize
    )


def _tokens(quantize: Callable[[Path, Path], None] | None = None) -> Model:
    return Model(lambda: settle(MiniLm()), {"ids": (1, 128)}, ("hidden",), 1_434_451_968, quantize)


MODELS = {
    "mobilenet_v2": _vision(mobilenet_v2, 300_774_272),
    "squeezenet": _vision(SqueezeNet, 349_151_936),
    "efficientnet_b0": _vision(efficientnet_b0, 385_814_752),
    "resnet18": _vision(resnet18, 1_814_073_344),
    "resnet50": _vision(resnet50, 4_089_184_256),
    "yolo_320": _vision(Yolo, 1_092_864_000, (1, 3, 320, 320), "found"),
    "yolo_640": _vision(Yolo, 4_371_456_000, (1, 3, 640, 640), "found"),
    "unet": _vision(UNet, 3_032_481_792, (1, 3, 256, 256), "mask"),
    "minilm": _tokens(),
    "vit_tiny": Model(lambda: settle(VitTiny()), {"image": IMAGE}, ("logits",), 1_253_683_200),
    "lstm": Model(
        lambda: settle(Lstm()), {"x": (1, Lstm.STEPS, Lstm.WIDTH)}, ("hidden",), 67_108_864
    ),
    "gpt2": Model(
        lambda: settle(Gpt2()),
        {"ids": (1, 1), "keys": CACHE, "values": CACHE},
        ("logits", "new_keys", "new_values"),
        124_730_112,
    ),
    "mlp": Model(lambda: settle(Mlp()), {"pixels": (1, 784)}, ("logits",), 203_264),
    "gemm": Model(lambda: settle(Gemm()), {"x": (512, 512)}, ("y",), 512**3),
    "mobilenet_v2_int8": _vision(mobilenet_v2, 300_774_272, quantize=quantized.static_qdq),
    "minilm_int8": _tokens(quantize=quantized.dynamic),
}


def build(name: str) -> nn.Module:
    """Return the module of a row, in eval mode, with the same weights at every call."""
    return MODELS[name].build()

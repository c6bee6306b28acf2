"""Writes a model of the catalogue as .tflite: `python -m tests.bench.litert_convert NAME FILE`.

Runs where `litert-torch` is installed, an environment of its own: it wants other versions of what
pyjsml's has. Images come in channels last, as LiteRT's kernels want them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import litert_torch
import torch

from tests.bench.models.catalogue import MODELS, build
from tests.bench.models.quantized import calibration_images, static_qdq


def convert(name: str, path: Path) -> None:
    """Convert, and quantise where the row is an int8 one."""
    row = MODELS[name]
    module, example = build(name), tuple(row.example().values())
    if "image" in row.inputs:
        module = litert_torch.to_channel_last_io(module, args=[0]).eval()
        example = tuple(channels_last(value) for value in example)
    litert_torch.convert(module, example).export(str(path))
    if row.quantize is not None:
        _quantize(path, static=row.quantize is static_qdq)


def channels_last(image: torch.Tensor) -> torch.Tensor:
    """Return an image as [batch, height, width, channels]."""
    return image.permute(0, 2, 3, 1).contiguous()


def _quantize(path: Path, static: bool) -> None:
    from ai_edge_quantizer import qtyping, quantizer, recipe

    tool = quantizer.Quantizer(str(path))
    calibrated = None
    if static:
        tool.load_quantization_recipe(recipe.static_wi8_ai8())
        for edge in (qtyping.TFLOperationName.INPUT, qtyping.TFLOperationName.OUTPUT):
            tool.update_quantization_recipe(".*", edge, algorithm_key="no_quantize")
        images = [{"args_0": channels_last(image).numpy()} for image in calibration_images()]
        calibrated = tool.calibrate({"serving_default": images})
    else:
        tool.load_quantization_recipe(recipe.dynamic_wi8_afp32())
    tool.quantize(calibrated).export_model(str(path), overwrite=True)


if __name__ == "__main__":
    convert(sys.argv[1], Path(sys.argv[2]))

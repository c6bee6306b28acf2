"""int8 variants of ONNX models, made by onnxruntime's quantiser."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from torch import Tensor

from tests.bench.models.weights import random

CALIBRATION = 8


def calibration_images() -> Iterator[Tensor]:
    """Yield the images whose activations' ranges a static quantisation takes."""
    return (random((1, 3, 224, 224), 100 + seed) for seed in range(CALIBRATION))


def static_qdq(source: Path, target: Path) -> None:
    """Quantise weights per channel and activations, by ranges seen on random images."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Images(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.left = calibration_images()

        def get_next(self) -> Mapping[str, np.ndarray] | None:
            image = next(self.left, None)
            return None if image is None else {"image": image.numpy()}

    with TemporaryDirectory() as folder:
        folded = Path(folder) / "folded.onnx"
        quant_pre_process(source, folded)
        quantize_static(folded, target, Images(), quant_format=QuantFormat.QDQ, per_channel=True)


def dynamic(source: Path, target: Path) -> None:
    """Quantise the weights of matrix products; activations are quantised as they come."""
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with TemporaryDirectory() as folder:
        folded = Path(folder) / "folded.onnx"
        quant_pre_process(source, folded)
        quantize_dynamic(folded, target, weight_type=QuantType.QInt8)

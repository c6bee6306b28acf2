"""int8 variants of ONNX models, made by onnxruntime's quantiser."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from tests.bench.models.weights import random

CALIBRATION = 8


def static_qdq(source: Path, target: Path) -> None:
    """Quantise weights per channel and activations, by ranges seen on random images."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Images(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.left = iter(range(CALIBRATION))

        def get_next(self) -> Mapping[str, np.ndarray] | None:
            seed = next(self.left, None)
            if seed is None:
                return None
            return {"image": random((1, 3, 224, 224), 100 + seed).numpy()}

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

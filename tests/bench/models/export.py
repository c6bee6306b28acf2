"""Writes a model of the catalogue as ONNX."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from tests.bench.models.catalogue import MODELS, build


def write_onnx(name: str, path: Path, opset: int | None = None) -> None:
    """Export the model `name` in one file, its int8 variant if that is what the row is.

    An `opset` may be older than what torch's exporter of today writes; then its older one does,
    which knows fewer operators.
    """
    model = MODELS[name]
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=path.parent) as folder:
        exported = Path(folder) / "float32.onnx"
        made = Path(folder) / path.name
        example = model.example()
        with warnings.catch_warnings():
            # What the exporter says of its own plans, and of packages that it can do without.
            warnings.simplefilter("ignore")
            logging.getLogger("torch.onnx").setLevel(logging.ERROR)
            torch.onnx.export(
                build(name),
                tuple(example.values()),
                exported,
                input_names=list(example),
                output_names=list(model.outputs),
                dynamo=opset is None,
                opset_version=opset,
                external_data=False,
                verbose=False,
            )
        if model.quantize is None:
            made = exported
        else:
            model.quantize(exported, made)
        made.replace(path)

"""What a row of the bench needs: its model in every runtime's form, inputs, expected outputs."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pyjsml.bundle import Bundle
from pyjsml.errors import UnsupportedOpError
from tests.bench.cache import MODELS, PYJSML, ROOT, cached, digest
from tests.bench.models.catalogue import MODELS as CATALOGUE
from tests.bench.models.catalogue import Model, build
from tests.bench.models.export import write_onnx

OLD_OPSET = 12
LITERT_PYTHON = ROOT / ".venv-bench" / "bin" / "python"

Array = np.ndarray[Any, Any]


class LeftOutError(Exception):
    """Why a peer does not take part in a row."""


class Row:
    """A model of the catalogue. Files are made when they are first asked for."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.model: Model = CATALOGUE[name]
        self.key = digest(MODELS, name.encode())

    def onnx(self) -> Path:
        """Return the ONNX file."""
        return cached(
            "onnx", self.name, self.key, lambda path: write_onnx(self.name, path), ".onnx"
        )

    def old_onnx(self) -> Path:
        """Return an ONNX file for runtimes that know few operators. Raises LeftOutError."""

        def make(path: Path) -> None:
            try:
                write_onnx(self.name, path, OLD_OPSET)
            except torch.onnx.errors.UnsupportedOperatorError as error:
                raise LeftOutError(f"not exported: {str(error).partition('. ')[0]}") from None

        return cached("onnx-old", self.name, self.key, make, ".onnx")

    def bundle(self, devices: Sequence[str] = ("wasm",)) -> Bundle:
        """Return pyjsml's bundle of the ONNX file, or of the torch module where an operator lacks.

        Raises what compiling it raises.
        """
        key = digest(PYJSML, self.key.encode(), *(device.encode() for device in devices))
        source = self.onnx()

        def make(path: Path) -> None:
            from pyjsml import bundle

            name = self.name.replace("_", "-")
            try:
                made = bundle(str(source), name=name, devices=devices)
            except UnsupportedOpError:
                if self.model.quantize is not None:
                    raise
                example = tuple(self.model.example().values())
                made = bundle(build(self.name), example, name=name, devices=devices)
            made.write(path)

        return Bundle.open(cached("-".join(("bundle", *devices[1:])), self.name, key, make))

    def tflite(self) -> Path:
        """Return the .tflite file, converted from the torch module. Raises LeftOutError."""
        key = digest(("tests/bench/litert_convert.py",), self.key.encode())

        def make(path: Path) -> None:
            command = [str(LITERT_PYTHON), "-m", "tests.bench.litert_convert", self.name, str(path)]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
            if done.returncode:
                raise LeftOutError(f"not converted: {done.stderr.strip().splitlines()[-1]}")

        return cached("tflite", self.name, key, make)

    def inputs(self) -> dict[str, Array]:
        """Return the inputs of every run."""
        return {name: value.numpy() for name, value in self.model.example().items()}

    def channels_last_inputs(self) -> dict[str, Array]:
        """Return the same as LiteRT takes them: images channels last, ids int32."""
        return {
            name: np.ascontiguousarray(value.transpose(0, 2, 3, 1))
            if name == "image"
            else value.astype(np.int32)
            if name == "ids"
            else value
            for name, value in self.inputs().items()
        }

    def expected(self) -> list[Array]:
        """Return the outputs of eager torch; of onnxruntime on its int8 file for an int8 row."""
        if self.model.quantize is not None:
            import onnxruntime

            session = onnxruntime.InferenceSession(self.onnx())
            return list(session.run(list(self.model.outputs), self.inputs()))
        with torch.no_grad():
            made = build(self.name)(*self.model.example().values())
        return [output.numpy() for output in (made if isinstance(made, tuple) else (made,))]


def deviation(outputs: Sequence[bytes], expected: Sequence[Array], exact: bool) -> float:
    """Return how far outputs are off, the worst of them; inf if sizes differ or it is no number.

    It is the largest error relative to the output's largest number. Where results are not to be
    `exact`, as two quantisers' are not, it is what is missing from a correlation of 1.
    """
    if [len(data) for data in outputs] != [array.nbytes for array in expected]:
        return float("inf")
    worst = 0.0
    for data, array in zip(outputs, expected, strict=True):
        actual = np.frombuffer(data, array.dtype).astype(np.float64)
        wanted = array.ravel()
        if exact:
            error = np.abs(actual - wanted).max() / np.abs(wanted).max()
        else:
            error = 1 - np.corrcoef(actual, wanted)[0, 1]
        worst = max(worst, float(error) if np.isfinite(error) else float("inf"))
    return worst

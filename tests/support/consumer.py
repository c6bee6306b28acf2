"""Bundles for a TypeScript project to consume, and a program that does.

The program is derived from the bundle's own description, so any bundle may be put to this test.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pyjsml
from pyjsml.bundle import Bundle
from pyjsml.emit import emit
from tests.conftest import SharedBundle
from tests.support.tiny import WEIGHT, tiny_dynamic_program, tiny_program, with_kernels


@dataclass(frozen=True)
class Case:
    """A bundle, the data for its one input, and what its one output should be."""

    bundle: Bundle
    shape: tuple[int, ...]
    data: list[float]
    expected: list[float]

    @property
    def name(self) -> str:
        return str(self.bundle.manifest["name"])

    def port(self, kind: str) -> dict[str, Any]:
        port: dict[str, Any] = self.bundle.model[kind][0]
        return port


def tiny_case(kind: str) -> Case:
    program = tiny_program() if kind == "static" else tiny_dynamic_program()
    data = np.arange(6, dtype=np.float32).reshape(2, 3)
    bundle = emit(with_kernels(program), package_name=f"@models/tiny-{kind}")
    return Case(bundle, data.shape, data.ravel().tolist(), (data * WEIGHT).ravel().tolist())


def digits_case(bundle: Bundle) -> Case:
    """The demo's classifier on a digit of scikit-learn's, with what it gives inside Python."""
    datasets = pytest.importorskip("sklearn.datasets")
    found = datasets.load_digits()
    image = (found.images[:1, np.newaxis] / 16).astype(np.float32)
    with pyjsml.Executor(bundle) as executor:
        outputs = executor.run(image=image)["probabilities"]
    assert outputs.argmax() == found.target[0]
    return Case(bundle, image.shape, image.ravel().tolist(), outputs.ravel().tolist())


def mobilenet_case(models: Path, shared: SharedBundle) -> Case:
    """MobileNetV2, whose batch is a dim, with what ONNX Runtime gives."""
    from tests.support.real import REAL_MODELS

    real = REAL_MODELS[0]
    vectors = real.vectors(models)
    given, wanted = vectors["in:input"], vectors["out:logits"]
    bundle = shared(real.name, lambda: real.bundle(models))
    return Case(bundle, given.shape, given.ravel().tolist(), wanted.ravel().tolist())


def consumer(case: Case) -> str:
    """A program that runs the model once and logs the first output's data."""
    given, got = case.port("inputs"), case.port("outputs")
    dtype, shape = json.dumps(given["dtype"]), list(case.shape)
    return f"""
import {{ createExecutor, type Outputs }} from {json.dumps(case.name)};
import {{ tensor }} from {json.dumps(f"{case.name}/runtime")};

const given: number[] = JSON.parse("{case.data}"); // A literal of this length is slow to compile.
const executor = await createExecutor();
const outputs: Outputs = await executor.run({{
  {json.dumps(given["name"])}: tensor({dtype}, {shape}, given),
}});
const data: number[] = Array.from(outputs[{json.dumps(got["name"])}].data, Number);
executor.dispose();
console.log(JSON.stringify(data));
"""

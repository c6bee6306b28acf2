"""Recurrent layers compute on WebGL2 what ONNX Runtime computes."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest

from pyjsml import api
from pyjsml.engines import get_engine
from tests.support.recurrent import GATES, onnx_layer

pytestmark = pytest.mark.skipif(
    get_engine("chromium").available() is not None, reason="needs Chromium"
)


@pytest.mark.parametrize("operator", GATES)
@pytest.mark.parametrize(
    ("direction", "variant", "steps"),
    [
        *(("forward", 0, 5), ("bidirectional", 0, 33), ("reverse", 1, 16), ("forward", 1, 1)),
        # Too many for one pass to join all that others have joined.
        *(("forward", 1, 225), ("reverse", 1, 241)),
    ],
)
def test_layers_compute(operator: str, direction: str, variant: int, steps: int) -> None:
    model, shapes = onnx_layer(operator, direction, variant, steps)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    bundle = api.bundle(model, devices=["wasm", "webgl2"])
    assert bundle.manifest["unshaded"] == {}
    random = np.random.default_rng(4)
    with api.Executor(bundle, "chromium", device="webgl2") as executor:
        for batch in (1, 4, 3):
            inputs = {
                name: random.normal(size=[batch if n == "batch" else n for n in shape]).astype(
                    np.float32
                )
                for name, shape in shapes.items()
            }
            found: list[Any] = list(executor.run(**inputs).values())
            for value, wanted in zip(found, session.run(None, inputs), strict=True):
                np.testing.assert_allclose(value, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ("seq", "how many steps its layer runs is not known before it does"),
        (257, "its layer runs 257 steps, and shaders up to 256"),
    ],
)
def test_says_why_a_layer_has_no_shader(steps: int | str, reason: str) -> None:
    model, _ = onnx_layer("GRU", "forward", 1, steps)
    bundle = api.bundle(model, devices=["wasm", "webgl2"])
    assert set(bundle.manifest["unshaded"].values()) == {reason}

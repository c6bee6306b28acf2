"""Recurrent layers compute on WebGL2 what ONNX Runtime computes."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest

from pyjsml import api
from pyjsml.codegen.webgl2.recurrent import MOST_STEPS
from tests.support.browsers import need_browser
from tests.support.recurrent import GATES, onnx_layer

pytestmark = pytest.mark.usefixtures("one_firefox")


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
    compare_with_onnx_runtime("chromium", operator, direction, variant, steps)


@pytest.mark.parametrize(
    ("operator", "direction", "variant"),
    [("LSTM", "forward", 0), ("GRU", "bidirectional", 1), ("RNN", "reverse", 1)],
)
def test_the_longest_layers_compute_in_firefox(operator: str, direction: str, variant: int) -> None:
    compare_with_onnx_runtime("firefox", operator, direction, variant, MOST_STEPS)


def compare_with_onnx_runtime(
    browser: str, operator: str, direction: str, variant: int, steps: int
) -> None:
    """Run a layer on batches of several sizes."""
    need_browser(browser)
    model, shapes = onnx_layer(operator, direction, variant, steps)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    bundle = api.bundle(model, devices=["wasm", "webgl2"])
    assert bundle.manifest["unshaded"] == {}
    random = np.random.default_rng(4)
    with api.Executor(bundle, browser, device="webgl2") as executor:
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

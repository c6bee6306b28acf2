"""The bench's models: what the catalogue says of them is so, and their numbers are sane."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from tests.bench.models.catalogue import MODELS, build
from tests.bench.models.export import write_onnx
from tests.bench.models.small import Lstm

SMALL = ("mlp", "mobilenet_v2_int8")


@pytest.mark.parametrize("name", [name for name, row in MODELS.items() if row.quantize is None])
def test_sane(name: str) -> None:
    row = MODELS[name]
    module = build(name)
    counter = FlopCounterMode(display=False)
    # torch counts the products of attention only where they are written out.
    with torch.no_grad(), counter, sdpa_kernel(SDPBackend.MATH):
        made = module(*row.example().values())
    outputs = made if isinstance(made, tuple) else (made,)
    assert len(outputs) == len(row.outputs)
    for output in outputs:
        assert output.isfinite().all()
        assert 0.05 < output.std() < 50
    if name == "lstm":  # which torch does not count
        per_step = 4 * Lstm.WIDTH * (Lstm.WIDTH + Lstm.WIDTH)
        assert row.multiply_adds == Lstm.LAYERS * Lstm.STEPS * per_step
    else:
        assert row.multiply_adds == counter.get_total_flops() // 2


def test_same_weights_at_every_call() -> None:
    first, second = build("mlp").state_dict(), build("mlp").state_dict()
    assert all(torch.equal(value, second[name]) for name, value in first.items())


@pytest.mark.parametrize("name", SMALL)
def test_onnx_computes_the_same(name: str, tmp_path: Path) -> None:
    import onnxruntime

    write_onnx(name, tmp_path / "model.onnx")
    row = MODELS[name]
    example = row.example()
    with torch.no_grad():
        expected = build(name)(*example.values()).numpy()
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    (actual,) = session.run(
        list(row.outputs), {key: value.numpy() for key, value in example.items()}
    )
    if row.quantize is None:
        np.testing.assert_allclose(actual, expected, atol=1e-5)
    else:  # eight bits through fifty layers keep the direction, not the digits
        assert np.corrcoef(actual.ravel(), expected.ravel())[0, 1] > 0.9

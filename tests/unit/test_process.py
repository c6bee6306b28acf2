"""The command as a process of its own: what it imports, and what it leaves to others."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.models import conv_model, save

ONNX = """
import sys
from pyjsml.__main__ import run

sys.argv = ["pyjsml", "inspect", {model!r}, "--stage", "lower"]
try:
    run()
finally:
    assert "tvm" in sys.modules and "torch" not in sys.modules
"""

ONNX_THEN_TORCH = """
from pyjsml.cli.imports import TorchNotForTvm
import sys

sys.meta_path.insert(0, TorchNotForTvm())
import tvm

assert "torch" not in sys.modules
import pyjsml, torch

module = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4)).eval()
image = torch.rand(1, 3, 8, 8)
bundle = pyjsml.bundle(module, (image,))
assert pyjsml.check(bundle, reference=module, args=(image,), engines=["v8"]).ok
"""


def run_python(source: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", source], capture_output=True, text=True)


def test_an_onnx_model_is_compiled_without_torch(tmp_path: Path) -> None:
    done = run_python(ONNX.format(model=str(save(conv_model(), tmp_path / "net.onnx"))))
    assert done.returncode == 0, done.stderr
    assert "program net" in done.stdout


@pytest.mark.slow
def test_torch_may_come_after_tvm() -> None:
    pytest.importorskip("torch")
    done = run_python(ONNX_THEN_TORCH)
    assert done.returncode == 0, done.stderr

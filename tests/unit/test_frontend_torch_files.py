"""Programs that torch has written to files: exported, traced, scripted."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from pyjsml.errors import OptionError
from pyjsml.frontend import load, open_reference, parse_dims, parse_inputs
from pyjsml.program import Dim, TensorSpec
from tests.support.models import (
    BATCH,
    IMAGE,
    SmallNet,
    image,
    seeded,
)
from tests.support.models_native import assert_close, evaluate


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("exported") / "net.pt2"
    batch = torch.export.Dim("batch", max=16)
    program = torch.export.export(
        seeded(SmallNet), (torch.zeros(2, 3, 16, 16),), dynamic_shapes=({0: batch},)
    )
    torch.export.save(program, path)
    return path


def test_exported_programs(exported: Path) -> None:
    program = load(exported)
    assert program.name == "net"
    assert program.signature.inputs[0].shape == ("batch", 3, 16, 16)
    assert program.signature.dims == (Dim("batch", 1, 16),)
    expected = open_reference(exported).run({"image": image(3)})["output"]
    assert_close(evaluate(program, {"image": image(3)})["output"], expected)


def test_exported_dims_can_be_named_narrowed_and_fixed(exported: Path) -> None:
    named = load(
        exported, inputs=parse_inputs(["image=float32[n,3,16,16]"]), dims=parse_dims(["n=2:4"])
    )
    assert named.signature.dims == (Dim("n", 2, 4),)
    fixed = load(exported, inputs=parse_inputs(["image=float32[5,3,16,16]"]))
    assert fixed.signature.outputs[0].shape == (5, 5)
    with pytest.raises(OptionError, match="exported for 1:16"):
        load(exported, dims=parse_dims(["batch=1:99"]))
    with pytest.raises(OptionError, match="outside 1:16"):
        load(exported, inputs=parse_inputs(["image=float32[17,3,16,16]"]))
    with pytest.raises(OptionError, match="axis 1 of 'image' is 3 in the model, not 4"):
        load(exported, inputs=parse_inputs(["image=float32[n,4,16,16]"]))


def test_traced_files_know_their_inputs(tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    module = seeded(SmallNet)
    torch.jit.trace(module, (torch.zeros(1, 3, 16, 16),)).save(str(path))  # type: ignore[no-untyped-call]
    program = load(path)
    assert program.signature.inputs == (TensorSpec("image", "float32", (1, 3, 16, 16)),)
    assert set(program.constants) <= set(module.state_dict())
    assert "blocks.0.conv.weight" in program.constants
    assert "blocks.0.conv" in {origin.module for origin in program.origins.values()}
    expected = module(torch.from_numpy(image())).detach().numpy()
    assert_close(evaluate(program, {"image": image()})["output"], expected)
    dynamic = load(path, inputs=BATCH)
    assert dynamic.signature.outputs[0].shape == ("batch", 5)


def test_scripted_modules_ask_for_their_inputs(tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    module = seeded(SmallNet)
    torch.jit.script(module).save(str(path))
    with pytest.raises(OptionError, match=r"--input image=float32\[1,3,"):
        load(path)
    expected = module(torch.from_numpy(image())).detach().numpy()
    program = load(path, inputs=IMAGE)
    assert_close(evaluate(program, {"image": image()})["output"], expected)
    assert_close(open_reference(path, inputs=IMAGE).run({"image": image()})["output"], expected)

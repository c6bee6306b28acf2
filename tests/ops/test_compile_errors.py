"""A kernel that TVM or LLVM gives up on: the error says which ops of the model it is of."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import tvm

from pyjsml import api
from pyjsml.codegen import objects
from pyjsml.errors import CompileError
from tests.support.models import conv_model, save

COMPILING = sys.modules["pyjsml.codegen.compile"]  # by its path the package has a function


@pytest.mark.parametrize(
    ("module", "name"), [(COMPILING, "describe"), (objects, "for_target"), (objects, "build")]
)
def test_it_names_the_op(
    module: object, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def give_up(*_: object) -> None:
        raise tvm.error.InternalError("no such instruction")

    monkeypatch.setattr(module, name, give_up)
    with pytest.raises(CompileError) as raised:
        api.bundle(save(conv_model(), tmp_path / "net.onnx"), jobs=1, cache=False)
    op, error = str(raised.value).splitlines()
    assert op == "pack_conv2d (1×): r"
    assert error == "InternalError: no such instruction"

"""Files that are no models, damaged or unsafe: refused with a sentence, and nothing of them run."""

from __future__ import annotations

import contextlib
import io
import pickle
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from pyjsml.errors import ModelError, UnsafeModelError, UserError
from pyjsml.frontend import load
from pyjsml.frontend.detect import kind_of
from pyjsml.frontend.pickles import global_names
from tests.support.models import SmallNet, conv_model, save, seeded

EXAMPLE = (torch.zeros(1, 3, 8, 8),)


class Trap:
    """Leaves a file behind if it is ever unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return Path.touch, (self.path,)


def rewrite(source: Path, target: Path, edit: Callable[[str, bytes], bytes]) -> Path:
    """Copy a zip file, with every member passed through `edit`."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            new.writestr(name, edit(name, old.read(name)))
    return target


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("exported") / "net.pt2"
    batch = torch.export.Dim("batch")
    program = torch.export.export(
        seeded(SmallNet), (torch.zeros(2, 3, 8, 8),), dynamic_shapes=({0: batch},)
    )
    torch.export.save(program, path)
    return path


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("traced") / "net.pt"
    torch.jit.trace(seeded(SmallNet), EXAMPLE).save(str(path))  # type: ignore[no-untyped-call]
    return path


def test_tells_kinds_by_content(exported: Path, traced: Path, tmp_path: Path) -> None:
    assert kind_of(exported) == "exported"
    assert kind_of(traced) == "torchscript"
    assert kind_of(save(conv_model(), tmp_path / "m.onnx")) == "onnx"
    swapped = tmp_path / "named.pt"
    swapped.write_bytes(exported.read_bytes())
    assert kind_of(swapped) == "exported"


@pytest.mark.parametrize("name", ["gone.onnx", "gone.pt2", "gone.pt", "gone.xyz"])
def test_missing_files(name: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=f"no file .*{name}"):
        load(tmp_path / name)


def test_directories(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is a directory"):
        load(tmp_path)


@pytest.mark.parametrize("suffix", [".onnx", ".pt2", ".pt", ".jit", ".bin"])
@pytest.mark.parametrize("content", [b"", b"just text, no model at all " * 30])
def test_other_files(suffix: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / f"model{suffix}"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=path.name):
        load(path)


@pytest.mark.parametrize("suffix", [".onnx", ".pt2", ".pt"])
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
        (b"\n<!DOCTYPE html><html><body>Not Found</body></html>", "a web page"),
    ],
)
def test_what_downloads_leave(suffix: str, content: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / f"model{suffix}"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=f"{path.name} .*{says}"):
        load(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_truncated_files(share: float, exported: Path, traced: Path, tmp_path: Path) -> None:
    whole = save(conv_model(), tmp_path / "whole.onnx")
    for source in (whole, exported, traced):
        data = source.read_bytes()
        path = tmp_path / f"cut{source.suffix}"
        path.write_bytes(data[: int(len(data) * share)])
        with pytest.raises(ModelError, match=path.name):
            load(path)


def test_corrupt_archives(exported: Path, traced: Path, tmp_path: Path) -> None:
    for source in (exported, traced):
        data = bytearray(source.read_bytes())
        middle = len(data) // 2
        data[middle : middle + 64] = bytes(byte ^ 0xFF for byte in data[middle : middle + 64])
        path = tmp_path / f"flipped{source.suffix}"
        path.write_bytes(data)
        with pytest.raises(ModelError, match="corrupt"):
            load(path)


def test_archives_whose_names_are_damaged(exported: Path, traced: Path, tmp_path: Path) -> None:
    for source in (exported, traced):
        data = bytearray(source.read_bytes())
        directory = data.rindex(b"PK\x01\x02")
        data[directory + 46] ^= 0xFF  # the first byte of the last member's name
        path = tmp_path / f"named{source.suffix}"
        path.write_bytes(data)
        with pytest.raises(ModelError, match=r"corrupt.*export or download"):
            load(path)


@pytest.mark.parametrize("seed", range(40))
def test_damaged_files_are_the_users_to_replace(
    seed: int, exported: Path, traced: Path, tmp_path: Path
) -> None:
    """Whatever bits are flipped, nothing but pyjsml's own errors comes out, if any."""
    chance = random.Random(seed)
    for source in (save(conv_model(), tmp_path / "whole.onnx"), exported, traced):
        data = bytearray(source.read_bytes())
        for _ in range(chance.choice((1, 3, 30))):
            # The directory of a zip file is at its end.
            start = chance.choice((0, int(len(data) * 0.9)))
            data[chance.randrange(start, len(data))] ^= 1 << chance.randrange(8)
        path = tmp_path / f"damaged{source.suffix}"
        path.write_bytes(data)
        with contextlib.suppress(UserError):
            load(path)


@pytest.mark.parametrize("zipped", [True, False])
def test_pickled_modules(zipped: bool, tmp_path: Path) -> None:
    path = tmp_path / "module.pt"
    torch.save(SmallNet(), path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(UnsafeModelError, match=r"SmallNet.*package\.module:callable"):
        load(path)


@pytest.mark.parametrize("zipped", [True, False])
def test_weights_without_a_model(zipped: bool, tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    torch.save(SmallNet().state_dict(), path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(UnsafeModelError, match="state_dict"):
        load(path)


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_pickles_are_never_run(protocol: int, tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    torch.save({"a": Trap(sprung)}, tmp_path / "trap.pt", pickle_protocol=protocol)
    (tmp_path / "bare.pt").write_bytes(pickle.dumps(Trap(sprung), protocol=protocol))
    for name in ("trap.pt", "bare.pt"):
        with pytest.raises(UnsafeModelError, match="runs whatever code"):
            load(tmp_path / name)
    assert not sprung.exists()


def test_exported_programs_with_pickled_inputs(exported: Path, tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    buffer = io.BytesIO()
    torch.save(((Trap(sprung),), {}), buffer)
    path = rewrite(
        exported,
        tmp_path / "trap.pt2",
        lambda name, data: buffer.getvalue() if "sample_inputs" in name else data,
    )
    with pytest.raises(UnsafeModelError, match="sample_inputs"):
        load(path)
    assert not sprung.exists()


def test_exported_programs_with_code_for_shapes(exported: Path, tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    replaced = 0

    def edit(name: str, data: bytes) -> bytes:
        nonlocal replaced
        if not name.endswith("model.json"):
            return data
        start = data.index(b'"expr_str": "') + len(b'"expr_str": "')
        replaced += 1
        code = f"__import__('pathlib').Path('{sprung}').touch()".encode()
        return data[:start] + code + data[data.index(b'"', start) :]

    path = rewrite(exported, tmp_path / "trap.pt2", edit)
    assert replaced == 1
    with pytest.raises(UnsafeModelError, match="would run as code"):
        load(path)
    assert not sprung.exists()


def test_exported_programs_with_native_code(exported: Path, tmp_path: Path) -> None:
    path = rewrite(exported, tmp_path / "native.pt2", lambda name, data: data)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("net/data/aotinductor/model/wrapper.so", b"\x7fELF")
    with pytest.raises(UnsafeModelError, match="AOTInductor"):
        load(path)


def test_exported_programs_that_call_python(exported: Path, tmp_path: Path) -> None:
    path = rewrite(
        exported,
        tmp_path / "call.pt2",
        lambda name, data: data.replace(b"torch.ops.aten.linear.default", b"torch.hub.load"),
    )
    with pytest.raises(ModelError):
        load(path)


def test_names_in_pickles() -> None:

    assert "pathlib.PosixPath" in global_names(pickle.dumps(Path("x"), protocol=4))
    assert "pathlib.PosixPath" in global_names(pickle.dumps(Path("x"), protocol=2))
    assert global_names(b"no pickle") == []

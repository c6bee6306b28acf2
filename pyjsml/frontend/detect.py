"""Which kind of model a file holds, told from its bytes: file names are no evidence."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Literal

from pyjsml.errors import ModelError, UnsafeModelError
from pyjsml.frontend.pickles import foreign_class

Kind = Literal["onnx", "exported", "torchscript"]

KINDS = (
    "pyjsml reads .onnx files, .pt2 files (torch.export.save), TorchScript files (torch.jit.save) "
    "and package.module:callable"
)
# What zipfile raises for a damaged archive, where it reads on as far as it can.
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError)
_EXPORT = "pass package.module:callable instead, or export the model with torch.export.save"

_INSTEAD = {
    b"version https://git-lfs": "is a pointer of Git LFS, and not the model: run git lfs pull",
    b"<!doctype html": "is a web page, and not the model: download the file itself",
    b"<html": "is a web page, and not the model: download the file itself",
}
"""What downloads often leave in the place of a model, by how it begins."""


def kind_of(path: Path) -> Kind:
    """Return which kind of model the file `path` holds.

    Raises UnsafeModelError for pickles, which run code as they are read, and ModelError for a file
    that is missing, truncated, or of a kind that pyjsml doesn't read.
    """
    if not path.exists():
        raise ModelError(f"There is no file {path}; {KINDS}.")
    if path.is_dir():
        raise ModelError(f"{path} is a directory; {KINDS}.")
    try:
        with path.open("rb") as file:
            start = file.read(64)
    except OSError as error:
        raise ModelError(f"{path} can't be read: {error.strerror}.") from error
    if not start:
        raise ModelError(f"{path} is empty; export or download it again.")
    for beginning, what in _INSTEAD.items():
        if start.lstrip().lower().startswith(beginning):
            raise ModelError(f"{path} {what}.")
    if start.startswith(b"PK\x03\x04"):
        return _kind_of_zip(path)
    if start[:1] == b"\x80" and start[1:2] <= b"\x05" and path.suffix != ".onnx":
        _refuse_pickle(path, path.read_bytes())
    if path.suffix == ".onnx":
        return "onnx"
    if path.suffix == ".safetensors":
        raise ModelError(f"{path} holds weights without the model that uses them: {_EXPORT}.")
    if path.suffix in (".pt", ".pt2", ".pth", ".jit", ".ts"):
        raise ModelError(f"{path} is no file that torch wrote, or is corrupt: export it again.")
    raise ModelError(f"{path} is no model that pyjsml knows: {KINDS}.")


def _kind_of_zip(path: Path) -> Kind:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            # torch puts everything under one folder, named after the file.
            inner = {name.partition("/")[2] for name in names}
            if "constants.pkl" in inner and any(name.startswith("code/") for name in inner):
                return "torchscript"
            if "archive_format" in inner:
                return "exported"
            if "serialized_exported_program.json" in names:
                raise ModelError(
                    f"{path} was exported by an old torch, in a format that needs unpickling: "
                    "export it again with torch 2.8 or later."
                )
            pickled = next((name for name in names if name.endswith("data.pkl")), None)
            if pickled is not None:
                _refuse_pickle(path, archive.read(pickled))
    except _DAMAGE as error:
        raise ModelError(
            f"{path} is truncated or corrupt ({error}): export or download it again."
        ) from error
    raise ModelError(f"{path} is a zip file without a model in it: {KINDS}.")


def _refuse_pickle(path: Path, data: bytes) -> None:
    foreign = foreign_class(data)
    if foreign is None:
        raise UnsafeModelError(
            f"{path} is a pickle of weights (a state_dict) without the model that uses them: load "
            f"them into the model, then {_EXPORT}."
        )
    raise UnsafeModelError(
        f"{path} is a pickled object ({foreign}), and unpickling runs whatever code the file "
        f"names: {_EXPORT}."
    )

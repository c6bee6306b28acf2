"""`.pt2` files of torch.export.save, read without running anything that they carry.

torch.export.load unpickles example inputs and some weights, evaluates shape expressions as Python,
and loads native code that AOTInductor compiled. Each of these is checked, or refused, beforehand.
"""

from __future__ import annotations

import ast
import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyjsml.errors import ModelError, UnsafeModelError
from pyjsml.frontend.extras import require
from pyjsml.frontend.quiet import quiet, sentence

if TYPE_CHECKING:
    from torch.export import ExportedProgram

_ARITHMETIC = (
    ast.Expression,
    ast.BinOp,
    ast.UnaryOp,
    ast.Compare,
    ast.keyword,
    ast.operator,
    ast.unaryop,
    ast.cmpop,
    ast.expr_context,
)
_NAME = re.compile(r"[a-z]{1,2}\d+|[A-Z][A-Za-z]*|oo|int_oo", re.ASCII)


def read(path: Path) -> ExportedProgram:
    """Read an exported program; raise UnsafeModelError or ModelError that says what is wrong."""
    torch = require("torch")
    # What torch.export.load calls; that hides why a file can't be read, and tries older formats.
    from torch.export.pt2_archive._package import load_pt2

    try:
        data = path.read_bytes()
        _check(path, data)
        with quiet():
            exported: ExportedProgram = load_pt2(io.BytesIO(data)).exported_programs["model"]
        # Guards are Python source that is run when the program is called; shapes are checked here.
        exported._guards_code = []
    except ModelError:
        raise
    except Exception as error:
        raise ModelError(
            f"{path} can't be read as an exported program: {sentence(error)} Export it again with "
            f"torch {torch.__version__.partition('+')[0]}."
        ) from error
    return exported


def _check(path: Path, data: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        damaged = archive.testzip()
        if damaged:
            raise ModelError(f"{path} is corrupt ({damaged}): export or download it again.")
        members = {name.partition("/")[2]: name for name in archive.namelist()}
        if "models/model.json" not in members:
            raise ModelError(
                f"{path} holds no exported program named 'model': write it with torch.export.save."
            )
        for name in members:
            if name.startswith("data/aotinductor/"):
                raise UnsafeModelError(
                    f"{path} holds native code that AOTInductor compiled: write it with "
                    "torch.export.save instead."
                )
            if name.startswith("models/"):
                _check_program(path, archive.read(members[name]))
            if name.startswith("data/sample_inputs/"):
                _check_pickle(path, name, archive.read(members[name]))
            if name in ("data/weights/model.pt", "data/constants/model.pt"):
                _check_pickle(path, name, archive.read(members[name]))
        for folder in ("weights", "constants"):
            config = members.get(f"data/{folder}/model_{folder}_config.json")
            if config is not None:
                _check_payloads(path, archive, members, folder, json.loads(archive.read(config)))


def _check_program(path: Path, text: bytes) -> None:
    for expression in _expressions(json.loads(text)):
        if not _is_arithmetic(expression):
            raise UnsafeModelError(
                f"{path} has {expression!r} where a shape belongs, which would run as code."
            )


def _is_arithmetic(expression: str) -> bool:
    """Tell whether `expression` only has numbers, symbols (s0), and sympy's classes of them.

    Those are written as names that begin with a capital; nothing else can be reached without
    attributes, subscripts, or text that sympy would evaluate in turn.
    """
    try:
        tree = ast.parse(expression, mode="eval")
    except SyntaxError:
        return False
    for node in ast.walk(tree):
        match node:
            case ast.Name(name) | ast.Constant(str() as name) if _NAME.fullmatch(name):
                pass
            case ast.Constant(int() | float()) | ast.Call(ast.Name()):
                pass
            case _ if isinstance(node, _ARITHMETIC):
                pass
            case _:
                return False
    return True


def _expressions(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "expr_str" and isinstance(item, str):
                yield item
            elif key == "range_constraints" and isinstance(item, dict):
                yield from item
            yield from _expressions(item)
    elif isinstance(value, list):
        for item in value:
            yield from _expressions(item)


def _check_payloads(
    path: Path,
    archive: zipfile.ZipFile,
    members: dict[str, str],
    folder: str,
    config: Any,
) -> None:
    for weight, payload in config["config"].items():
        file = payload["path_name"]
        if file.startswith(("custom_obj_", "opaque_obj_")):
            raise UnsafeModelError(
                f"{path} holds a pickled object, {weight!r}, and unpickling runs whatever code it "
                "names: export the model without it."
            )
        if payload["use_pickle"]:
            name = f"data/{folder}/{file}"
            _check_pickle(path, name, archive.read(members[name]))


def _check_pickle(path: Path, name: str, data: bytes) -> None:
    """Raise UnsafeModelError unless torch's restricted reader takes the pickle.

    torch.export falls back to the unrestricted one where this fails.
    """
    torch = require("torch")
    if not data:
        return
    try:
        torch.load(io.BytesIO(data), weights_only=True)
    except Exception as error:
        raise UnsafeModelError(
            f"{path} holds a pickle, {name}, of more than tensors, and unpickling runs whatever "
            "code it names: export the model again with plain tensors as example inputs."
        ) from error

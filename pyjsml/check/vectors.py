"""Test vectors: inputs with their expected outputs, under the keys `in:NAME` and `out:NAME`."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from pyjsml.errors import VectorsError

if TYPE_CHECKING:
    from pyjsml.program import Array


@dataclass(frozen=True)
class Case:
    """One run: its inputs, and the outputs that are known (none, some or all)."""

    name: str
    inputs: Mapping[str, Array]
    outputs: Mapping[str, Array] = field(default_factory=lambda: MappingProxyType({}))


def read_vectors(source: Path | Mapping[str, Array], model: Mapping[str, Any]) -> Case:
    """Read vectors for `model` (a bundle's model data) from an `.npz` file or a mapping.

    Every input must be there; of the outputs, those that are there are compared. Raises
    VectorsError with every name that is missing or unknown.
    """
    arrays = source if isinstance(source, Mapping) else _read_file(source)
    label = "the vectors" if isinstance(source, Mapping) else str(source)
    inputs = {key[3:]: arrays[key] for key in arrays if key.startswith("in:")}
    outputs = {key[4:]: arrays[key] for key in arrays if key.startswith("out:")}
    takes = [port["name"] for port in model["inputs"]]
    gives = [port["name"] for port in model["outputs"]]
    problems = [f"in:{name} is missing" for name in takes if name not in inputs]
    problems += [f"in:{name} is no input of the model" for name in inputs if name not in takes]
    problems += [f"out:{name} is no output of the model" for name in outputs if name not in gives]
    problems += [
        f"{key} is neither in:NAME nor out:NAME"
        for key in arrays
        if not key.startswith(("in:", "out:"))
    ]
    if not outputs:
        problems.append("no out:NAME, so there is nothing to compare with")
    if problems:
        raise VectorsError(
            f"{label} does not fit the model, which takes {', '.join(takes)} "
            f"and gives {', '.join(gives)}",
            problems,
        )
    return Case("vectors", inputs, outputs)


def _read_file(path: Path) -> dict[str, Array]:
    wanted = f"{path} is not an .npz file of plain arrays, as numpy.savez writes"
    try:
        # numpy leaves a file that it opened itself open when it is no archive.
        with path.open("rb") as stream:
            loaded = np.load(stream, allow_pickle=False)
            if not isinstance(loaded, np.lib.npyio.NpzFile):
                raise VectorsError(f"{wanted}, but a single array")
            return {key: loaded[key] for key in loaded.files}
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise VectorsError(f"{wanted}: {error}") from error
    except OSError as error:
        raise VectorsError(f"{path} can't be read: {error.strerror or error}") from error

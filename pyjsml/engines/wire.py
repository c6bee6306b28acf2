"""What the Python side and a host say to each other: tensors as safetensors, all else as JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors.numpy import load, save

from pyjsml import errors
from pyjsml.errors import EngineError, InputError, ProblemsError, PyjsmlError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from pyjsml.engines.protocol import SessionOptions
    from pyjsml.program import Array

LARGEST_ITEM = 8
"""Bytes of an element; numpy's long double, which no other host knows, has more."""


def as_tensors(
    inputs: Mapping[str, ArrayLike], dtypes: Mapping[str, str] = MappingProxyType({})
) -> dict[str, Array]:
    """Return `inputs` as arrays that a host can take: C-contiguous, in this machine's byte order.

    Python's numbers, and lists of them, have no dtype: they take the one in `dtypes`, where they
    are of its kind or of a lesser one. An array keeps its own. What fits the model is for the
    runtime to say; only what no tensor can hold raises InputError.
    """
    tensors: dict[str, Array] = {}
    problems = []
    for name, given in inputs.items():
        try:
            array = np.asarray(given)
            wanted = dtypes.get(name)
            if wanted and not hasattr(given, "dtype") and np.can_cast(array, wanted, "same_kind"):
                array = np.asarray(given, dtype=wanted)
        except (ValueError, TypeError, OverflowError, RuntimeError) as error:
            problems.append(f"{name}: no array can be made of it: {error}")
            continue
        if array.dtype.kind not in "fiub" or array.dtype.itemsize > LARGEST_ITEM:
            problems.append(f"{name}: is of dtype {array.dtype}, which no model takes")
            continue
        # Not numpy.ascontiguousarray, which gives a scalar an axis.
        tensors[name] = np.asarray(array, dtype=array.dtype.newbyteorder("="), order="C")
    if problems:
        raise InputError("the inputs can't be handed to the model", problems)
    return tensors


def create_options(options: SessionOptions) -> dict[str, Any]:
    """Return what `createExecutor` takes."""
    return {
        **({"isa": options.isa} if options.isa else {}),
        "threads": options.threads,
        "devices": [options.device],
        **({"webgl2": {"precision": options.precision}} if options.device == "webgl2" else {}),
    }


def encode(tensors: Mapping[str, Array]) -> bytes:
    """Write tensors as a safetensors file."""
    return save(dict(tensors))


def decode(
    data: bytes, outputs: list[str], captured: list[str]
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Read the results of a run, in the order of the names given: outputs, captured values."""
    tensors = load(data)
    return {name: tensors[f"o:{name}"] for name in outputs}, {
        name: tensors[f"c:{name}"] for name in captured
    }


def to_error(failure: Mapping[str, Any], context: str = "") -> PyjsmlError:
    """Return the error that `failure` (`{name, message, problems}`) describes, with its own class.

    A class that is not in `pyjsml.errors` becomes an EngineError; `context`, what the host wrote
    besides, is added to that alone, since every other message says all that there is to say.
    """
    name, message, problems = failure["name"], failure["message"], failure["problems"]
    kind = getattr(errors, name, None)
    if not (isinstance(kind, type) and issubclass(kind, PyjsmlError)) or kind is EngineError:
        return EngineError(name, "\n".join(filter(None, (message, context.strip()))))
    if issubclass(kind, ProblemsError):
        # The runtime's message ends with its problems, as the Python class's does.
        return kind(message.removesuffix("".join(f"\n  - {p}" for p in problems)), problems)
    return kind(message)


def to_engine_error(text: str) -> EngineError:
    """Return the error that an embedded engine reports as text, because no harness caught it."""
    prefix = r"(?:uncaught exception: |<anonymous>:\d+: )?"
    match = re.search(rf"^{prefix}(\w*Error): (.*)", text, re.MULTILINE)
    return EngineError(*match.groups()) if match else EngineError("Error", text.strip())


def harness(name: str) -> str:
    """Return the source of a file of `harness/`."""
    return (resources.files(__package__) / "harness" / name).read_text("utf-8")

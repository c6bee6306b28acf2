"""`package.module:callable`: the user's own code, imported as Python would in their directory."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyjsml.errors import ModelError
from pyjsml.frontend.extras import require
from pyjsml.frontend.quiet import sentence

if TYPE_CHECKING:
    from torch import nn

_REFERENCE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")


def is_reference(text: str) -> bool:
    """Tell whether `text` has the form `package.module:callable`, and is no file's name."""
    return _REFERENCE.fullmatch(text) is not None and not Path(text).exists()


def call(reference: str) -> tuple[nn.Module, tuple[Any, ...], dict[str, Any]]:
    """Import and call `package.module:callable`; return the model and its example arguments.

    The random numbers that it draws, such as for initial weights, are the same at every call.
    Raises ModelError if it can't be found, fails, or returns no nn.Module.
    """
    torch = require("torch")
    with _current_directory_importable():
        factory = _find(reference)
        if isinstance(factory, torch.nn.Module):
            return factory, (), {}
        if not callable(factory):
            raise ModelError(
                f"{reference} is no callable but of type {type(factory).__name__}: name a function "
                "that returns an nn.Module, or (module, example_args)."
            )
        try:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)
                made = factory()
        except Exception as error:
            raise ModelError(
                f"{reference} failed: {type(error).__name__}: {sentence(error)}"
            ) from error
    module, example = made if isinstance(made, tuple) and len(made) == 2 else (made, ())
    if not isinstance(module, torch.nn.Module):
        raise ModelError(
            f"{reference} returned {type(made).__name__}: it has to return an nn.Module, or "
            "(module, example_args)."
        )
    if isinstance(example, dict):
        return module, (), example
    return module, tuple(example) if isinstance(example, tuple | list) else (example,), {}


def _find(reference: str) -> Any:
    module_name, _, attribute = reference.partition(":")
    try:
        value: Any = importlib.import_module(module_name)
    except Exception as error:
        raise ModelError(
            f"{reference}: {module_name} can't be imported: {type(error).__name__}: "
            f"{sentence(error)}"
        ) from error
    for part in attribute.split("."):
        if not hasattr(value, part):
            raise ModelError(f"{reference}: {module_name} has no {attribute}.")
        value = getattr(value, part)
    return value


@contextmanager
def _current_directory_importable() -> Iterator[None]:
    directory = str(Path.cwd())
    sys.path.insert(0, directory)
    try:
        yield
    finally:
        sys.path.remove(directory)

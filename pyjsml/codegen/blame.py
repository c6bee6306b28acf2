"""Which op of the user's model a function belongs to, for errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pyjsml.errors import CompileError, PyjsmlError
from pyjsml.program import Program


def users(program: Program, function: str) -> str:
    """Return the ops that call `function`, as in `conv2d (2×): features.0, features.3`."""
    ops = [*program.graph.load.ops, *program.graph.main.ops]
    calls = [op for op in ops if op.kernel == function]
    where = ", ".join(str(op.origins[-1]) if op.origins else op.name for op in calls)
    kind = calls[0].kind if calls else function
    return f"{kind} ({len(calls)}×): {where}"


@contextmanager
def blaming(what: Callable[[], str]) -> Iterator[None]:
    """Turn an unexpected error into a CompileError that says with `what()` it arose."""
    try:
        yield
    except PyjsmlError:
        raise
    except Exception as error:
        raise CompileError(f"{what()}\n{type(error).__name__}: {error}") from error

"""A Python function around each op of a run: slow, and made for looking inside."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyjsml.dims import evaluate, from_json
from pyjsml.engines.wire import to_error

if TYPE_CHECKING:
    from pyjsml.engines.protocol import Dispatch


@dataclass(frozen=True)
class Value:
    """A tensor that an op reads or writes."""

    name: str
    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Op:
    """An op of a run. Each of `origins` has a `node`, and perhaps a `kind`, `module`, `source`."""

    name: str
    kind: str
    origins: tuple[Mapping[str, str], ...]
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]


class Dispatcher:
    """Calls `function` for JavaScript, which learns whether it has raised, and Python later what.

    An exception can't pass through an engine as itself, so it waits in `raised`.
    """

    def __init__(self, function: Dispatch) -> None:
        self._function = function
        self._raised: BaseException | None = None

    def __call__(self, op: str, binding: str, run: Callable[[], str]) -> bool:
        """Act around `op`, which `run` runs; tell whether that has raised.

        The op and the sizes of dims are JSON, and `run` gives what has failed as JSON, or "".
        """

        def next() -> None:
            if failure := run():
                raise to_error(json.loads(failure)["error"])

        try:
            self._function(_op(json.loads(op), json.loads(binding)), next)
        except BaseException as error:
            self._raised = error
            return True
        return False

    def check(self) -> None:
        """Raise what the function has raised since the last check."""
        raised, self._raised = self._raised, None
        if raised is not None:
            raise raised


def _op(op: Mapping[str, Any], binding: Mapping[str, int]) -> Op:
    inputs, outputs = (
        tuple(_value(value, binding) for value in op[ports]) for ports in ("inputs", "outputs")
    )
    return Op(op["name"], op["kind"], tuple(op["origins"]), inputs, outputs)


def _value(value: Mapping[str, Any], binding: Mapping[str, int]) -> Value:
    shape = tuple(evaluate(from_json(dim), binding) for dim in value["shape"])
    return Value(value["name"], value["dtype"], shape)

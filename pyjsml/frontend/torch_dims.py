"""What the symbols of an exported program's shapes are called, and which bounds they have."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch.export.graph_signature import InputKind, TensorArgument

from pyjsml.errors import ModelError, OptionError
from pyjsml.frontend.names import identifier
from pyjsml.frontend.options import Dims, Inputs, check_dims, check_inputs
from pyjsml.frontend.tensors import dtype_name

if TYPE_CHECKING:
    from torch.export import ExportedProgram


def user_inputs(exported: ExportedProgram) -> dict[str, Any]:
    """Return the example of each tensor that the program takes; its shape may be symbolic."""
    values = {
        node.name: node.meta.get("val") for node in exported.graph.nodes if node.op == "placeholder"
    }
    return {
        spec.arg.name: values[spec.arg.name]
        for spec in exported.graph_signature.input_specs
        if spec.kind is InputKind.USER_INPUT
        and isinstance(spec.arg, TensorArgument)
        and isinstance(values[spec.arg.name], torch.Tensor)
    }


class Symbols:
    """The meaning of each symbol: a dim's name, or the size that an override gave it."""

    def __init__(
        self, meanings: Mapping[str, str | int], bounds: Mapping[str, tuple[int, int | None]]
    ) -> None:
        self._meanings = dict(meanings)
        self._bounds = dict(bounds)

    def meaning(self, symbol: str) -> str | int:
        """Return the dim's name or size; raise ModelError for a size known only at run time."""
        if symbol not in self._meanings:
            raise ModelError(
                f"a shape depends on the values of the inputs (symbol {symbol}); pyjsml compiles "
                "models whose shapes follow from the shapes of the inputs"
            )
        return self._meanings[symbol]

    def names(self) -> Iterator[str]:
        """Yield the dims, each once, in the order of the inputs."""
        return iter(self._bounds)

    def bounds(self, name: str) -> tuple[int, int | None]:
        """Return the smallest and the largest value of the dim `name`."""
        return self._bounds[name]

    @classmethod
    def of(cls, exported: ExportedProgram, inputs: Inputs, dims: Dims) -> Symbols:
        """Name the program's symbols after `inputs` where that has names, else by a rule.

        The rule: `batch` for a symbol that only occurs on the first axis, else the input's name
        with the axis. Raises OptionError listing every override that the program rules out.
        """
        given = user_inputs(exported)
        check_inputs(inputs, list(given))
        problems: list[str] = []
        meanings: dict[str, str | int] = {}
        for name, value in given.items():
            if name in inputs:
                problems += _match(name, value, inputs[name], meanings)
        if problems:
            raise OptionError("--input does not fit the model:", problems)
        for symbol, name in _names(given).items():
            meanings.setdefault(symbol, name)
        _check_bare(given)
        bounds: dict[str, tuple[int, int | None]] = {}
        ranges = {str(symbol): value for symbol, value in exported.range_constraints.items()}
        for symbol, meaning in meanings.items():
            low, high = _range(ranges.get(symbol))
            if isinstance(meaning, int):
                if meaning < low or (high is not None and meaning > high):
                    problems.append(f"a size of {meaning} is outside {low}:{_text(high)}")
                continue
            want_low, want_high = dims.get(meaning, (low, high))
            if want_low < low or (high is not None and (want_high is None or want_high > high)):
                problems.append(f"--dim {meaning}: the model was exported for {low}:{_text(high)}")
            bounds[meaning] = (want_low, want_high)
        if problems:
            raise OptionError("The model doesn't allow these sizes:", problems)
        check_dims(dims, list(bounds))
        return cls(meanings, bounds)


def _match(name: str, value: Any, spec: Any, meanings: dict[str, str | int]) -> list[str]:
    problems = []
    if dtype_name(value.dtype) != spec.dtype:
        problems.append(f"{name!r} is {dtype_name(value.dtype)} in the model, not {spec.dtype}")
    if len(value.shape) != len(spec.shape):
        return [
            *problems,
            f"{name!r} has {len(value.shape)} axes in the model, not {len(spec.shape)}",
        ]
    for axis, (size, wanted) in enumerate(zip(value.shape, spec.shape, strict=True)):
        symbol = str(size.node.expr) if isinstance(size, torch.SymInt) else None
        if symbol is None:
            if int(size) != wanted:
                problems.append(
                    f"axis {axis} of {name!r} is {int(size)} in the model, not {wanted}"
                )
        elif symbol.isidentifier() and meanings.setdefault(symbol, wanted) != wanted:
            problems.append(
                f"axis {axis} of {name!r} is always as long as {meanings[symbol]!r}, not {wanted!r}"
            )
    return problems


def _names(given: Mapping[str, Any]) -> dict[str, str]:
    places: dict[str, list[tuple[str, int]]] = {}
    for name, value in given.items():
        for axis, size in enumerate(value.shape):
            if isinstance(size, torch.SymInt):
                for symbol in size.node.expr.free_symbols:
                    places.setdefault(str(symbol), []).append((name, axis))
    names: dict[str, str] = {}
    for symbol, where in places.items():
        name = "batch" if all(axis == 0 for _, axis in where) else f"{where[0][0]}_{where[0][1]}"
        while name in names.values():
            name = identifier(f"{where[0][0]}_{where[0][1]}" if name == "batch" else f"{name}_")
        names[symbol] = name
    return names


def _check_bare(given: Mapping[str, Any]) -> None:
    """Raise ModelError for a symbol that no axis has by itself: its value couldn't be told."""
    sizes = [
        (name, axis, size.node.expr)
        for name, value in given.items()
        for axis, size in enumerate(value.shape)
        if isinstance(size, torch.SymInt)
    ]
    bare = {expr for _, _, expr in sizes if expr.is_Symbol}
    for name, axis, expr in sizes:
        if not expr.free_symbols <= bare:
            raise ModelError(
                f"Axis {axis} of {name!r} is exported as {expr}, and no axis is {expr.free_symbols}"
                " itself: export the model with that axis fixed, or free of conditions."
            )


def _range(value: Any) -> tuple[int, int | None]:
    if value is None:
        return 1, None
    upper = float(value.upper)
    # torch writes "no bound" as an infinity, or as the largest 63 bit number.
    return max(1, int(value.lower)), None if math.isinf(upper) or upper >= 2**62 else int(upper)


def _text(high: int | None) -> str:
    return "" if high is None else str(high)

"""Many operator cases in one bundle, run in an engine."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pyjsml import api
from pyjsml.bundle import Bundle
from pyjsml.check.compare import compare
from pyjsml.check.tolerance import tolerance
from pyjsml.codegen.webgl2.refusal import FAILED
from pyjsml.errors import (
    InputError,
    KernelError,
    ModelError,
    OptionError,
    UnsupportedOpError,
)
from tests.ops.seats import SEATS, Device, Seat
from tests.support.op_cases import OpCase, merge

if TYPE_CHECKING:
    from pyjsml.program import Array

ENGINE = "v8"
BATCH = 130
"""Cases per bundle: more of them share the fixed cost, fewer are told apart sooner."""
REFUSALS = (UnsupportedOpError, OptionError, ModelError, InputError)
"""The errors with which a case may be refused."""


@dataclass(frozen=True)
class Outcome:
    """What came of a case: the error that ended it, or how outputs differ from what is expected.

    `unshaded` says why ops of it stay on wasm where it is compiled for WebGL2.
    """

    case: OpCase
    error: Exception | None = None
    differences: tuple[str, ...] = ()
    unshaded: tuple[str, ...] = ()

    @property
    def is_right(self) -> bool:
        """Whether everything is computed as expected."""
        return self.error is None and not self.differences


def is_refused(case: OpCase) -> bool:
    """Tell whether `case` is refused, with one of the errors that a user may see."""
    try:
        bundle = api.bundle(case.model)
        with api.Executor(bundle, ENGINE) as executor:
            executor.run(**case.inputs)
    except REFUSALS:
        return True
    return False


def failures(
    cases: Sequence[OpCase], mistaken: Container[str] = (), device: Device = "wasm"
) -> Iterator[str]:
    """Yield a line for each case that fails: on wasm with either instruction set, or on WebGL2.

    The cases that are `mistaken` must compile and run, whatever comes out.
    """
    for outcome in outcomes(cases, device):
        name = outcome.case.name
        if outcome.error is not None:
            yield f"{name}: {type(outcome.error).__name__}: {outcome.error}"
        elif name not in mistaken:
            yield from (f"{name} {difference}" for difference in outcome.differences)


def outcomes(
    cases: Sequence[OpCase], device: Device = "wasm", also: Sequence[Seat] = ()
) -> Iterator[Outcome]:
    """Yield what comes of each case: on wasm with either instruction set, or on WebGL2.

    The seats in `also`, which are of the same device, run the same bundles.
    """
    seats = (*SEATS[device], *also)
    batches: dict[tuple[tuple[str, int], ...], list[OpCase]] = {}
    for case in cases:
        batches.setdefault(case.opsets, []).append(case)
    for batch in batches.values():
        for start in range(0, len(batch), BATCH):
            yield from _outcomes(batch[start : start + BATCH], seats)


def _outcomes(cases: Sequence[OpCase], seats: Sequence[Seat]) -> Iterator[Outcome]:
    merged = merge(cases)
    try:
        bundle = api.bundle(merged.model, devices=[seats[0].device])
        _check_shaders(bundle)
        results = [_run_twice(bundle, merged.inputs, seat) for seat in seats]
    except Exception as error:
        if len(cases) == 1:
            yield Outcome(cases[0], error)
            return
        # Which of them is it?
        middle = len(cases) // 2
        yield from _outcomes(cases[:middle], seats)
        yield from _outcomes(cases[middle:], seats)
        return
    for number, case in enumerate(cases):
        names = {f"c{number}_{name}": array for name, array in case.outputs.items()}
        differences: list[str] = []
        for seat, outputs in zip(seats, results, strict=True):
            found = [f"on {seat.name}: {line}" for line in _differences(names, outputs, seat)]
            if case.name not in seat.beyond:
                differences += found
            elif not found:
                differences.append(f"on {seat.name}: it is right: take it off the list")
        yield Outcome(case, None, tuple(differences), tuple(_unshaded(bundle, names)))


def _differences(
    expected: Mapping[str, Array], outputs: Mapping[str, Array], seat: Seat
) -> Iterator[str]:
    for name, array in expected.items():
        allowed = tolerance(array.dtype.name, seat.device, seat.precision)
        compared = compare(outputs[name], array, allowed)
        if not compared.ok:
            yield str(compared)


def _unshaded(bundle: Bundle, outputs: Container[str]) -> Iterator[str]:
    """Yield why ops that `outputs` depend on have no shader."""
    reasons = bundle.manifest.get("unshaded", {})
    model = bundle.model
    values = model["values"]
    needed = {port["value"] for port in model["outputs"] if port["name"] in outputs}
    calls = [model["ops"][target] for kind, target in model["main"] if kind == "call"]
    for op in reversed(calls):
        needed |= {alias for value in needed if (alias := values[value].get("alias")) is not None}
        if needed.isdisjoint(op["outputs"]):
            continue
        needed.update(op["inputs"])
        if op["name"] in reasons:
            yield reasons[op["name"]]


def _check_shaders(bundle: Bundle) -> None:
    """Assert that no op runs on wasm because the generator of shaders failed on it."""
    reasons = bundle.manifest.get("unshaded", {})
    assert not [op for op, reason in reasons.items() if reason.startswith(FAILED)], reasons


def _run_twice(bundle: Bundle, inputs: Mapping[str, Array], seat: Seat) -> dict[str, Array]:
    """Run `bundle` in memory full of NaN, which an earlier run has left."""
    with seat.open(bundle) as session:
        with suppress(KernelError):
            session.run({name: _spoilt(array) for name, array in inputs.items()})
        return session.run(inputs)


def _spoilt(array: Array) -> Array:
    """Return NaNs for floats; integers as they are, since they may be indices."""
    return np.full_like(array, np.nan) if array.dtype.kind == "f" else array

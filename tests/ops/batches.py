"""Many operator cases in one bundle, run in an engine."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal

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
from pyjsml.program import ISAS
from tests.support.op_cases import OpCase, merge

if TYPE_CHECKING:
    from pyjsml.program import Array

Device = Literal["wasm", "webgl2"]
ENGINE = "v8"
BATCH = 130
"""Cases per bundle: more of them share the fixed cost, fewer are told apart sooner."""


def is_refused(case: OpCase) -> bool:
    """Tell whether `case` is refused, with one of the errors that a user may see."""
    try:
        bundle = api.bundle(case.model)
        with api.Executor(bundle, ENGINE) as executor:
            executor.run(**case.inputs)
    except (UnsupportedOpError, OptionError, ModelError, InputError):
        return True
    return False


def failures(
    cases: Sequence[OpCase], mistaken: Container[str] = (), device: Device = "wasm"
) -> Iterator[str]:
    """Yield a line for each case that fails: on wasm with either instruction set, or on WebGL2.

    The cases that are `mistaken` must compile and run, whatever comes out.
    """
    batches: dict[tuple[tuple[str, int], ...], list[OpCase]] = {}
    for case in cases:
        batches.setdefault(case.opsets, []).append(case)
    for batch in batches.values():
        for start in range(0, len(batch), BATCH):
            yield from _batch_failures(batch[start : start + BATCH], mistaken, device)


def _batch_failures(
    cases: Sequence[OpCase], mistaken: Container[str], device: Device
) -> Iterator[str]:
    merged = merge(cases)
    try:
        bundle = api.bundle(merged.model, devices=[device])
        _check_shaders(bundle)
        results = _run(bundle, merged.inputs, device)
    except Exception as error:
        if len(cases) == 1:
            yield f"{cases[0].name}: {type(error).__name__}: {error}"
            return
        # Which of them is it?
        middle = len(cases) // 2
        yield from _batch_failures(cases[:middle], mistaken, device)
        yield from _batch_failures(cases[middle:], mistaken, device)
        return
    for number, case in enumerate(cases):
        if case.name in mistaken:
            continue
        for seat, outputs in results.items():
            for name, expected in case.outputs.items():
                allowed = tolerance(expected.dtype.name, device)
                compared = compare(outputs[f"{number}_{name}"], expected, allowed)
                if not compared.ok:
                    yield f"{case.name} on {seat}: {compared}"


def _check_shaders(bundle: Bundle) -> None:
    """Assert that no op runs on wasm because the generator of shaders failed on it."""
    reasons = bundle.manifest.get("unshaded", {})
    assert not [op for op, reason in reasons.items() if reason.startswith(FAILED)], reasons


def _run(
    bundle: Bundle, inputs: Mapping[str, Array], device: Device
) -> dict[str, dict[str, Array]]:
    """Return the outputs by where they were computed."""
    if device == "webgl2":
        return {device: _run_twice(bundle, inputs, "chromium", device=device)}
    return {isa: _run_twice(bundle, inputs, ENGINE, isa=isa) for isa in ISAS}


def _run_twice(
    bundle: Bundle, inputs: Mapping[str, Array], engine: str, **options: Any
) -> dict[str, Array]:
    """Run `bundle` in memory full of NaN, which an earlier run has left."""
    with api.Executor(bundle, engine, **options) as executor:
        with suppress(KernelError):
            executor.run(**{name: _spoilt(array) for name, array in inputs.items()})
        return executor.run(**inputs)


def _spoilt(array: Array) -> Array:
    """Return NaNs for floats; integers as they are, since they may be indices."""
    return np.full_like(array, np.nan) if array.dtype.kind == "f" else array

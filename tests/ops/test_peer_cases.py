"""Operators compute what the cases of ONNX Runtime Web and of ONNX.js expect, or are refused.

The cases go through the whole compiler and run in an engine, many to a bundle.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from pyjsml import api
from pyjsml.bundle import Bundle
from pyjsml.check.compare import compare
from pyjsml.check.tolerance import tolerance
from pyjsml.errors import (
    InputError,
    KernelError,
    ModelError,
    OptionError,
    UnsupportedOpError,
)
from pyjsml.program import ISAS
from tests.ops.expectations import CASES, MISTAKEN, OPERATORS, refusal
from tests.support.op_cases import OpCase, merge, read_cases

if TYPE_CHECKING:
    from pyjsml.program import Array, Isa

ENGINE = "v8"
SUITES = ("ort-web-ops", "onnxjs-ops")
WITH_WEIGHTS = ("batch-norm", "conv", "conv-transpose", "conv1d", "fused-conv", "gemm", "matmul")
"""Files whose cases also run with all inputs but the first as weights."""
BATCH = 60
"""Cases per bundle: more of them share the fixed cost, fewer are told apart sooner."""
LARGE = ("pad-big",)
"""Files left out: their data are large, and small cases of the same operator show the same."""

pytestmark = pytest.mark.slow


@pytest.fixture(params=SUITES)
def suite(request: pytest.FixtureRequest, models: Path) -> list[OpCase]:
    return list(cases_of(models, request.param))


def test_cases_compute_what_they_expect(suite: list[OpCase]) -> None:
    cases = [case for case in suite if refusal(case) is None]
    assert len(cases) > 150
    assert not list(failures(cases))


def test_cases_compute_the_same_with_weights(models: Path) -> None:
    cases = list(cases_of(models, SUITES[0], WITH_WEIGHTS, weights=True))
    assert len(cases) > 50
    assert not list(failures([case for case in cases if refusal(case) is None]))


def test_what_is_listed_is_refused_in_a_sentence(suite: list[OpCase]) -> None:
    accepted = [
        f"{case.name} is computed: take it off the list (it says: {reason})"
        for case in suite
        if (reason := refusal(case)) is not None and not is_refused(case)
    ]
    assert not accepted


def test_every_row_of_the_list_has_a_case(models: Path) -> None:
    cases = [case for suite in SUITES for case in cases_of(models, suite)]
    nodes = [case.model.graph.node[0] for case in cases]
    operators = {f"{node.domain}.{node.op_type}".removeprefix(".") for node in nodes}
    assert operators.issuperset(OPERATORS)
    for row in (*CASES, *MISTAKEN):
        assert any(case.name.startswith(row) for case in cases), row


def cases_of(
    models: Path, suite: str, files: Sequence[str] = (), *, weights: bool = False
) -> Iterator[OpCase]:
    """Yield the cases of a suite, named after suite, file, test and case."""
    for path in sorted((models / "peers" / suite).glob("*.jsonc")):
        if path.stem.startswith("_") or path.stem in LARGE or (files and path.stem not in files):
            continue
        for case in read_cases(path, weights=weights):
            yield OpCase(f"{suite}/{case.name}", case.model, case.inputs, case.outputs)


def is_refused(case: OpCase) -> bool:
    """Tell whether `case` is refused, with one of the errors that a user may see."""
    try:
        bundle = api.bundle(case.model)
        with api.Executor(bundle, ENGINE) as executor:
            executor.run(**case.inputs)
    except (UnsupportedOpError, OptionError, ModelError, InputError):
        return True
    return False


def failures(cases: Sequence[OpCase]) -> Iterator[str]:
    """Yield a line for each case that fails, on either instruction set."""
    batches: dict[tuple[tuple[str, int], ...], list[OpCase]] = {}
    for case in cases:
        batches.setdefault(case.opsets, []).append(case)
    for batch in batches.values():
        for start in range(0, len(batch), BATCH):
            yield from batch_failures(batch[start : start + BATCH])


def batch_failures(cases: Sequence[OpCase]) -> Iterator[str]:
    merged = merge(cases)
    try:
        bundle = api.bundle(merged.model)
        results = {isa: run(bundle, isa, merged.inputs) for isa in ISAS}
    except Exception as error:
        if len(cases) == 1:
            yield f"{cases[0].name}: {type(error).__name__}: {error}"
            return
        # Which of them is it?
        middle = len(cases) // 2
        yield from batch_failures(cases[:middle])
        yield from batch_failures(cases[middle:])
        return
    for number, case in enumerate(cases):
        if case.name in MISTAKEN:
            continue
        for isa, outputs in results.items():
            for name, expected in case.outputs.items():
                allowed = tolerance(expected.dtype.name, "wasm")
                compared = compare(outputs[f"{number}_{name}"], expected, allowed)
                if not compared.ok:
                    yield f"{case.name} on {isa}: {compared}"


def run(bundle: Bundle, isa: Isa, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """Run `bundle` in memory full of NaN, which an earlier run has left."""
    with api.Executor(bundle, ENGINE, isa=isa) as executor:
        with suppress(KernelError):
            executor.run(**{name: spoilt(array) for name, array in inputs.items()})
        return executor.run(**inputs)


def spoilt(array: Array) -> Array:
    """Return NaNs for floats; integers as they are, since they may be indices."""
    return np.full_like(array, np.nan) if array.dtype.kind == "f" else array

"""Run a bundle in engines and compare what they give with what it should be."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyjsml.bundle import Bundle
from pyjsml.check.compare import compare
from pyjsml.check.locate import Reference, expected_values, first_divergence, produced_values
from pyjsml.check.report import Divergence, Report, Row, Status
from pyjsml.check.samples import sample_cases
from pyjsml.check.tolerance import tolerance
from pyjsml.check.vectors import Case, read_vectors
from pyjsml.engines import get_engine
from pyjsml.engines.precision import PRECISIONS, check_precision
from pyjsml.engines.protocol import place_label
from pyjsml.errors import EngineUnavailableError, InputError, OptionError, PyjsmlError

if TYPE_CHECKING:
    from pyjsml.engines.precision import Precision
    from pyjsml.engines.protocol import Engine, Session
    from pyjsml.modules import Modules
    from pyjsml.program import Array, Isa

Progress = Callable[[str], None]
"""Is told what is about to be done: one short phrase at a time."""


@dataclass(frozen=True)
class Seat:
    """Where a bundle runs: an engine, a device, how exactly that keeps values, and the wasm file
    forced on it, if any."""

    engine: Engine
    device: str
    precision: Precision
    isa: Isa | None

    @property
    def label(self) -> str:
        """Return what reports call it."""
        return place_label(self.engine.name, self.device, self.precision, self.isa)

    def row(self, status: Status, **fields: Any) -> Row:
        """Make a row of the report about this seat."""
        return Row(self.engine.name, self.device, self.precision, self.isa, status, **fields)

    def divergence(self, case: Case, **fields: Any) -> Divergence:
        """Make a divergence of the report at this seat."""
        return Divergence(
            self.engine.name, self.device, self.precision, self.isa, case.name, **fields
        )


@dataclass(frozen=True)
class Expected:
    """What a case's outputs should be, and who says so."""

    outputs: Mapping[str, Array]
    against: str


def check(
    bundle: Bundle,
    *,
    vectors: str | os.PathLike[str] | Mapping[str, Array] | None = None,
    reference: Reference | None = None,
    engines: Sequence[str] = ("pythonmonkey",),
    isas: Sequence[Isa | None] = (None,),
    devices: Sequence[str] = ("wasm",),
    precisions: Sequence[Precision] = ("float32",),
    modules: Modules | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Report:
    """Compare `bundle`, run in each of `engines`, with what it should compute.

    The outputs are compared with those of `vectors` (an `.npz` file, or a mapping, with the keys
    `in:NAME` and `out:NAME`); without vectors, random inputs (from `seed`) run on `reference`, the
    model in its own framework; without either, the engines are compared with the first of them.
    Where an output diverges, every op's output is compared, with the reference's or else with
    another engine's, and the first op that diverges is named. Each of the `precisions` is checked
    on webgl2; wasm keeps float32 whole. `modules` are an executor of the user's own.

    An engine that is absent makes a `skipped` row, one that fails an `error` row. Raises
    OptionError for an unknown engine, device or precision, a precision that none of the devices
    has, or nothing to compare with; VectorsError or
    InputError where the vectors do not fit the model.
    """
    for device in devices:
        tolerance("float32", device)
    for precision in precisions:
        check_precision(precision, "webgl2" if "webgl2" in devices else "wasm")
    seats = [
        Seat(get_engine(name), device, precision, isa)
        for name in engines
        for device in devices
        for precision in (precisions if device == "webgl2" else PRECISIONS[:1])
        for isa in isas
    ]
    if vectors is None and reference is None and len(seats) < 2:
        raise OptionError("nothing to compare with: give vectors, a reference, or two engines")
    if vectors is None:
        cases = sample_cases(bundle.model, seed)
    else:
        source = vectors if isinstance(vectors, Mapping) else Path(vectors)
        cases = [read_vectors(source, bundle.model)]
    with ExitStack() as stack:
        made = _Check(bundle, reference, modules, progress or (lambda _: None), stack)
        return made.run(seats, cases)


class _Check:
    """One call of `check`: its sessions stay open from the first run to the last comparison."""

    def __init__(
        self,
        bundle: Bundle,
        reference: Reference | None,
        modules: Modules | None,
        progress: Progress,
        stack: ExitStack,
    ) -> None:
        self.bundle = bundle
        self.model = bundle.model
        self.reference = reference
        self.modules = modules
        self.progress = progress
        self.stack = stack
        self.sessions: dict[Seat, Session] = {}
        self.failures: dict[Seat, Case] = {}
        self.rows: list[Row] = []

    def run(self, seats: Sequence[Seat], cases: Sequence[Case]) -> Report:
        for seat in seats:
            self.open(seat)
        for case in cases:
            self.run_case(case)
        return Report(self.model["name"], tuple(self.rows), tuple(self.divergences()))

    def open(self, seat: Seat) -> None:
        self.progress(f"starting {seat.label}")
        try:
            session = seat.engine.open(
                self.bundle,
                isa=seat.isa,
                device=seat.device,
                precision=seat.precision,
                modules=self.modules,
            )
        except EngineUnavailableError as error:
            self.rows.append(seat.row("skipped", message=str(error)))
        except PyjsmlError as error:
            self.rows.append(seat.row("error", message=str(error)))
        else:
            self.sessions[seat] = self.stack.enter_context(session)

    def run_case(self, case: Case) -> None:
        """Run `case` in every engine that started, and add a row for each output."""
        expected = None
        if case.outputs:
            expected = Expected(case.outputs, "vectors")
        elif self.reference is not None:
            self.progress(f"running the reference: {case.name}")
            expected = Expected(self.run_reference(self.reference, case), "reference")
        for seat, session in self.sessions.items():
            self.progress(f"running {seat.label}: {case.name}")
            try:
                outputs = session.run(case.inputs)
            except InputError:
                raise  # The inputs do not fit the model: no engine is at fault.
            except PyjsmlError as error:
                self.rows.append(seat.row("error", case=case.name, message=str(error)))
                continue
            if expected is None:
                expected = Expected(outputs, seat.label)
            else:
                self.compare(seat, case, outputs, expected)

    def run_reference(self, reference: Reference, case: Case) -> Mapping[str, Array]:
        outputs = reference.run(case.inputs)
        gives = [port["name"] for port in self.model["outputs"]]
        if sorted(outputs) != sorted(gives):
            raise OptionError(
                f"the reference is not the model of this bundle: it gives {', '.join(outputs)}, "
                f"the bundle {', '.join(gives)}"
            )
        return outputs

    def compare(
        self, seat: Seat, case: Case, outputs: Mapping[str, Array], expected: Expected
    ) -> None:
        for name, want in expected.outputs.items():
            have = outputs[name]
            bound = tolerance(want.dtype.name, seat.device, seat.precision)
            comparison = compare(have, want, bound)
            if not comparison.ok:
                self.failures.setdefault(seat, case)
            self.rows.append(
                seat.row(
                    "ok" if comparison.ok else "diverged",
                    case=case.name,
                    output=name,
                    dtype=have.dtype.name,
                    shape=have.shape,
                    against=expected.against,
                    tolerance=str(bound),
                    comparison=comparison,
                )
            )

    def divergences(self) -> Iterator[Divergence]:
        """For each engine that diverged, name the op where its first diverging case began to."""
        for seat, case in self.failures.items():
            self.progress(f"looking for the first op that diverges in {seat.label}")
            try:
                yield self.divergence(seat, case)
            except PyjsmlError as error:
                yield seat.divergence(case, message=str(error))

    def divergence(self, seat: Seat, case: Case) -> Divergence:
        blank = seat.divergence(case)
        expected: Mapping[str, Array]
        if self.reference is not None:
            against = "reference"
            expected = expected_values(self.model, self.reference, case.inputs)
        else:
            peer = self.peer(seat)
            if peer is None:
                advice = "to learn which op diverges, check with a reference or two engines"
                return replace(blank, message=advice)
            against = peer.label
            expected = self.capture(peer, case)
        actual = self.capture(seat, case)
        suspect = first_divergence(self.model, actual, expected, seat.device, seat.precision)
        if suspect is None:
            return replace(blank, against=against, message=f"no op differs from the {against}'s")
        return replace(blank, against=against, **vars(suspect))

    def peer(self, seat: Seat) -> Seat | None:
        """Return another engine that runs, best one that did not diverge."""
        others = [other for other in self.sessions if other != seat]
        return min(others, key=lambda other: other in self.failures, default=None)

    def capture(self, seat: Seat, case: Case) -> Mapping[str, Array]:
        names = [produced.value["name"] for produced in produced_values(self.model)]
        return self.sessions[seat].capture(case.inputs, names)[1]

"""Times of a bundle: in an engine, or beside another runtime in a page of Chromium."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pyjsml.bench.ort import PACKAGE, ort_contender, ort_pages
from pyjsml.bench.page import (
    INPUTS,
    Limits,
    Outcome,
    Track,
    bundle_contender,
    bundle_pages,
    feed_page,
)
from pyjsml.bench.statistics import Times
from pyjsml.dims import evaluate, from_json
from pyjsml.engines import get_engine
from pyjsml.engines.protocol import place_label
from pyjsml.engines.wire import as_tensors
from pyjsml.errors import EngineError, OptionError

if TYPE_CHECKING:
    from pyjsml.bundle import Bundle
    from pyjsml.engines.precision import Precision
    from pyjsml.modules import Modules
    from pyjsml.program import Array

OURS = "pyjsml"
PEERS = (PACKAGE,)
TOLERANCE = 1e-2
"""How far a peer's outputs may be off, relative to the largest number of each."""
BUDGET_MS = 20_000.0
LEAST_ROUNDS = 3


@dataclass(frozen=True)
class OpTime:
    """An op, or all of a kind: its arithmetic in one run, and its milliseconds."""

    name: str
    kind: str
    count: int
    flops: int
    ms: float

    @property
    def gflops(self) -> float:
        """The speed, in 10⁹ operations a second; 0 for an op that takes no time."""
        return self.flops / self.ms / 1e6 if self.ms else 0.0


@dataclass(frozen=True)
class Report:
    """What a bench has found."""

    engine: str
    threads: int
    times: Mapping[str, Times]
    """By runtime; this bundle's first."""
    ops: Sequence[OpTime]
    """In the order in which they run."""
    shortfalls: Sequence[str] = ()
    """Peers that are faster, or that compute something else."""
    device: str = "wasm"
    precision: Precision = "float32"

    @property
    def place(self) -> str:
        """Where it ran, in words."""
        return place_label(self.engine, self.device, self.precision)

    def by_kind(self) -> list[OpTime]:
        """Sum the ops of each kind; the slowest kind comes first."""
        sums: dict[str, OpTime] = {}
        for op in self.ops:
            old = sums.get(op.kind, OpTime(op.kind, op.kind, 0, 0, 0.0))
            sums[op.kind] = replace(
                old, count=old.count + op.count, flops=old.flops + op.flops, ms=old.ms + op.ms
            )
        return sorted(sums.values(), key=lambda total: -total.ms)

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain data."""
        return {
            "engine": self.engine,
            "device": self.device,
            "precision": self.precision,
            "threads": self.threads,
            "times": {name: asdict(times) for name, times in self.times.items()},
            "ops": [{**asdict(op), "gflops": op.gflops} for op in self.ops],
            "shortfalls": list(self.shortfalls),
        }


def time_in_engine(
    bundle: Bundle,
    inputs: Mapping[str, Array],
    engine: str,
    threads: int,
    rounds: int,
    modules: Modules | None = None,
    device: str = "wasm",
    precision: Precision = "float32",
) -> Report:
    """Time `bundle` in an engine by itself, with an executor of the user's own if there is one.

    Raises what opening a session and running raise.
    """
    opened = get_engine(engine).open(
        bundle, threads=threads, device=device, precision=precision, modules=modules
    )
    with opened as session:
        found = session.measure(inputs, rounds)
    times = {OURS: Times.of(found.samples)}
    ops = _ops(bundle, inputs, found.ops)
    return Report(engine, threads, times, ops, device=device, precision=precision)


def race_peers(
    bundle: Bundle,
    inputs: Mapping[str, Array],
    peers: Sequence[str],
    model: Path,
    threads: int,
    rounds: int,
) -> Report:
    """Time `bundle` and peers in one page of Chromium, taking turns; `model` is what peers run.

    Raises EngineUnavailableError where Chromium or a peer's package is absent, OptionError where
    the model can't be read, and EngineError where a runtime fails.
    """
    unknown = [f"there is no peer {peer!r}" for peer in peers if peer not in PEERS]
    if unknown:
        raise OptionError(f"the peers are: {', '.join(PEERS)}", unknown)
    try:
        data = model.read_bytes()
    except OSError as error:
        raise OptionError(f"{model} can't be read: {error.strerror or error}") from error
    tensors = as_tensors(inputs)
    pages = {**bundle_pages(bundle), **ort_pages(data, Path.cwd()), INPUTS: feed_page(tensors)}
    contenders = [bundle_contender(bundle, OURS, None, threads), ort_contender(threads)]
    limits = Limits(least=min(rounds, LEAST_ROUNDS), most=rounds, budget=BUDGET_MS)
    with Track(pages) as track:
        outcomes, traces = track.race(contenders, limits, [OURS])
    failed = [f"{name}: {outcome.error}" for name, outcome in outcomes.items() if outcome.error]
    if failed:
        raise EngineError("BenchError", "\n".join(failed))
    times = {each.name: Times.of(outcomes[each.name].samples) for each in contenders}
    shortfalls = _shortfalls(bundle, times, outcomes)
    return Report("chromium", threads, times, _ops(bundle, inputs, traces[OURS]), shortfalls)


def _shortfalls(
    bundle: Bundle, times: Mapping[str, Times], outcomes: Mapping[str, Outcome]
) -> list[str]:
    found = []
    dtypes = [np.dtype(port["dtype"]) for port in bundle.model["outputs"]]
    for peer in times.keys() - {OURS}:
        if times[peer].median < times[OURS].median:
            ratio = times[OURS].median / times[peer].median
            found.append(f"{peer} is {ratio:.2f} times as fast")
        error = _difference(outcomes[OURS].outputs, outcomes[peer].outputs, dtypes)
        if not error <= TOLERANCE:
            found.append(f"{peer} computes something else: it is off by {error:.2g} at the largest")
    return found


def _difference(
    ours: Sequence[bytes], theirs: Sequence[bytes], dtypes: Sequence[np.dtype[Any]]
) -> float:
    """Return the largest difference relative to an output's largest number; inf if sizes differ."""
    if [len(data) for data in ours] != [len(data) for data in theirs]:
        return float("inf")
    worst = 0.0
    for left, right, dtype in zip(ours, theirs, dtypes, strict=True):
        a, b = (np.frombuffer(data, dtype).astype(np.float64) for data in (left, right))
        if a.size:
            error = float(np.abs(a - b).max() / (np.abs(b).max() or 1.0))
            worst = max(worst, error if np.isfinite(error) else float("inf"))
    return worst


def binding_of(bundle: Bundle, inputs: Mapping[str, Array]) -> dict[str, int]:
    """Return the sizes that `inputs`, which fit the model, give its dims."""
    return {
        dim: size
        for port in bundle.model["inputs"]
        for dim, size in zip(port["shape"], np.shape(inputs[port["name"]]), strict=True)
        if isinstance(dim, str)
    }


def _ops(
    bundle: Bundle, inputs: Mapping[str, Array], rows: Sequence[Mapping[str, Any]]
) -> list[OpTime]:
    """Read a trace, with the dims that the inputs bind."""
    binding = binding_of(bundle, inputs)
    return [
        OpTime(row["op"], row["kind"], 1, evaluate(from_json(row["flops"]), binding), row["ms"])
        for row in rows
    ]

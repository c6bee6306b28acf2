"""Run a bundle and collect what each of its ops takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pyjsml.bench.report import binding_of
from pyjsml.bench.statistics import Times
from pyjsml.engines import get_engine
from pyjsml.errors import BundleError
from pyjsml.profile.limits import Limits, measure_limits
from pyjsml.profile.memory import MemoryUse, memory_use

if TYPE_CHECKING:
    from pyjsml.bundle import Bundle
    from pyjsml.engines.precision import Precision
    from pyjsml.modules import Modules
    from pyjsml.program import Array


@dataclass(frozen=True)
class OpProfile:
    """One op: what it has to do in a run, and how long that takes."""

    name: str
    kind: str
    origin: str
    """The path of the module, else the node, that it comes from."""
    ms: float
    """On average."""
    flops: int
    bytes: int
    start: float
    """In the quickest of the traced runs, in milliseconds since it began, as is `end`."""
    end: float


@dataclass(frozen=True)
class Profile:
    """What profiling a bundle has found."""

    model: str
    engine: str
    isa: str
    threads: int
    dims: Mapping[str, int]
    times: Times
    ops: Sequence[OpProfile]
    """In the order in which they run."""
    memory: MemoryUse
    limits: Limits
    trace: Mapping[str, Any]
    """All traced runs, in Chrome's Trace Event Format."""

    def to_json(self) -> dict[str, Any]:
        """Return the profile as plain data, without the trace."""
        found = asdict(self)
        del found["trace"]
        return found


def profile(
    bundle: Bundle,
    inputs: Mapping[str, Array],
    engine: str,
    threads: int,
    runs: int,
    modules: Modules | None = None,
    device: str = "wasm",
    precision: Precision = "float32",
) -> Profile:
    """Time `bundle` op by op over `runs` runs, and measure the machine's limits beside it.

    `modules` are an executor of the user's own, which runs it. Raises what opening a session and
    running raise, and BundleError where no op runs.
    """
    opened = get_engine(engine).open(
        bundle, threads=threads, device=device, precision=precision, modules=modules
    )
    with opened as session:
        found = session.measure(inputs, runs)
    binding = binding_of(bundle, inputs)
    return Profile(
        bundle.model["name"],
        engine,
        found.isa,
        found.threads,
        binding,
        Times.of(found.samples),
        op_profiles(bundle.model, found.ops, found.trace),
        memory_use(bundle.model, binding),
        measure_limits(engine, found.isa, found.threads),
        found.trace,
    )


def op_profiles(
    model: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], trace: Mapping[str, Any]
) -> list[OpProfile]:
    """Join the means in `rows` with the quickest run of `trace`."""
    events = [event for event in trace["traceEvents"] if event["ph"] == "X"]
    runs = [event for event in events if event["cat"] == "run"]
    if not runs:
        raise BundleError("the bundle has no op that runs, so there is nothing to profile")
    quickest = min(runs, key=lambda event: float(event["dur"]))
    number = quickest["args"]["run"]
    spans = [
        event for event in events if "flops" in event["args"] and event["args"]["run"] == number
    ]
    means = {row["op"]: row["ms"] for row in rows}
    origins = {op["name"]: _origin(op) for op in model["ops"]}
    return [
        OpProfile(
            name=span["name"],
            kind=span["cat"],
            origin=origins[span["name"]],
            ms=means[span["name"]],
            flops=span["args"]["flops"],
            bytes=span["args"]["bytes"],
            start=(span["ts"] - quickest["ts"]) / 1e3,
            end=(span["ts"] + span["dur"] - quickest["ts"]) / 1e3,
        )
        for span in spans
    ]


def _origin(op: Mapping[str, Any]) -> str:
    origin = op["origins"][-1] if op["origins"] else {}
    return str(origin.get("module") or origin.get("node") or op["name"])

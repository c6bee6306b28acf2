"""What an engine is: a host of JavaScript in which a bundle runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from pyjsml.bundle import Bundle
    from pyjsml.engines.dispatch import Op
    from pyjsml.engines.precision import Precision
    from pyjsml.modules import Modules
    from pyjsml.program import Array, Isa

Dispatch = Callable[["Op", Callable[[], None]], None]
"""Acts around an op of a run; its second argument runs the op, and is to be called once."""


@dataclass(frozen=True)
class SessionOptions:
    """How a session runs its bundle."""

    isa: Isa | None = None
    """Forces one of the bundle's two wasm files, which else the runtime chooses."""
    threads: int = 1
    """How many may share a kernel."""
    device: str = "wasm"
    """Where the ops run that have a kernel for it; the others run on wasm."""
    precision: Precision = "float32"
    """How exactly float32 values are kept between ops; webgl2 alone has float16."""
    modules: Modules | None = None
    """An executor of the user's own, in place of the one that the bundle may have."""
    dispatch: Dispatch | None = None


def place_label(
    engine: str, device: str, precision: Precision = "float32", isa: Isa | None = None
) -> str:
    """Return what reports call a place where bundles run: its words without the usual ones."""
    words = (device if device != "wasm" else "", precision if precision != "float32" else "", isa)
    return " ".join(filter(None, (engine, *words)))


class Measurement(NamedTuple):
    """What `Session.measure` gives."""

    samples: list[float]
    """Milliseconds per run, warm, in each round."""
    ops: list[Mapping[str, Any]]
    """`{op, kind, flops, ms}` of each op: a dim's expression, and its mean milliseconds."""
    trace: Mapping[str, Any]
    """As many more runs as there are rounds, in Chrome's Trace Event Format."""
    isa: Isa
    threads: int


class Session(Protocol):
    """A bundle, loaded into an engine and ready to run. Close it, or use it in a `with` statement.

    Inputs are numpy arrays, of any byte order and memory layout, or what `numpy.asarray` takes;
    lists of Python's numbers take the dtype that the model wants.
    The outputs belong to the caller. The runtime checks the inputs: what does not fit the model
    raises InputError, which names every problem; an error without a class in `pyjsml.errors` comes
    as EngineError with its JavaScript name. A closed session raises StateError.
    """

    def run(self, inputs: Mapping[str, ArrayLike]) -> dict[str, Array]:
        """Run the model; return its outputs by name."""

    def capture(
        self, inputs: Mapping[str, ArrayLike], names: Sequence[str]
    ) -> tuple[dict[str, Array], dict[str, Array]]:
        """Run the model; return its outputs, and the values of the graph called `names`."""

    def measure(self, inputs: Mapping[str, ArrayLike], rounds: int) -> Measurement:
        """Time runs inside the engine, each with its inputs copied in and its outputs out."""

    def read(self, name: str) -> Array:
        """Return a tensor of the run under way, to be called inside of `dispatch`.

        `name` is a value's, an op's (its first output's) or an output's. Raises InputError for
        another name, and StateError where there is no such tensor now.
        """

    def write(self, name: str, tensor: ArrayLike) -> None:
        """Put `tensor` in the place of one of the run under way: the ops to come read it instead.

        Raises like `read`, and InputError where it does not fit.
        """

    def close(self) -> None:
        """Free what the session holds. Closing it again does nothing."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


class Engine(Protocol):
    """A way to run bundles; stateless, so that its sessions share nothing."""

    @property
    def name(self) -> str:
        """Return the name that users call it by."""

    def available(self) -> str | None:
        """Return None where the engine can be used, else a sentence on how to get it."""

    def open(
        self,
        bundle: Bundle,
        *,
        isa: Isa | None = None,
        threads: int = 1,
        device: str = "wasm",
        precision: Precision = "float32",
        modules: Modules | None = None,
        dispatch: Dispatch | None = None,
    ) -> Session:
        """Load `bundle`; the options are those of SessionOptions.

        Raises EngineUnavailableError where the engine is absent or lacks the device, OptionError
        where it can't do what an option asks for, ExecutorError where the user's own executor is at
        fault, and what loading raises.
        """

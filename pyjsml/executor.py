"""A bundle that runs from Python."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

from pyjsml.bundle import Bundle
from pyjsml.errors import OptionError
from pyjsml.program import DEVICES, ISAS

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from pyjsml.engines.precision import Precision
    from pyjsml.engines.protocol import Dispatch
    from pyjsml.modules import Modules
    from pyjsml.program import Array, Isa


class Executor:
    """A bundle running in an engine of this process or beside it. Use it in a `with` statement.

    `engine` is one of `pyjsml.engines.ENGINES` by name; `isa` forces one of the bundle's two wasm
    files, which else the engine's abilities decide; `threads` is how many may share its kernels.
    `device` is where ops run that have a kernel for it; the others run on wasm. `precision` is how
    exactly float32 values are kept between ops: "float16" takes half the memory on webgl2.
    `executor` is a file of JavaScript or TypeScript that exports an executor by default, a class
    that extends Executor or policies, in place of the bundle's own if it has one.
    `dispatch(op, next)` is called around each op of a run (`pyjsml.engines.dispatch.Op`), and has
    to call `next()` once; what it raises, the run raises. That takes some 20 µs per op.

    Raises EngineUnavailableError, with how to get it, where the engine or the device is absent,
    OptionError where it has fewer threads or can't call Python, or where there is no such engine,
    device, precision or isa, DeviceError where the machine can't draw float16, and ExecutorError
    where the executor is at fault.
    """

    def __init__(
        self,
        bundle: Bundle | str | os.PathLike[str],
        engine: str = "pythonmonkey",
        *,
        isa: Isa | None = None,
        threads: int = 1,
        device: str = "wasm",
        precision: Precision = "float32",
        executor: str | os.PathLike[str] | None = None,
        dispatch: Dispatch | None = None,
    ) -> None:
        from pyjsml.engines import get_engine

        _check_choice("device", device, DEVICES)
        if isa is not None:
            _check_choice("isa", isa, ISAS)
        opened = bundle if isinstance(bundle, Bundle) else Bundle.open(bundle)
        modules = read_executor(opened, executor)
        self._session = get_engine(engine).open(
            opened,
            isa=isa,
            threads=threads,
            device=device,
            precision=precision,
            modules=modules,
            dispatch=dispatch,
        )

    def run(self, /, **inputs: ArrayLike) -> dict[str, Array]:
        """Run the model on arrays by input name; return its outputs by name.

        For inputs whose names are no Python identifiers, write `run(**{"input.1": array})`. Raises
        InputError with every input that is missing, misnamed, or of the wrong dtype or shape.
        """
        return self._session.run(inputs)

    def read(self, name: str) -> Array:
        """Return a tensor of the run under way, to be called inside of `dispatch`.

        `name` is a value's, an op's (its first output's) or an output's. Raises InputError for
        another name, and StateError where there is no such tensor now: no run is under way, the op
        that gives it is yet to come, or another has reused its bytes.
        """
        return self._session.read(name)

    def write(self, name: str, tensor: ArrayLike) -> None:
        """Put `tensor` in the place of one of the run under way: the ops to come read it instead.

        Raises like `read`, and InputError where its dtype or shape is another.
        """
        self._session.write(name, tensor)

    def close(self) -> None:
        """Free what the executor holds. Closing it again does nothing."""
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_executor(bundle: Bundle, file: str | os.PathLike[str] | None) -> Modules | None:
    """Read an executor of the user's own for `bundle`, if there is one. Raises ExecutorError."""
    if file is None:
        return None
    from pyjsml.modules import read_modules

    return read_modules(Path(file), bundle.manifest["name"])


def _check_choice(what: str, chosen: str, known: Sequence[str]) -> None:
    if chosen not in known:
        raise OptionError(f"there is no {what} {chosen!r}; there are: {', '.join(known)}")

"""Executors of the user's own, in every engine: one file, of JavaScript or TypeScript."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pyjsml
from pyjsml.bundle import Bundle
from pyjsml.emit import emit
from pyjsml.engines import Engine, get_engine
from pyjsml.engines.dispatch import Op, Value
from pyjsml.errors import (
    ExecutorError,
    InputError,
    KernelError,
    OptionError,
    PlacementError,
    StateError,
)
from tests.engines.programs import assert_close, chain_outputs, chain_program

pytestmark = pytest.mark.usefixtures("one_firefox")

X = np.arange(6, dtype=np.float32).reshape(2, 3)
Y = chain_outputs(X)["pow"]

# Fails unless every op of the chain goes through it, which the last run's end tells.
CLASS = """
import { Executor } from "pyjsml";
import { wanted } from "./wanted.js";
export default class Own extends Executor {
  seen = [];
  dispatchSync(op, next) { this.seen.push(op.name); next(); }
  onFinish() {
    if (this.seen.splice(0).join() === wanted) throw new RangeError("all went through");
  }
}
"""
WAITING = CLASS.replace(
    "dispatchSync(op, next) { this.seen.push(op.name); next(); }",
    "async dispatch(op, next) { await null; this.seen.push(op.name); await next(); }",
)
TYPED = CLASS.replace("import { Executor }", "import { Executor, type Model, type Op }").replace(
    "class Own extends Executor {\n  seen = [];\n  dispatchSync(op, next)",
    "class Own<M extends Model> extends Executor<M> {\n"
    "  seen: string[] = [];\n  override dispatchSync(op: Op<M>, next: () => void): void",
)
POLICIES = """
import { wanted } from "./wanted.js";
const seen = [];
export default [
  { dispatchSync(op, next) { seen.push(op.name); next(); } },
  {
    onFinish() {
      if (seen.splice(0).join() === wanted) throw new RangeError("all went through");
    },
  },
];
"""

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(source: str, name: str = "own.js") -> Path:
        (tmp_path / "wanted.js").write_text('export const wanted = "scale,shift,square";')
        (tmp_path / name).write_text(source)
        return tmp_path / name

    return write


@pytest.mark.parametrize(
    ("source", "name"),
    [(CLASS, "own.js"), (WAITING, "own.mjs"), (TYPED, "own.ts"), (POLICIES, "own.js")],
    ids=["class", "waiting", "typescript", "policies"],
)
def test_every_op_goes_through_it(
    engine: Engine, chain_bundle: Bundle, write: Write, source: str, name: str
) -> None:
    with (
        pyjsml.Executor(chain_bundle, engine.name, executor=write(source, name)) as executor,
        pytest.raises(ExecutorError, match="RangeError: all went through"),
    ):
        executor.run(x=X)


@pytest.mark.parametrize("hook", ["dispatchSync(op, next) {", "async dispatch(op, next) { await"])
def test_results_are_the_models(
    engine: Engine, chain_bundle: Bundle, write: Write, hook: str
) -> None:
    own = write(f"export default {{ {hook} next(); }} }};")
    with pyjsml.Executor(chain_bundle, engine.name, executor=own) as executor:
        for rows in (2, 5, 1):
            x = np.resize(X, (rows, 3))
            assert_close(executor.run(x=x)["y"], chain_outputs(x)["pow"])


@pytest.mark.parametrize(
    ("source", "error", "says"),
    [
        ("export default 7;", ExecutorError, "the default export is neither a class"),
        ("export default class {};", ExecutorError, "does not extend Executor"),
        ("null.x; export default {};", ExecutorError, "the executor has failed: TypeError"),
        ("export default { place: () => 'gpu' };", PlacementError, "gpu"),
        ("export default { onStart() { throw Error('no'); } };", ExecutorError, "Error: no"),
        ("export default { dispatchSync() {} };", StateError, "did not call next for the op scale"),
        (
            "export default { async dispatch(op, next) { await next(); await next(); } };",
            StateError,
            "called next twice for the op scale",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_has_a_class(
    engine: Engine,
    chain_bundle: Bundle,
    write: Write,
    source: str,
    error: type[Exception],
    says: str,
) -> None:
    own = write(source)
    with (
        pytest.raises(error, match=says),
        pyjsml.Executor(chain_bundle, engine.name, executor=own) as executor,
    ):
        executor.run(x=X)


def test_a_kernel_that_traps_under_hooks_that_wait(engine: Engine, write: Write) -> None:
    own = write("export default { async dispatch(op, next) { await next(); } };")
    bundle = emit(chain_program(trap=True))
    with (
        pyjsml.Executor(bundle, engine.name, executor=own) as executor,
        pytest.raises(KernelError, match=r"square \(tail chain\.py:5\)"),
    ):
        executor.run(x=X)


def test_a_file_that_is_not_there(engine: Engine, chain_bundle: Bundle, tmp_path: Path) -> None:
    with pytest.raises(ExecutorError, match=r"no\.js can't be read: No such file"):
        pyjsml.Executor(chain_bundle, engine.name, executor=tmp_path / "no.js")


def test_hooks_that_wait_in_a_notebook(chain_bundle: Bundle, write: Write) -> None:
    """A notebook's cells run inside an event loop of asyncio's."""
    own = write("export default { async dispatch(op, next) { await next(); } };")

    async def cell() -> np.ndarray:
        with pyjsml.Executor(chain_bundle, executor=own) as executor:
            y: np.ndarray = executor.run(x=X)["y"]
        await asyncio.sleep(0)
        return y

    assert_close(asyncio.run(cell()), Y)


class TestDispatch:
    """A Python function around each op."""

    def test_sees_each_op(self, chain_bundle: Bundle) -> None:
        seen: list[Op] = []

        def dispatch(op: Op, next: Callable[[], None]) -> None:
            seen.append(op)
            next()

        with pyjsml.Executor(chain_bundle, dispatch=dispatch) as executor:
            assert_close(executor.run(x=X)["y"], Y)
        assert [op.name for op in seen] == ["scale", "shift", "square"]
        assert seen[1] == Op(
            "shift",
            "add",
            ({"node": "add", "kind": "aten.add.Tensor", "module": "head.shift",
              "source": "chain.py:4"},),
            (Value("scaled", "float32", (2, 3)), Value("shift", "float32", (3,))),
            (Value("shifted", "float32", (3, 2)),),
        )  # fmt: skip

    def test_out_of_reach(self, engine: Engine, chain_bundle: Bundle) -> None:
        with pyjsml.Executor(chain_bundle, engine.name) as executor:
            executor.run(x=X)
            with pytest.raises(StateError, match="no run is under way"):
                executor.read("scaled")
            with pytest.raises(StateError, match="no run is under way"):
                executor.write("scaled", X)

    def test_goes_within_an_executor(self, chain_bundle: Bundle, write: Write) -> None:
        calls: list[str] = []
        own = write("export default { async dispatch(op, next) { await next(); } };")

        def dispatch(op: Op, next: Callable[[], None]) -> None:
            next()
            calls.append(op.kind)

        with pyjsml.Executor(chain_bundle, executor=own, dispatch=dispatch) as executor:
            assert_close(executor.run(x=X)["y"], Y)
        assert calls == ["multiply", "add", "multiply"]

    @pytest.mark.parametrize("error", [ValueError("no such thing"), KeyboardInterrupt()])
    def test_what_it_raises_comes_back(self, chain_bundle: Bundle, error: BaseException) -> None:
        fails = [True]

        def dispatch(op: Op, next: Callable[[], None]) -> None:
            if op.name == "shift" and fails.pop():
                raise error
            next()

        with pyjsml.Executor(chain_bundle, dispatch=dispatch) as executor:
            with pytest.raises(type(error)) as caught:
                executor.run(x=X)
            assert caught.value is error
            fails.append(False)
            assert_close(executor.run(x=X)["y"], Y)

    def test_a_kernel_that_traps_raises_in_it_and_out_of_it(self) -> None:
        caught: list[Exception] = []

        def dispatch(op: Op, next: Callable[[], None]) -> None:
            try:
                next()
            except KernelError as error:
                caught.append(error)

        with (
            pyjsml.Executor(emit(chain_program(trap=True)), dispatch=dispatch) as executor,
            pytest.raises(KernelError, match="square"),
        ):
            executor.run(x=X)
        assert len(caught) == 1

    @pytest.mark.parametrize(
        ("calls", "says"), [(0, "did not call next"), (2, "called next twice for the op scale")]
    )
    def test_next_is_to_be_called_once(self, chain_bundle: Bundle, calls: int, says: str) -> None:
        def dispatch(op: Op, next: Callable[[], Any]) -> None:
            for _ in range(calls):
                next()

        with (
            pyjsml.Executor(chain_bundle, dispatch=dispatch) as executor,
            pytest.raises(StateError, match=says),
        ):
            executor.run(x=X)

    def test_reads_and_replaces_tensors(self, chain_bundle: Bundle) -> None:
        found: dict[str, np.ndarray] = {}
        other = np.full((3, 2), 3, np.float32)

        def dispatch(op: Op, next: Callable[[], None]) -> None:
            with pytest.raises(StateError, match="squared"):
                executor.read("squared")
            with pytest.raises(InputError, match="nothing"):
                executor.read("nothing")
            next()
            found[op.name] = executor.read(op.outputs[0].name)
            if op.name == "shift":
                executor.write("shifted", other)

        with pyjsml.Executor(chain_bundle, dispatch=dispatch) as executor:
            y = executor.run(x=X)["y"]
        expected = chain_outputs(X)
        assert_close(found["scale"], expected["mul"])
        assert_close(found["shift"], expected["add"].T)
        assert_close(y, other.T**2)

    @pytest.mark.parametrize("name", ["v8", "node", "chromium", "firefox"])
    def test_engines_that_have_none(self, chain_bundle: Bundle, name: str) -> None:
        if problem := get_engine(name).available():
            pytest.skip(problem)
        with pytest.raises(OptionError, match=f"the engine {name} can't call Python.*pythonmonkey"):
            pyjsml.Executor(chain_bundle, name, dispatch=lambda op, next: next())

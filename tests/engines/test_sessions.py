"""What every engine does alike."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyjsml.bundle import Bundle
from pyjsml.emit import emit
from pyjsml.engines import Engine, Session
from pyjsml.errors import (
    BundleError,
    DigestError,
    EngineError,
    FormatVersionError,
    InputError,
    KernelError,
    StateError,
)
from pyjsml.program import Isa
from tests.engines.conftest import with_files
from tests.engines.programs import DTYPES, MAX_ROWS, assert_close, chain_outputs, chain_program

pytestmark = pytest.mark.usefixtures("one_firefox")

Opened = Callable[[Session], Session]


def random_rows(rows: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((rows, 3)).astype(np.float32)


def extremes(dtype: str, rows: int) -> np.ndarray:
    """Return values that a conversion through another type would spoil."""
    kind = np.dtype(dtype)
    if kind.kind == "f":
        info = np.finfo(kind)
        values = [np.nan, np.inf, -np.inf, -0.0, info.max, info.smallest_subnormal, 1.1]
    elif kind.kind == "b":
        values = [True, False, False]
    else:
        limits = np.iinfo(kind)
        values = [limits.min, limits.max, limits.max - 1, 1, 0]
    return np.resize(np.array(values, kind), (rows, 3))


def echo_inputs(rows: int = 2) -> dict[str, Any]:
    return {dtype: extremes(dtype, rows) for dtype in DTYPES} | {"scalar": np.array(-(2**63))}


@pytest.mark.parametrize("rows", [0, 1, MAX_ROWS])
def test_every_dtype_comes_back(echo: Session, rows: int) -> None:
    inputs = echo_inputs(rows)
    outputs = echo.run(inputs)
    assert list(outputs) == [f"same_{name}" for name in inputs]
    for name, value in inputs.items():
        same = outputs[f"same_{name}"]
        assert (same.dtype, same.shape) == (value.dtype, value.shape)
        assert same.tobytes() == value.tobytes(), name


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(np.arange(6, dtype="f4").reshape(3, 2).T, id="transposed"),
        pytest.param(np.arange(12, dtype="f4").reshape(2, 6)[::-1, ::-2], id="strided"),
        pytest.param(np.arange(6, dtype=">f4").reshape(2, 3), id="big-endian"),
        pytest.param(np.broadcast_to(np.float32(7), (2, 3)), id="read-only"),
        pytest.param(np.frombuffer(bytes(25), "f4", 6, 1).reshape(2, 3), id="unaligned"),
        pytest.param([np.array([1, 2, 3], "f4"), np.array([4, 5, 6], "f4")], id="list of rows"),
    ],
)
def test_any_memory_layout(echo: Session, given: Any) -> None:
    outputs = echo.run(echo_inputs() | {"float32": given})
    np.testing.assert_array_equal(outputs["same_float32"], given)


def test_python_values(echo: Session) -> None:
    rows = [[1, 2, 3], [4, 5, -6]]
    given = {"scalar": 7, "int64": rows, "bool": [[True] * 3] * 2, "float32": rows}
    outputs = echo.run(echo_inputs() | given)
    assert outputs["same_float32"].tolist() == rows
    assert outputs["same_scalar"] == 7
    assert outputs["same_scalar"].shape == ()
    assert outputs["same_int64"].tolist() == rows
    assert outputs["same_bool"].all()


@pytest.mark.parametrize("rows", [1, MAX_ROWS, 3])
def test_dims_vary_from_run_to_run(chain: Session, rows: int) -> None:
    x = random_rows(rows)
    assert_close(chain.run({"x": x})["y"], chain_outputs(x)["pow"])


def test_tensors_longer_than_a_pipe(engine: Engine, opened: Opened) -> None:
    x = random_rows(100_000)
    session = opened(engine.open(emit(chain_program(rows=len(x)))))
    assert_close(session.run({"x": x})["y"], chain_outputs(x)["pow"])


def test_outputs_belong_to_the_caller(chain: Session) -> None:
    first = chain.run({"x": random_rows(2)})["y"]
    kept = first.copy()
    chain.run({"x": random_rows(2, seed=1)})
    np.testing.assert_array_equal(first, kept)
    first[:] = 0


def test_inputs_stay_as_they_are(chain: Session) -> None:
    x = random_rows(2)
    kept = x.copy()
    chain.run({"x": x})
    np.testing.assert_array_equal(x, kept)


def test_capture(chain: Session) -> None:
    x = random_rows(2)
    outputs, captured = chain.capture({"x": x}, ["shifted", "scaled", "x"])
    expected = chain_outputs(x)
    assert_close(outputs["y"], expected["pow"])
    assert list(captured) == ["shifted", "scaled", "x"]
    np.testing.assert_array_equal(captured["shifted"], expected["add"].T)
    np.testing.assert_array_equal(captured["scaled"], expected["mul"])
    np.testing.assert_array_equal(captured["x"], x)


def test_capture_of_an_unknown_value(chain: Session) -> None:
    with pytest.raises(InputError, match="scalled: a run has no value, op or output"):
        chain.capture({"x": random_rows(2)}, ["scalled"])


@pytest.mark.parametrize(
    ("inputs", "problems"),
    [
        pytest.param({}, ["x: is missing"], id="missing"),
        pytest.param(
            {"z": random_rows(1)},
            ["z: the model has no such input", "x: is missing"],
            id="misnamed",
        ),
        pytest.param(
            {"x": random_rows(1).astype("f8")},
            ["x: is of dtype float64; the model wants float32"],
            id="dtype",
        ),
        pytest.param(
            {"x": np.array([[1, 2, 3]])},
            ["x: is of dtype int64; the model wants float32"],
            id="integers",
        ),
        pytest.param({"x": np.zeros((2, 4), "f4")}, ["x: is of shape 2x4"], id="shape"),
        pytest.param({"x": np.float32(1)}, ["x: is of shape scalar"], id="rank"),
        pytest.param(
            {"x": random_rows(MAX_ROWS + 1)}, ["the dim rows is 9; it may be 1 to 8"], id="dim"
        ),
        pytest.param({"x": [[1.0], [1.0, 2.0]]}, ["x: no array can be made of it"], id="ragged"),
        pytest.param(
            {"x": np.zeros((1, 3), "c8"), "z": "text"},
            ["x: is of dtype complex64, which no model takes", "z: is of dtype <U4"],
            id="no tensor",
        ),
    ],
)
def test_inputs_that_do_not_fit(chain: Session, inputs: Any, problems: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        chain.run(inputs)
    assert len(caught.value.problems) == len(problems)
    for problem, part in zip(caught.value.problems, problems, strict=True):
        assert part in problem
        assert str(caught.value).count(problem) == 1
    assert chain.run({"x": random_rows(1)}).keys() == {"y"}


def test_names_of_any_script(engine: Engine, opened: Opened) -> None:
    program = chain_program()
    port = program.signature.inputs[0]
    ports = replace(program.signature, inputs=(replace(port, name='entrée "×"\n'),))
    session = opened(engine.open(emit(replace(program, signature=ports))))
    assert session.run({'entrée "×"\n': random_rows(1)}).keys() == {"y"}
    with pytest.raises(InputError, match="entrée"):
        session.run({})


def test_a_kernel_that_traps(engine: Engine, opened: Opened) -> None:
    session = opened(engine.open(emit(chain_program(trap=True))))
    with pytest.raises(KernelError, match=r"square \(tail chain\.py:5\)"):
        session.run({"x": random_rows(1)})


def test_changed_weights(engine: Engine, chain_bundle: Bundle) -> None:
    path = "weights.safetensors"
    data = bytearray(chain_bundle.files[path])
    data[-1] ^= 1
    with pytest.raises(DigestError, match=path):
        engine.open(Bundle({**chain_bundle.files, path: bytes(data)}))


def test_another_format_version(engine: Engine, chain_bundle: Bundle) -> None:
    files = {
        path: chain_bundle.files[path].replace(b'"formatVersion": 2', b'"formatVersion": 99')
        for path in ("index.js", "index.script.js")
    }
    with pytest.raises(FormatVersionError, match="99"):
        engine.open(with_files(chain_bundle, files))


def test_a_malformed_script(engine: Engine, chain_bundle: Bundle) -> None:
    files = dict.fromkeys(("index.js", "index.script.js"), b"globalThis.pyjsmlModel = {;\n")
    with pytest.raises(EngineError) as caught:
        engine.open(with_files(chain_bundle, files))
    assert caught.value.type == "SyntaxError"


def test_runtime_outside_the_bundle(engine: Engine) -> None:
    with pytest.raises(BundleError, match="npm package"):
        engine.open(emit(chain_program(), runtime="external"))


def test_a_closed_session(engine: Engine, chain_bundle: Bundle) -> None:
    with engine.open(chain_bundle) as session:
        session.run({"x": random_rows(1)})
    session.close()
    with pytest.raises(StateError, match="closed"):
        session.run({"x": random_rows(1)})


def test_a_session_left_open_lets_python_end(
    engine: Engine, chain_bundle: Bundle, tmp_path: Path
) -> None:
    chain_bundle.write(tmp_path)
    code = f"""if True:
        import numpy
        from pyjsml.bundle import Bundle
        from pyjsml.engines import get_engine
        session = get_engine({engine.name!r}).open(Bundle.open({str(tmp_path)!r}))
        print(list(session.run({{"x": numpy.ones((1, 3), "f4")}})))
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "['y']\n"


def test_two_sessions_at_once(engine: Engine, chain_bundle: Bundle, opened: Opened) -> None:
    scale = np.array([10, 20, 30], "f4")
    first = opened(engine.open(chain_bundle))
    second = opened(engine.open(emit(chain_program(scale=scale))))
    x = random_rows(2)
    for session, expected in (
        (first, chain_outputs(x)),
        (second, chain_outputs(x, scale)),
        (first, chain_outputs(x)),
    ):
        assert_close(session.run({"x": x})["y"], expected["pow"])
    first.close()
    assert_close(second.run({"x": x})["y"], chain_outputs(x, scale)["pow"])


@pytest.mark.parametrize(("isa", "added"), [("simd128", 0), ("relaxed", 1)])
def test_isa_picks_the_wasm_file(engine: Engine, opened: Opened, isa: Isa, added: int) -> None:
    program = chain_program()
    other = chain_program(fault="+ 1.0f").wasm
    program = replace(program, wasm={**program.wasm, "relaxed": other["relaxed"]})
    session = opened(engine.open(emit(program), isa=isa))
    x = random_rows(2)
    expected = (chain_outputs(x)["add"] + added) ** 2
    assert_close(session.run({"x": x})["y"], expected)

"""From lowered functions to modules: keys, processes, names, and bytes that depend on neither."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tvm import te

from pyjsml import api
from pyjsml.cache import ObjectCache
from pyjsml.codegen.build import build
from pyjsml.codegen.exports import rename_exports
from pyjsml.codegen.lowering import lower
from pyjsml.codegen.modules import make_modules
from pyjsml.codegen.objects import unit
from pyjsml.codegen.processes import can_fork, forked
from pyjsml.codegen.settings import Settings
from pyjsml.codegen.target import target
from pyjsml.errors import OptionError
from pyjsml.kernels.schedule import schedule
from pyjsml.program import ISAS, Isa
from pyjsml.timings import Timings
from tests.ops.functions import from_te

needs_fork = pytest.mark.skipif(not can_fork(), reason="processes are not copied here")


def times(factor: float, name: str = "y", dims: tuple[str, ...] = ("n",)) -> Any:
    """Return a lowered function that multiplies by `factor`."""
    function = from_te(lambda x: te.compute(x.shape, lambda *i: x[i] * factor, name), dims)
    return lower(schedule(function), shared=False)


def key(function: Any, isa: Isa = "simd128") -> str:
    return unit(function, target(isa)).key


def lowered(count: int = 20) -> dict[Isa, dict[str, Any]]:
    functions = {f"times_{number}": times(number + 0.5) for number in range(count)}
    return dict.fromkeys(ISAS, functions)


def modules(functions: Any, settings: Settings) -> dict[Isa, bytes]:
    return make_modules(functions, settings, Timings())


def test_names_do_not_matter_to_the_key() -> None:
    assert key(times(2.0)) == key(times(2.0, name="other", dims=("m",)))


def test_all_else_matters_to_the_key() -> None:
    keys = {key(times(2.0)), key(times(3.0)), key(times(2.0), "relaxed")}
    keys |= {key(times(2.0, dims=("n", "m"))), key(times(1e-45)), key(times(-2.0))}
    assert len(keys) == 6


def test_functions_that_come_out_alike_are_compiled_once() -> None:
    told: list[int] = []
    functions = {"a": times(2.0), "b": times(2.0, name="other"), "c": times(3.0)}
    made = make_modules({"simd128": functions}, Settings(1), Timings(), tell=told.append)["simd128"]
    assert told == [1, 2]
    assert len(made) < len(
        modules({"simd128": {**functions, "b": times(4.0)}}, Settings(1))["simd128"]
    )


def test_each_name_is_exported_once_and_calls_its_own_function() -> None:
    racer = pytest.importorskip("py_mini_racer")
    names = {"a": times(2.0), "b": times(2.0, name="other"), "c": times(3.0)}
    wasm = modules({"simd128": names}, Settings(1))["simd128"]
    context = racer.MiniRacer()
    code = context.eval(f"globalThis.code = new ArrayBuffer({len(wasm)})")
    code[:] = wasm
    found = context.eval(
        "const memory = new WebAssembly.Memory({ initial: 64, maximum: 65536 });"
        "const made = new WebAssembly.Instance(new WebAssembly.Module(code), { env: { memory } });"
        "const at = made.exports.__heap_base.value + 16;"
        "const floats = new Float32Array(memory.buffer);"
        "floats[at / 4 | 0] = 5;"
        "const results = ['a', 'b', 'c'].map((name) => {"
        "  made.exports[name]((at / 4 | 0) * 4, (at / 4 | 0) * 4 + 64, 1, 0, 1);"
        "  return floats[(at / 4 | 0) + 16];"
        "});"
        "JSON.stringify([Object.keys(made.exports).sort(), results])"
    )
    context.close()
    assert found == '[["__heap_base","__stack_pointer","a","b","c"],[10,10,15]]'


def test_exports_keep_their_names_unless_told_others() -> None:
    header = b"\0asm\x01\0\0\0"
    before = header + b"\x05\x03\x01\0\x01" + b"\x07\x0a\x02\x01x\0\x85\x01\x01y\x03\0"
    assert rename_exports(before, {}) == before
    long = "n" * 130
    renamed = rename_exports(before, {"x": ["p", long]})
    names = b"\x01p\0\x85\x01" + b"\x82\x01" + long.encode() + b"\0\x85\x01" + b"\x01y\x03\0"
    size = bytes([(len(names) + 1) & 127 | 128, (len(names) + 1) >> 7])
    assert renamed == header + b"\x05\x03\x01\0\x01\x07" + size + b"\x03" + names


def test_the_bytes_depend_on_neither_processes_nor_cache(tmp_path: Path) -> None:
    functions = lowered()
    alone = modules(functions, Settings(1))
    for settings in (
        Settings(2),
        Settings(3, ObjectCache(tmp_path)),
        Settings(2, ObjectCache(tmp_path)),
        Settings(1, ObjectCache(tmp_path)),
    ):
        assert modules(functions, settings) == alone
    assert len(list(tmp_path.iterdir())) == 40


def test_damaged_objects_are_compiled_anew(tmp_path: Path) -> None:
    functions = lowered(3)
    cache = ObjectCache(tmp_path)
    alone = modules(functions, Settings(1, cache))
    files = {file: file.read_bytes() for file in tmp_path.iterdir()}
    for number, file in enumerate(files):
        file.write_bytes(file.read_bytes()[: number * 40])
    assert modules(functions, Settings(1, cache)) == alone
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == files


def test_what_the_cache_has_is_not_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    functions = lowered(3)
    made = modules(functions, Settings(1, ObjectCache(tmp_path)))

    def refuse(*arguments: object) -> None:
        raise AssertionError("LLVM was called")

    monkeypatch.setattr("pyjsml.codegen.objects.build", refuse)
    assert modules(functions, Settings(1, ObjectCache(tmp_path))) == made


@needs_fork
def test_copies_do_all_numbers_once(tmp_path: Path) -> None:
    def work(number: int) -> None:
        with (tmp_path / str(number)).open("x") as file:
            file.write(str(os.getpid()))

    assert sorted(forked(range(30), work, 3)) == list(range(30))
    writers = {file.read_text() for file in tmp_path.iterdir()}
    assert str(os.getpid()) not in writers


@needs_fork
def test_what_copies_fail_at_is_left() -> None:
    def work(number: int) -> None:
        if number == 2:
            raise ValueError
        if number == 4:
            os._exit(1)
        time.sleep(0.01)

    done = set(forked(range(12), work, 2))
    assert set(range(12)) - done == {2, 4}


@needs_fork
def test_no_copy_outlives_the_iterator(tmp_path: Path) -> None:
    def work(number: int) -> None:
        (tmp_path / str(os.getpid())).touch()
        time.sleep(0.0 if number == 0 else 600)

    copies = forked(range(3), work, 2)
    assert next(copies) == 0
    copies.close()  # type: ignore[attr-defined]
    for file in tmp_path.iterdir():
        with pytest.raises(ProcessLookupError):
            os.kill(int(file.name), 0)


@needs_fork
def test_what_copies_fail_to_compile_is_compiled_here(monkeypatch: pytest.MonkeyPatch) -> None:
    here = os.getpid()

    def fail(*arguments: Any) -> None:
        if os.getpid() != here:
            raise ValueError
        build(*arguments)

    alone = modules(lowered(), Settings(1))
    monkeypatch.setattr("pyjsml.codegen.objects.build", fail)
    assert modules(lowered(), Settings(2)) == alone


SLOW = """
import sys, time
from pyjsml import api
from pyjsml.cache import ObjectCache
from pyjsml.codegen import objects
from tests.ops.test_build import Path, Settings, lowered, modules

build, made = objects.build, objects.build
def slow(*arguments):
    build(*arguments)
    Path(sys.argv[1], "started").touch()
    time.sleep(60)

functions = lowered()
objects.build = slow
modules(functions, Settings(2, ObjectCache(Path(sys.argv[1], "cache"))))
"""


@needs_fork
def test_an_interrupted_build_leaves_nothing(tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    environment = {**os.environ, "TMPDIR": str(temporary)}
    command = [sys.executable, "-c", SLOW, str(tmp_path)]
    process = subprocess.Popen(
        command, env=environment, stderr=subprocess.PIPE, start_new_session=True
    )
    while not (tmp_path / "started").exists():
        assert process.poll() is None, process.communicate()[1].decode()
        time.sleep(0.1)
    assert [path.name.startswith("pyjsml-build-") for path in temporary.iterdir()] == [True]
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    _, errors = process.communicate(timeout=120)
    assert errors.decode().rstrip().endswith("KeyboardInterrupt")
    assert errors.decode().count("Traceback") == 1
    assert list(temporary.iterdir()) == []
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


def test_bundles_do_not_depend_on_how_they_are_compiled(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    model = torch.nn.Sequential(torch.nn.Linear(5, 3), torch.nn.ReLU(), torch.nn.Linear(3, 2))
    timings = Timings()
    first = api.bundle(model, (torch.zeros(1, 5),), jobs=1, cache=False, timings=timings)
    assert first.files == api.bundle(model, (torch.zeros(1, 5),)).files
    assert list(timings.seconds) == [
        "load",
        "optimize",
        "lower",
        "compile: scheduling",
        "compile: LLVM",
        "compile: linking",
        "schedule",
        "emit",
    ]
    with pytest.raises(OptionError, match="jobs is 0"):
        api.bundle(model, (torch.zeros(1, 5),), jobs=0)

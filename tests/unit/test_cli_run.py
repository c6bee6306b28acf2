"""`pyjsml run`: arrays from files in, outputs shown or written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from safetensors.numpy import load_file, save_file

from pyjsml import Bundle
from pyjsml.cli import main
from tests.support.tiny import WEIGHT

X = np.arange(6, dtype=np.float32).reshape(2, 3)
Y = (X * WEIGHT).ravel()


@pytest.fixture
def directory(tiny: Bundle, tmp_path: Path) -> Path:
    tiny.write(tmp_path / "tiny")
    return tmp_path / "tiny"


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["run", *map(str, arguments)])


def save_json(file: Path) -> None:
    file.write_text(json.dumps(X.tolist()))


WRITERS: dict[str, Callable[[Path], None]] = {
    "x.npy": lambda file: np.save(file, X),
    "named.npz": lambda file: np.savez(file, allow_pickle=False, x=X, z=X + 1),
    "vectors.npz": lambda file: np.savez(file, allow_pickle=False, **{"in:x": X, "out:y": Y}),
    "single.npz": lambda file: np.savez(file, allow_pickle=False, whatever=X),
    "x.safetensors": lambda file: save_file({"x": X}, file),
    "x.json": save_json,
}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("prefix", ["x=", ""])
def test_reads_inputs(directory: Path, tmp_path: Path, name: str, prefix: str) -> None:
    WRITERS[name](tmp_path / name)
    result = invoke(directory, "--input", f"{prefix}{tmp_path / name}", "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout) == {
        "y": {"dtype": "float32", "shape": [6], "data": Y.tolist()}
    }


def test_shows_outputs(directory: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X)
    result = invoke(directory, "--input", tmp_path / "x.npy")
    assert result.exit_code == 0
    assert "float32[6]" in result.stdout
    assert f"[0] {Y[0]:.4g}" in result.stdout


@pytest.mark.parametrize("suffix", [".npz", ".npy", ".safetensors", ".json"])
def test_writes_outputs(directory: Path, tmp_path: Path, suffix: str) -> None:
    np.save(tmp_path / "x.npy", X)
    file = tmp_path / f"y{suffix}"
    result = invoke(directory, "--input", tmp_path / "x.npy", "--output", file)
    assert result.exit_code == 0, result.stderr
    match suffix:
        case ".npz":
            with np.load(file) as archive:
                got = archive["y"]
        case ".npy":
            got = np.load(file)
        case ".safetensors":
            got = load_file(file)["y"]
        case _:
            got = np.array(json.loads(file.read_text())["y"], np.float32)
    np.testing.assert_array_equal(got, Y)


def test_json_has_null_for_what_is_no_number(directory: Path, tmp_path: Path) -> None:
    x = np.array([[np.nan, 1, np.inf], [2, -np.inf, 0]], np.float32)
    np.save(tmp_path / "x.npy", x)
    result = invoke(directory, "--input", tmp_path / "x.npy", "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["y"]["data"] == [None, -2.0, None, 2.0, None, 0.0]


def test_refuses_an_unknown_output_format(directory: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X)
    result = invoke(directory, "--input", tmp_path / "x.npy", "--output", tmp_path / "y.png")
    assert result.exit_code == 2
    assert "end its name in .npz, .safetensors or .json" in result.stderr


def test_lists_every_problem_with_the_inputs(directory: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.npy").write_bytes(b"no array")
    np.savez(tmp_path / "two.npz", allow_pickle=False, a=X, b=X)
    arguments = ("y=x.npy", f"x={tmp_path / 'no.npy'}", f"x={tmp_path / 'bad.npy'}")
    more = (f"x={tmp_path / 'two.npz'}", "x=x.png")
    result = invoke(directory, *(word for each in arguments + more for word in ("--input", each)))
    assert result.exit_code == 2
    assert "(x: float32[2,3])" in result.stderr
    assert "'y=x.npy' names no input of the model" in result.stderr
    assert "no.npy: No such file or directory" in result.stderr
    assert "bad.npy can't be read as an array from a .npy file: " in result.stderr
    assert "two.npz: it holds a, b, and nothing called x" in result.stderr
    assert "x.png: pyjsml reads arrays from" in result.stderr


def test_an_input_is_missing(directory: Path) -> None:
    result = invoke(directory)
    assert result.exit_code == 2
    assert "input 'x' is missing" in result.stderr


def test_an_input_of_the_wrong_shape(directory: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X.T)
    result = invoke(directory, "--input", tmp_path / "x.npy")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")
    assert "x: is of shape 3x2; the model wants 2x3" in result.stderr


def test_unknown_engine(directory: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X)
    result = invoke(directory, "--input", tmp_path / "x.npy", "--engine", "netscape")
    assert result.exit_code == 2
    assert "there is no engine 'netscape'" in result.stderr


def test_no_bundle(tmp_path: Path) -> None:
    result = invoke(tmp_path / "nowhere")
    assert result.exit_code == 2
    assert "is not a bundle" in result.stderr


def test_a_changed_bundle(directory: Path) -> None:
    with (directory / "model.simd.wasm").open("ab") as file:
        file.write(b"\0")
    result = invoke(directory)
    assert result.exit_code == 2
    assert "model.simd.wasm is not the file that was bundled" in result.stderr


def test_threads(directory: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X)
    result = invoke(directory, "--input", tmp_path / "x.npy", "--threads", "2")
    assert result.exit_code == 2
    assert (
        "the engine pythonmonkey has one thread; node, chromium and firefox have more"
        in result.stderr
    )


def test_an_executor_of_ones_own(directory: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X)
    own = tmp_path / "own.ts"
    own.write_text("export default { onFinish(): void { throw new Error('it was here'); } };")
    result = invoke(directory, "--input", tmp_path / "x.npy", "--executor", own)
    assert result.exit_code == 2
    assert "the executor has failed: Error: it was here" in result.stderr

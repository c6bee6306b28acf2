"""Whatever is wrong with the input: the command line says so, exits with 2, and changes nothing.

One row per way to go wrong. What each message lists in detail is tested beside the code that finds
the fault; here the whole way is gone, from the arguments to the exit code.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from click.testing import CliRunner
from onnx import helper

from pyjsml import Bundle
from pyjsml.cli import main
from pyjsml.cli.failures import UserErrorMessage
from pyjsml.errors import (
    BundleError,
    DigestError,
    EngineUnavailableError,
    ExecutorError,
    FormatVersionError,
    InputError,
    ModelError,
    OptionError,
    OutputDirectoryError,
    PlacementError,
    StateError,
    UnsafeModelError,
    UnsupportedOpError,
    UserError,
    VectorsError,
)
from tests.support.models import SmallNet, conv_model, onnx_model, save, seeded, tensor_info

IMAGE = (torch.zeros(1, 3, 8, 8),)


def unsupported() -> onnx.ModelProto:
    nodes = [
        helper.make_node("Warp", ["x"], ["a"], domain="my.ops", name="warp 1"),
        helper.make_node("Warp", ["a"], ["b"], domain="my.ops", name="warp 2"),
        helper.make_node("Weft", ["b"], ["y"], domain="my.ops", name="weft"),
    ]
    ports = [tensor_info("x", [3])], [tensor_info("y", [3])]
    return onnx_model(nodes, *ports, domains=["my.ops"])


def damaged(source: Path, kind: str) -> Path:
    """Write beside `source` what is left of it after a broken download, or a disk's fault."""
    data = bytearray(source.read_bytes())
    middle = len(data) // 2
    if kind == "truncated":
        del data[middle:]
    else:
        data[middle : middle + 64] = bytes(byte ^ 1 for byte in data[middle : middle + 64])
    path = source.with_name(f"{kind}{source.suffix}")
    path.write_bytes(data)
    return path


EXECUTORS = {
    "malformed.js": "export default class {\n  place( {\n}",
    "nothing.ts": "export const executor = 1;",
    "library.js": "import lodash from 'lodash';\nexport default {};",
    "seven.js": "export default 7;",
    "throws.js": "export default { onStart() { throw new RangeError('no luck'); } };",
    "gpu.js": "export default { place: () => 'gpu' };",
    "twice.js": "export default { dispatchSync(op, next) { next(); next(); } };",
    "waits.js": "export default { async dispatch(op, next) { await next(); } };",
}


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory, tiny: Bundle) -> Path:
    """A folder of everything that the rows below name."""
    folder = tmp_path_factory.mktemp("given")
    whole = save(conv_model(), folder / "whole.onnx")
    torch.export.save(torch.export.export(seeded(SmallNet), IMAGE), folder / "whole.pt2")
    traced = torch.jit.trace(seeded(SmallNet), IMAGE)  # type: ignore[no-untyped-call]
    traced.save(str(folder / "whole.pt"))
    for path in (whole, folder / "whole.pt2", folder / "whole.pt"):
        damaged(path, "truncated")
    for path in (folder / "whole.pt2", folder / "whole.pt"):
        damaged(path, "corrupt")
    text_too_long = whole.read_bytes().replace(b"\x04Conv", b"\x7fConv")
    (folder / "corrupt.onnx").write_bytes(text_too_long)
    (folder / "empty.onnx").touch()
    torch.save(SmallNet(), folder / "pickled.pt")
    torch.save(SmallNet().state_dict(), folder / "weights.pt")
    save(unsupported(), folder / "unsupported.onnx")
    (folder / "thesis").mkdir()
    (folder / "thesis" / "chapter.tex").write_text("years of work")
    for name in ("bundle", "changed", "newer", "foreign"):
        tiny.write(folder / name)
    (folder / "foreign" / "notes.txt").write_text("years of work")
    with (folder / "changed" / "weights.safetensors").open("ab") as file:
        file.write(b"\0")
    manifest = json.loads(tiny.files["manifest.json"])
    manifest["format"]["version"] = 99
    (folder / "newer" / "manifest.json").write_text(json.dumps(manifest))
    x = np.ones((2, 3), np.float32)
    np.save(folder / "x.npy", x)
    np.save(folder / "double.npy", x.astype(np.float64))
    np.save(folder / "wide.npy", np.ones((2, 4), np.float32))
    np.save(folder / "objects.npy", np.array([{}]), allow_pickle=True)
    (folder / "short.npy").write_bytes((folder / "x.npy").read_bytes()[:-4])
    for name in ("empty.npy", "empty.npz", "empty.safetensors", "empty.json"):
        (folder / name).touch()
    for name, source in EXECUTORS.items():
        (folder / name).write_text(source)
    np.savez(folder / "vectors.npz", allow_pickle=False, **{"in:x": x, "out:z": x})
    return folder


@dataclass(frozen=True)
class Row:
    """A command line, the class of its error, and something that the message says."""

    command: str
    error: type[UserError]
    says: str


ROWS = [
    Row("bundle unsupported.onnx -o out", UnsupportedOpError, "Warp ×2: warp 1, warp 2\n.*Weft ×1"),
    Row("bundle nowhere.onnx -o out", ModelError, "There is no file nowhere.onnx"),
    Row("bundle empty.onnx -o out", ModelError, "empty.onnx is empty; export or download it again"),
    Row("bundle truncated.onnx -o out", ModelError, "truncated.onnx .*truncated; export"),
    Row("bundle truncated.pt2 -o out", ModelError, "truncated.pt2 is truncated or corrupt.*export"),
    Row("bundle truncated.pt -o out", ModelError, "truncated.pt is truncated or corrupt.*export"),
    Row("bundle corrupt.onnx -o out", ModelError, "corrupt.onnx .*export or download it again"),
    Row("bundle corrupt.pt2 -o out", ModelError, "corrupt.pt2 is corrupt .*export or download"),
    Row("bundle corrupt.pt -o out", ModelError, "corrupt.pt (is corrupt|can't be read)"),
    Row("bundle pickled.pt -o out", UnsafeModelError, "runs whatever code.*torch.export.save"),
    Row("bundle weights.pt -o out", UnsafeModelError, "weights .*without the model"),
    Row("bundle no_such_module:net -o out", ModelError, "no_such_module can't be imported"),
    Row("bundle whole.onnx -o thesis", OutputDirectoryError, "chapter.tex.*choose another"),
    Row("bundle whole.onnx -o foreign", OutputDirectoryError, "notes.txt.*would be lost"),
    Row("bundle whole.onnx -o x.npy", OutputDirectoryError, "x.npy is not a directory"),
    Row("bundle whole.onnx -o x.npy/out", OutputDirectoryError, "x.npy is no directory; choose"),
    Row("bundle whole.onnx -o out --name Über", OptionError, "not an npm package name.*'uber'"),
    Row("bundle whole.onnx -o out --version one", OptionError, "'one' is not a semantic version"),
    Row("bundle whole.onnx -o out --input y=float32[1]", OptionError, "no such input.*'y'"),
    Row("bundle whole.onnx -o out --input x:1", OptionError, "x:1"),
    Row("bundle whole.onnx -o out --dim M=1:4", OptionError, "'M'.*N"),
    Row("bundle whole.onnx -o out --database x.npy", OptionError, "is no tuning database"),
    Row("bundle whole.onnx -o out --database no.jsonl", OptionError, "no.jsonl can't be read"),
    Row("bundle whole.onnx -o out --executor no.js", ExecutorError, "no.js can't be read: No such"),
    Row("bundle whole.onnx -o out --executor malformed.js", ExecutorError, r"malformed.js:3:\d: "),
    Row("bundle whole.onnx -o out --executor nothing.ts", ExecutorError, "has no default export"),
    Row("bundle whole.onnx -o out --executor library.js", ExecutorError, ":1 imports 'lodash'"),
    Row("run nowhere", BundleError, "nowhere is not a bundle"),
    Row("run thesis", BundleError, "thesis is not a bundle"),
    Row("run changed --input x.npy", DigestError, "weights.safetensors .*digest differs"),
    Row("run newer --input x.npy", FormatVersionError, "version 99.*reads version 2"),
    Row("run bundle", InputError, "input 'x' is missing"),
    Row("run bundle --input z=x.npy", InputError, "'z=x.npy' names no input.*'x' is missing"),
    Row("run bundle --input x.npy --input x=x.npy", InputError, "input 'x' is given twice"),
    Row("run bundle --input x=", InputError, "'x=' names no file"),
    Row("run bundle --input double.npy", InputError, "x: is of dtype float64;.* wants float32"),
    Row("run bundle --input wide.npy", InputError, "x: is of shape 2x4; the model wants 2x3"),
    Row("run bundle --input objects.npy", InputError, "objects.npy can't be read as an array"),
    Row("run bundle --input short.npy", InputError, "short.npy can't be read as an array"),
    Row("run bundle --input empty.npy", InputError, "empty.npy can't be read as an array"),
    Row("run bundle --input empty.npz", InputError, "empty.npz can't be read as an array"),
    Row("run bundle --input empty.safetensors", InputError, "empty.safetensors can't be read"),
    Row("run bundle --input empty.json", InputError, "empty.json can't be read as an array"),
    Row("run bundle --input nowhere.npy", InputError, "nowhere.npy: No such file"),
    Row("run bundle --input x.npy --output y.png", OptionError, "end its name in .npz"),
    Row("run bundle --input x.npy --output no/y.npz", OptionError, "there is no directory no"),
    Row("run bundle --input x.npy --engine rhino", OptionError, "there is no engine 'rhino'"),
    Row("run bundle --input x.npy --executor no.js", ExecutorError, "no.js can't be read: No such"),
    Row("run bundle --input x.npy --executor malformed.js", ExecutorError, r"malformed.js:3:\d: "),
    Row("run bundle --input x.npy --executor nothing.ts", ExecutorError, "has no default export"),
    Row("run bundle --input x.npy --executor library.js", ExecutorError, ":1 imports 'lodash'"),
    Row("run bundle --input x.npy --executor seven.js", ExecutorError, "neither a class"),
    Row("run bundle --input x.npy --executor throws.js", ExecutorError, "RangeError: no luck"),
    Row("run bundle --input x.npy --executor gpu.js", PlacementError, "mul: .*gpu"),
    Row("run bundle --input x.npy --executor twice.js", StateError, "next twice for the op mul"),
    Row("bench bundle --executor no.js", ExecutorError, "no.js can't be read: No such"),
    Row("profile bundle --executor no.js", ExecutorError, "no.js can't be read: No such"),
    Row(
        "bench bundle --executor waits.js --peer onnxruntime-web --model whole.onnx",
        OptionError,
        "--executor is for the bundle by itself",
    ),
    Row("bench bundle --executor waits.js", StateError, "has dispatch alone: add dispatchSync"),
    Row("check bundle --vectors vectors.npz --executor no.js", ExecutorError, "no.js can't be"),
    Row("run bundle --input x.npy --precision float8", OptionError, "there is no 'float8'"),
    Row("run bundle --input x.npy --precision float16", OptionError, "webgl2 alone keeps them in"),
    Row("bench bundle --precision float16", OptionError, "webgl2 alone keeps them in float16"),
    Row("profile bundle --precision float16", OptionError, "webgl2 alone keeps them in float16"),
    Row("run bundle --device webgl2 --precision float32,float16", OptionError, "takes one of"),
    Row("check bundle --vectors x.npy --precision float8", OptionError, "there is no 'float8'"),
    Row("check bundle --vectors x.npy --precision float16", OptionError, "webgl2 alone keeps"),
    Row("check bundle", OptionError, "give --vectors FILE.npz, --reference MODEL"),
    Row("check changed --vectors vectors.npz", DigestError, "weights.safetensors"),
    Row("check bundle --vectors nowhere.npz", VectorsError, "nowhere.npz can't be read"),
    Row("check bundle --vectors empty.npz", VectorsError, "empty.npz is not an .npz file"),
    Row("check bundle --vectors x.npy", VectorsError, "a single array"),
    Row("check bundle --vectors vectors.npz", VectorsError, "out:z is no output of the model"),
    Row("check bundle --reference nowhere.onnx", ModelError, "There is no file nowhere.onnx"),
    Row("check bundle --reference whole.pt2", OptionError, "is not the model of this.*'x': its"),
    Row("inspect changed", DigestError, "weights.safetensors"),
    Row("inspect bundle --stage lower", OptionError, "are for a MODEL"),
    Row("inspect truncated.onnx --stage load", ModelError, "truncated.onnx"),
    Row("tune whole.onnx --engine rhino", OptionError, "there is no 'rhino'"),
    Row("tune whole.onnx --isa avx", OptionError, "there is no 'avx'"),
    Row("tune whole.onnx --time soon", OptionError, "--time soon: .*30m"),
    Row("tune whole.onnx --size N --size M=x", OptionError, "'N' is no NAME=N.*'M=x' is no"),
    Row("tune whole.onnx --size M=3", OptionError, "there is no dim 'M'"),
    Row("tune whole.onnx --database x.npy", OptionError, "x.npy is no tuning database"),
    Row("tune whole.onnx --database thesis/chapter.tex/x", OptionError, "x can't be written"),
    Row("tune nowhere.onnx", ModelError, "There is no file nowhere.onnx"),
    Row("demo -o thesis", OutputDirectoryError, "chapter.tex"),
]


def tree(folder: Path) -> dict[Path, bytes | None]:
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def refusal(arguments: list[str]) -> UserErrorMessage:
    """Run the command line; return the error that it would show and exit with."""
    result = CliRunner().invoke(main, arguments, standalone_mode=False)
    assert isinstance(result.exception, UserErrorMessage), result.output
    assert result.stdout == ""
    return result.exception


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.command.replace("/", "-"))
def test_is_refused(row: Row, given: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(given)
    before = tree(given)
    error = refusal(row.command.split())
    assert error.exit_code == 2
    assert type(error.__cause__) is row.error
    assert re.search(row.says, error.message, re.DOTALL), error.message
    assert tree(given) == before


@pytest.mark.parametrize("engine", ["pythonmonkey", "v8", "node", "chromium", "firefox"])
def test_an_absent_engine_says_how_to_get_it(
    engine: str, given: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path))
    for name in ("pythonmonkey", "v8"):
        monkeypatch.setattr(f"pyjsml.engines.{name}.find_spec", lambda name: None)
    arguments = [str(given / "bundle"), "--input", str(given / "x.npy"), "--engine", engine]
    error = refusal(["run", *arguments])
    assert error.exit_code == 2
    assert type(error.__cause__) is EngineUnavailableError
    advice = {
        "node": "https://nodejs.org",
        "chromium": "playwright install chromium",
        "firefox": "playwright install firefox",
    }
    assert advice.get(engine, "pip install") in error.message

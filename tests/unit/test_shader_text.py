"""Shaders: their text, what a bundle holds of them, and what is told of ops without one."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner, Result
from torch import nn
from tvm import tirx, topi

from pyjsml import Bundle, api
from pyjsml.cache import ObjectCache
from pyjsml.cli import main
from pyjsml.codegen import webgl2
from pyjsml.codegen.webgl2.kept import kept
from pyjsml.codegen.webgl2.passes import make_shader
from pyjsml.codegen.webgl2.refusal import FAILED, NoShaderError
from pyjsml.emit import emit
from pyjsml.kernels.ops.matmul import matmul
from pyjsml.kernels.ops.softmax import softmax
from pyjsml.program import Shader
from tests.ops.cases.gathers import elements_case
from tests.ops.functions import from_te
from tests.support.golden import check_golden
from tests.support.tiny import tiny_program


class Sums(nn.Module):
    """A layer that WebGL2 can run, and running sums, here of float64, which it can't."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Linear(6, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.layer(torch.cumsum(x.double(), dim=1).float()))


@pytest.fixture(scope="module")
def sums() -> Bundle:
    return api.bundle(Sums().eval(), (torch.zeros(3, 6),), devices=["wasm", "webgl2"])


@pytest.mark.parametrize(
    ("name", "define", "shapes"),
    [
        ("relu", topi.nn.relu, [("n", 7)]),
        ("matmul", lambda a, b: matmul(a, b, 12), [("n", 8), (2, 8, 8)]),
        ("softmax", lambda x: softmax(x, 1), [(3, 10)]),
        ("transpose", topi.transpose, [(5, 3)]),
    ],
)
def test_golden(name: str, define: Callable[..., Any], shapes: list[Any]) -> None:
    made = make_shader(from_te(define, *shapes), 0)
    check_golden(f"shaders/{name}.glsl", "\n".join(each.fragment for each in made.passes))


def test_a_temporary_comes_after_what_the_op_borrows() -> None:
    function = from_te(lambda x: softmax(x, 1), (3, 10))
    (first, *_), (other, *_) = (make_shader(function, count).passes for count in (0, 2))
    assert (first.outputs, other.outputs) == ((2,), (4,))


@pytest.mark.parametrize(
    ("define", "dtype", "reason"),
    [
        (topi.nn.relu, "float64", "WebGL2 has no float64"),
        (lambda x: x.astype("float16"), "float32", "WebGL2 has no float16"),
        (lambda x: topi.add(x, tirx.const(2**40, "int64")), "int64", "the constant 1099511627776"),
        (lambda x: topi.cumsum(x, axis=0), "float32", "it is loops of its own"),
    ],
)
def test_says_why_there_is_no_shader(define: Callable[..., Any], dtype: str, reason: str) -> None:
    with pytest.raises(NoShaderError, match=reason):
        make_shader(from_te(define, (4,), dtype=dtype), 0)


@pytest.mark.parametrize(("count", "passes"), [(16, 1), (17, 2), (40, 3)])
def test_no_draw_reads_more_than_webgl2_promises(count: int, passes: int) -> None:
    function = from_te(lambda *parts: topi.concatenate(parts, 0), *[(3,)] * count)
    made = make_shader(function, 0)
    assert len(made.passes) == passes
    assert {len(each.inputs) for each in made.passes[:-1]} <= {16}
    assert max(len(each.inputs) for each in made.passes) <= 16


def test_what_would_look_through_too_much_has_no_shader() -> None:
    for count, refused in ((4096, False), (4097, True)):
        case = elements_case("long", (5, 3), (count, 3), 0)
        if not refused:
            assert make_shader(case.build(), 0).passes
            continue
        with pytest.raises(NoShaderError, match="would look through 4097 others"):
            make_shader(case.build(), 0)


def test_a_mistake_of_the_generator_costs_one_shader(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(func: tirx.PrimFunc, workspaces: int) -> Shader:
        raise KeyError("no such axis")

    program = tiny_program()
    functions = {op.kernel: None for op in program.graph.main.ops if op.kernel}
    program = replace(program, functions=functions)
    borrowed: dict[str, tuple[int, ...]] = dict.fromkeys(functions, ())
    monkeypatch.setattr(webgl2, "make_shader", broken)
    shaders = webgl2.make_shaders(program, borrowed, None)
    assert not shaders.made
    (reason,) = set(shaders.refused.values())
    assert reason == f"{FAILED} (KeyError: 'no such axis'); please report this"


def test_what_was_made_or_refused_is_kept_by_content(tmp_path: Path) -> None:
    calls = []

    def make(func: tirx.PrimFunc, workspaces: int) -> Shader:
        calls.append(workspaces)
        return make_shader(func, workspaces)

    remember = kept(make, ObjectCache(tmp_path))
    functions = [from_te(lambda x: softmax(x, 1), ("n", 10)) for _ in range(2)]
    one, other = (remember(function, 0) for function in functions)
    assert calls == [0]
    assert one == other == make_shader(functions[0], 0)
    assert remember(functions[0], 1) != one
    for _ in range(2):
        with pytest.raises(NoShaderError, match="WebGL2 has no float64"):
            remember(from_te(topi.nn.relu, (4,), dtype="float64"), 0)
    assert calls == [0, 1, 0]


def test_a_bundle_has_the_shaders_of_the_ops_that_name_one(sums: Bundle) -> None:
    named = {op["shader"] for op in sums.model["ops"] if "shader" in op}
    text = sums.files["shaders.js"].decode()
    assert named
    assert all(f"{json.dumps(name)}: {{" in text for name in named)
    assert 'import("./shaders.js")' in sums.files["index.js"].decode()
    assert "shaders.js" in sums.manifest["files"]
    assert 'devices: ["webgl2"]' in sums.files["README.md"].decode()


def test_a_bundle_for_wasm_alone_has_none() -> None:
    files = emit(tiny_program()).files
    assert "shaders.js" not in files
    assert "shaders" not in files["index.js"].decode()
    assert "WebGL2" not in files["README.md"].decode()


def test_the_same_model_gives_the_same_shaders(sums: Bundle) -> None:
    again = api.bundle(Sums().eval(), (torch.zeros(3, 6),), devices=["wasm", "webgl2"])
    assert again.files["shaders.js"] == sums.files["shaders.js"]


def test_inspect_tells_where_ops_run_and_why(sums: Bundle, tmp_path: Path) -> None:
    sums.write(tmp_path / "sums")
    shown = _invoke(tmp_path / "sums")
    assert shown.exit_code == 0, shown.stderr
    names = list(sums.manifest["unshaded"])
    assert names
    for text in (
        "webgl2",
        *[f"{name} stays on wasm: WebGL2 has no float64" for name in names],
        "copied in a run, with inputs and outputs: ",
    ):
        assert text in shown.stdout
    listed = json.loads(_invoke(tmp_path / "sums", "--json").stdout)
    assert listed["unshaded"] == sums.manifest["unshaded"]


def _invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["inspect", *map(str, arguments)])

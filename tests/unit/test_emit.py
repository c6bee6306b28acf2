"""What a bundle holds, pinned by goldens, and that it holds it for any names."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyjsml import __version__
from pyjsml.bundle import Bundle
from pyjsml.emit import emit
from pyjsml.errors import OptionError, VerifierError
from pyjsml.program import Dim, Program, TensorSpec
from tests.support.golden import check_golden
from tests.support.tiny import WEIGHT, tiny_dynamic_program, tiny_program

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js")

TRICKY = ["input.1", "class", "0", "naïve π", "a-b", "*/ x", "`${1}`", "a|b", "\u2028", "__proto__"]


def run_module(source: str, directory: Path) -> Any:
    """Run `source` as a module in `directory`; return what it prints as JSON."""
    (directory / "probe.mjs").write_text(source, encoding="utf-8")
    done = subprocess.run(
        ["node", "probe.mjs"], cwd=directory, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    "path",
    ["index.js", "index.d.ts", "index.script.js", "package.json", "README.md", "manifest.json"],
)
@pytest.mark.parametrize(
    ("name", "program"), [("tiny", tiny_program()), ("tiny-dynamic", tiny_dynamic_program())]
)
def test_golden(name: str, program: Program, path: str) -> None:
    text = emit(program).files[path].decode()
    if path == "manifest.json":  # The runtime's digests change with the runtime.
        manifest = json.loads(text)
        manifest["files"] = {file: {} for file in manifest["files"] if "runtime/" not in file}
        text = json.dumps(manifest, indent=1) + "\n"
    check_golden(f"emit/{name}/{path}", text.replace(__version__, "VERSION"))


def test_the_same_program_gives_the_same_bytes() -> None:
    first, second = emit(tiny_program()), emit(tiny_program())
    assert list(first.files.items()) == list(second.files.items())


def test_a_written_bundle_is_valid(tmp_path: Path) -> None:
    bundle = emit(tiny_program())
    bundle.write(tmp_path / "out")
    assert Bundle.open(tmp_path / "out") == bundle


def test_generated_texts_name_their_maker_and_template() -> None:
    files = emit(tiny_program()).files
    for path in ("index.js", "index.d.ts", "index.script.js", "README.md"):
        first = files[path].decode().splitlines()[0]
        assert f"pyjsml {__version__} from {path}.jinja" in first


def test_an_external_runtime_is_a_dependency_and_not_a_copy() -> None:
    bundle = emit(tiny_program(), runtime="external")
    package = json.loads(bundle.files["package.json"])
    assert package["dependencies"] == {"pyjsml": __version__}
    assert "./runtime" not in package["exports"]
    assert b'from "pyjsml"' in bundle.files["index.js"]
    assert b'from "pyjsml"' in bundle.files["index.d.ts"]
    # What Python's embedded engines run can't come from npm.
    assert [path for path in bundle.files if path.startswith("runtime/")] == [
        "runtime/pyjsml.script.js"
    ]


def test_provenance_is_in_the_manifest() -> None:
    manifest = emit(tiny_program(), provenance={"kind": "onnx", "sha256": "12"}).manifest
    assert manifest["provenance"] == {
        "kind": "onnx",
        "sha256": "12",
        "ops": {"multiply": 1, "view": 1},
    }


def test_the_manifest_describes_the_model_as_the_script_does(tmp_path: Path) -> None:
    bundle = emit(tiny_dynamic_program())
    if shutil.which("node") is None:
        pytest.skip("needs Node.js")
    script = bundle.files["index.script.js"].decode()
    probe = f"{script}\nconsole.log(JSON.stringify(globalThis.pyjsmlModel));"
    assert run_module(probe, tmp_path) == bundle.model


def test_memory_is_bounded_only_where_the_dims_are() -> None:
    bounded = emit(tiny_dynamic_program()).manifest["limits"]["memory"]
    assert bounded["least"] == {"persistent": 16, "arena": 16 + 16}
    assert bounded["most"] == {"persistent": 16, "arena": 96 + 96}
    unbounded = emit(tiny_program("batch", dims=(Dim("batch", 1, None),)))
    assert unbounded.manifest["limits"]["memory"]["most"] is None


def test_only_weights_that_the_graph_reads_are_stored() -> None:
    from safetensors.numpy import load

    weights = load(emit(tiny_program()).files["weights.safetensors"])
    assert list(weights) == ["head.weight"]
    np.testing.assert_array_equal(weights["head.weight"], WEIGHT)


def test_refuses_a_program_that_is_not_finished() -> None:
    with pytest.raises(VerifierError, match="tiny_net"):
        emit(replace(tiny_program(), scheduled=None))


@pytest.mark.parametrize("names", [("x", "x"), ("x", "y")])
def test_refuses_names_that_occur_twice(names: tuple[str, str]) -> None:
    program = tiny_program()
    spec = program.signature.outputs[0]
    outputs = tuple(TensorSpec(name, spec.dtype, spec.shape) for name in names)
    main = replace(program.graph.main, outputs=("flatten", "flatten"))
    doubled = replace(
        program,
        signature=replace(program.signature, outputs=outputs),
        lowered=replace(program.graph, main=main),
    )
    if len(set(names)) == 2:
        assert emit(doubled).model["outputs"][1]["value"] == 4
    else:
        with pytest.raises(VerifierError, match="x occurs twice"):
            emit(doubled)


def test_lists_what_npm_will_not_accept() -> None:
    with pytest.raises(OptionError) as caught:
        emit(tiny_program(), package_name="Tiny Net", version="1.0")
    assert len(caught.value.problems) == 2
    assert "'tiny-net'" in str(caught.value)


@needs_node
@pytest.mark.parametrize("name", TRICKY)
def test_any_name_works_in_the_readme_example(name: str, tmp_path: Path) -> None:
    readme = emit(tiny_program(input_name=name, output_name=name)).files["README.md"].decode()
    example = readme.split("```js\n")[1].split("```")[0]
    # The package is replaced by one that gives back the names that it is fed.
    (tmp_path / "package.mjs").write_text(
        "export const createExecutor = async () => ({ dispose() {}, run: async (feed) => {"
        " const [[name, data]] = Object.entries(feed);"
        " return { [name]: { shape: JSON.stringify([name, data.length]) } }; } });"
    )
    example = example.replace('"tiny-net"', '"./package.mjs"')
    example = example.replace("console.log(", "((shape) => console.log(shape))(")
    assert run_module(example, tmp_path) == [name, 6]


@needs_node
@settings(max_examples=25)
@given(
    names=st.lists(st.one_of(st.sampled_from(TRICKY), st.text()), min_size=2, max_size=2),
    module=st.text(),
)
def test_any_names_survive_into_javascript(
    names: list[str], module: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    program = tiny_program(input_name=names[0], output_name=names[1], name=module)
    bundle = emit(program, package_name="tiny")
    directory = tmp_path_factory.mktemp("bundle")
    bundle.write(directory / "tiny")
    probe = (
        'import { model } from "./tiny/index.js"; const { name, inputs, outputs } = model;'
        "console.log(JSON.stringify([name, inputs[0].name, outputs[0].name]));"
    )
    assert run_module(probe, directory) == [module, *names]

"""A bundle that brings an executor of the user's own."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

import pyjsml
from pyjsml.bundle import Bundle
from pyjsml.emit import emit
from pyjsml.emit.executor import own_executor
from pyjsml.engines import ENGINES
from pyjsml.engines.base import BaseEngine
from pyjsml.errors import EngineUnavailableError, ExecutorError
from pyjsml.program import Program
from tests.support.projects import TOOLS, compile_types, needs_npm
from tests.support.tiny import WEIGHT, tiny_program, with_kernels

X = np.arange(6, dtype=np.float32).reshape(2, 3)

TYPED = """\
import { Executor, type Model, type Op } from "pyjsml";
import type { OpName } from "tiny-net";
import { type Seen, seen } from "./lib/seen.js";

/** Counts ops. */
export default class Counting<M extends Model> extends Executor<M> {
  /** What ran. */
  readonly seen: Seen[] = [];
  readonly first: OpName = "mul";
  override dispatchSync(op: Op<M>, next: () => void): void {
    this.seen.push(seen(op.name));
    next();
  }
  override onFinish(): void {
    if (this.seen.length > 2) throw new RangeError(this.seen.map(({ name }) => name).join());
  }
}
"""
SEEN = """\
export interface Seen { readonly name: string }
export const seen = (name: string): Seen => ({ name });
"""
PLAIN = """\
import { Executor } from "pyjsml";
export default class Counting extends Executor {
  count = 0;
  onStart() { if (this.count++ === 1) throw new RangeError("mul,flatten"); }
}
"""
PLAIN_TYPES = """\
import { Executor, type Model } from "tiny-net/runtime";
export default class Counting<M extends Model> extends Executor<M> { count: number }
"""

Make = Callable[..., Bundle]


@pytest.fixture(scope="module")
def program() -> Program:
    return with_kernels(tiny_program())


@pytest.fixture
def make(program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    monkeypatch.chdir(TOOLS.parent)  # where TypeScript's compiler is

    def make(
        files: dict[str, str], runtime: Literal["vendored", "external"] = "vendored"
    ) -> Bundle:
        for path, text in files.items():
            (tmp_path / path).parent.mkdir(exist_ok=True)
            (tmp_path / path).write_text(text)
        own = own_executor(program, tmp_path / next(iter(files)), None, runtime)
        return emit(program, runtime=runtime, executor=own)

    return make


@needs_npm
def test_files_of_typescript(make: Make) -> None:
    bundle = make({"own.ts": TYPED, "lib/seen.ts": SEEN})
    own = {
        path: data.decode() for path, data in bundle.files.items() if path.startswith("executor")
    }
    assert sorted(own) == [
        "executor.script.js",
        "executor/lib/seen.d.ts",
        "executor/lib/seen.js",
        "executor/own.d.ts",
        "executor/own.js",
    ]
    assert 'from "../runtime/index.js"' in own["executor/own.js"]
    assert 'from "./lib/seen.js"' in own["executor/own.js"]
    types = own["executor/own.d.ts"]
    assert 'from "../runtime/index.js"' in types
    assert 'from "../index.js"' in types
    assert 'from "./lib/seen.js"' in types
    assert "/** What ran. */" in types
    package = json.loads(bundle.files["package.json"])
    assert package["exports"]["./executor"] == {
        "types": "./executor/own.d.ts",
        "default": "./executor/own.js",
    }
    assert {"executor", "executor.script.js"} <= set(package["files"])
    assert "`executor/own.js`" in bundle.files["README.md"].decode()
    assert make({"own.ts": TYPED, "lib/seen.ts": SEEN}) == bundle


def test_files_of_javascript(make: Make) -> None:
    bundle = make({"own.mjs": PLAIN})
    assert "executor/own.mjs" in bundle.files
    assert not [path for path in bundle.files if path.startswith("executor/own.d")]
    assert "Promise<Executor<Model<Inputs" in bundle.files["index.d.ts"].decode()
    bundle = make({"own.js": PLAIN, "own.d.ts": PLAIN_TYPES}, "external")
    assert b'from "pyjsml"' in bundle.files["executor/own.js"]
    assert b'from "pyjsml"' in bundle.files["executor/own.d.ts"]
    assert b"CustomExecutor<typeof executor" in bundle.files["index.d.ts"]


@needs_npm
@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
@pytest.mark.parametrize(
    "files", [{"own.ts": TYPED, "lib/seen.ts": SEEN}, {"own.js": PLAIN}], ids=["ts", "js"]
)
def test_the_bundle_uses_it(
    make: Make, files: dict[str, str], engine: BaseEngine, tmp_path: Path
) -> None:
    if problem := engine.available():
        pytest.skip(problem)
    bundle = make(files)
    with pyjsml.Executor(bundle, engine.name) as executor:
        np.testing.assert_array_equal(executor.run(x=X)["y"], (X * WEIGHT).ravel())
        with pytest.raises(ExecutorError, match="RangeError: mul,flatten"):
            executor.run(x=X)
    other = tmp_path / "other.js"
    other.write_text("export default [{ onStart() {} }];")
    with pyjsml.Executor(bundle, engine.name, executor=other) as executor:
        for _ in range(3):
            np.testing.assert_array_equal(executor.run(x=X)["y"], (X * WEIGHT).ravel())


SOURCES = {
    "typescript": {"own.ts": TYPED, "lib/seen.ts": SEEN},
    "declarations": {"own.js": PLAIN, "own.d.ts": PLAIN_TYPES},
    "policy": {"own.ts": "export default { onStart(): void {} };"},
}
CONSUMERS = {
    "typescript": """
        const name: string | undefined = executor.seen[0]?.name;
        const op: "pack" | "mul" | "flatten" = executor.first;
        // @ts-expect-error: no such member
        executor.count;
        new Own({} as never).seen;
    """,
    "declarations": """
        const count: number = executor.count;
        // @ts-expect-error: no such member
        executor.seen;
        new Own({} as never).count;
    """,
    "policy": """
        executor.describe();
        // @ts-expect-error: no such member
        executor.seen;
        Own.onStart();
    """,
}
CONSUMER = """
import { createExecutor } from "tiny-net";
import Own from "tiny-net/executor";
import type { Tensor } from "tiny-net/runtime";

const executor = await createExecutor();
const y: Tensor<"float32", [6]> = (await executor.run({ x: new Float32Array(6) })).y;
// @ts-expect-error: an input of another name
await executor.run({ z: new Float32Array(6) });
"""


@needs_npm
@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize("resolution", ["nodenext", "bundler"])
def test_its_types_are_the_packages(make: Make, tmp_path: Path, kind: str, resolution: str) -> None:
    project = tmp_path / "project"
    make(SOURCES[kind]).write(project / "node_modules" / "tiny-net")
    (project / "package.json").write_text('{"type": "module"}')
    compile_types(project, CONSUMER + CONSUMERS[kind], resolution)


@needs_npm
def test_modules_of_types_alone(make: Make) -> None:
    source = """
        import type { Seen } from "./lib/seen.js";
        export default { last: undefined as Seen | undefined, onStart(): void {} };
    """
    bundle = make({"own.ts": source, "lib/seen.ts": SEEN})
    assert "executor/lib/seen.d.ts" in bundle.files
    assert "executor/lib/seen.js" not in bundle.files


@needs_npm
def test_type_errors_are_told_with_their_places(make: Make) -> None:
    wrong = TYPED.replace('"mul"', '"mool"').replace("seen(op.name)", "op.name")
    with pytest.raises(ExecutorError) as caught:
        make({"own.ts": wrong, "lib/seen.ts": SEEN})
    first, second = caught.value.problems
    assert "own.ts:9:12: Type '\"mool\"' is not assignable to type 'OpName'" in first
    assert "own.ts:11:20: " in second


@needs_npm
@pytest.mark.parametrize("imported", ["lodash", "./other.js", "../index.js"])
def test_declarations_that_import_what_the_package_lacks(make: Make, imported: str) -> None:
    types = f'import type {{ x }} from "{imported}";\nexport default class extends x {{}}\n'
    with pytest.raises(ExecutorError, match=rf"own.d.ts:1 imports '{imported}', which the package"):
        make({"own.js": PLAIN, "own.d.ts": types})


def test_without_a_compiler(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pyjsml.modules.declarations.shutil.which", lambda name: None)
    with pytest.raises(EngineUnavailableError, match="npm install --save-dev typescript"):
        make({"own.ts": TYPED, "lib/seen.ts": SEEN})
    make({"own.js": PLAIN})


@needs_npm
def test_the_script_serves_engines_without_import(make: Make, tmp_path: Path) -> None:
    """As a page without modules would use it."""
    node = shutil.which("node")
    assert node
    make({"own.ts": TYPED, "lib/seen.ts": SEEN}).write(tmp_path / "bundle")
    scripts = ("runtime/pyjsml.script.js", "index.script.js", "executor.script.js")
    texts = "\n".join((tmp_path / "bundle" / path).read_text() for path in scripts)
    (tmp_path / "main.cjs").write_text(
        texts
        + """
        const { readFileSync } = require("node:fs");
        const names = ["model.simd.wasm", "model.relaxed.wasm", "weights.safetensors"];
        const read = (name) => [name, readFileSync(`${__dirname}/bundle/${name}`)];
        const custom = pyjsmlExecutor(pyjsml);
        const files = Object.fromEntries(names.map(read));
        const executor = pyjsml.createCustomSync(custom, pyjsmlModel, { files });
        const { y } = executor.runSync({ x: Float32Array.of(0, 1, 2, 3, 4, 5) });
        console.log(JSON.stringify([Array.from(y.data), executor.seen.length]));
        """
    )
    done = subprocess.run([node, tmp_path / "main.cjs"], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [(X * WEIGHT).ravel().tolist(), 2]

"""Modules of one's own: read whole, with all that they import, or refused with the place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pyjsml.errors import EngineUnavailableError, ExecutorError
from pyjsml.modules import Modules, read_modules, reader

COUNTING = """
import { Executor, type Model, type Op } from "pyjsml";
import { label } from "./lib/label.js";

interface Seen { readonly name: string }

export default class Counting<M extends Model> extends Executor<M> {
  readonly seen: Seen[] = [];
  override dispatchSync(op: Op<M>, next: () => void): void {
    this.seen.push({ name: label(op.name) });
    next();
  }
}
"""
LABEL = """
import { Trace } from "net/runtime";
import Counting from '../counting.js';
export const label = (name: string): string => `${name}: ${typeof Trace} ${typeof Counting}`;
"""


@pytest.fixture
def counting(tmp_path: Path) -> Modules:
    (tmp_path / "lib").mkdir()
    (tmp_path / "counting.ts").write_text(COUNTING)
    (tmp_path / "lib" / "label.ts").write_text(LABEL)
    return read_modules(tmp_path / "counting.ts", "net")


def test_types_go_and_lines_stay(counting: Modules) -> None:
    code = counting.link("../runtime/index.js")["counting.js"]
    assert "interface" not in code
    lines = code.splitlines()
    assert lines[1] == 'import { Executor, } from "../runtime/index.js";'
    assert (
        "this.seen.push"
        in lines[COUNTING.splitlines().index("    this.seen.push({ name: label(op.name) });")]
    )


def test_specifiers_lead_where_the_files_are(counting: Modules) -> None:
    assert counting.entry == "counting.js"
    inside = counting.link("../runtime/index.js")
    assert list(inside) == ["counting.js", "lib/label.js"]
    assert 'from "./lib/label.js"' in inside["counting.js"]
    assert 'from "../../runtime/index.js"' in inside["lib/label.js"]
    assert 'from "../counting.js"' in inside["lib/label.js"]
    outside = counting.link("pyjsml")
    assert 'from "pyjsml"' in outside["counting.js"]
    assert 'from "pyjsml"' in outside["lib/label.js"]


def test_the_script_runs_without_import(counting: Modules) -> None:
    import pythonmonkey

    names = pythonmonkey.eval(
        f"""(() => {{
          const made = {counting.script}({{ Executor: class {{}}, Trace: class {{}} }});
          const executor = new made();
          executor.dispatchSync({{ name: "add" }}, () => {{}});
          return executor.seen.map((seen) => seen.name).join();
        }})()"""
    )
    assert names == "add: function function"


def test_other_characters_than_ascii_move_nothing(tmp_path: Path) -> None:
    (tmp_path / "other.js").write_text("export const name = 'ünï𝄞';")
    (tmp_path / "own.js").write_text(
        "/* 𝄞é */ import { name } from './other.js'; export default name;"
    )
    code = read_modules(tmp_path / "own.js", "net").link("pyjsml")["own.js"]
    assert code == '/* 𝄞é */ import { name } from "./other.js"; export default name;'


@pytest.mark.parametrize(
    "exports",
    [
        "export { one as two } from './other.js';",
        "export * from './other.js'; export * as all from './other.js';",
        "import { one } from './other.js'; export { one as two };",
        "export const { a, b: [c] } = { a: 1, b: [2] };",
        "export function f() {} export class G {} export let h; export async function* i() {}",
    ],
)
def test_every_kind_of_export(tmp_path: Path, exports: str) -> None:
    (tmp_path / "other.js").write_text("export const one = 1;")
    (tmp_path / "own.js").write_text(f"{exports}\nexport {{ h as default }}; const h = {{}};")
    if "let h" in exports:
        (tmp_path / "own.js").write_text(f"{exports} export default h;")
    read_modules(tmp_path / "own.js", "net")


def test_the_same_files_give_the_same_text(counting: Modules, tmp_path: Path) -> None:
    again = read_modules(tmp_path / "counting.ts", "net")
    assert (again.script, again.link("pyjsml")) == (counting.script, counting.link("pyjsml"))


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("export const x = 1;", "own.js has no default export; write `export default`"),
        ("export default class {\n  place() {\n    return 1 +\n  }\n}", "own.js:4:3: Unexpected"),
        ("const x = 1;\nconst x = 2;\nexport default x;", "own.js:2: redeclaration of const x"),
        ("export default await 1;", "own.js:1: await is only valid"),
        ("\nexport default import.meta.url;", "own.js:2: import.meta may only"),
        ("export default import(name);", "own.js:1:1: it imports what only running it would tell"),
        ("import _ from 'lodash'; export default _;", "own.js:1 imports 'lodash', which is nei"),
        ("import _ from './no.js'; export default _;", "imports './no.js', and there is no such"),
        ("import _ from '../up.js'; export default _;", "imports '../up.js', which is outside of"),
        ("import _ from './data.json'; export default _;", "data.json is no module: its name ends"),
        ("export const a = 1, b = 2; export default a;", "in a statement of its own: b"),
    ],
)  # fmt: skip
def test_is_refused(tmp_path: Path, source: str, says: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "up.js").write_text("export default 1;")
    (folder / "data.json").write_text("{}")
    (folder / "own.js").write_text(source)
    with pytest.raises(ExecutorError) as caught:
        read_modules(folder / "own.js", "net")
    assert len(caught.value.problems) == 1
    assert says in str(caught.value)


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "broken.js").write_text("export const = 1;")
    (tmp_path / "own.js").write_text("import './broken.js';\nimport 'lodash';\nexport default {};")
    with pytest.raises(ExecutorError) as caught:
        read_modules(tmp_path / "own.js", "net")
    first, second = caught.value.problems
    assert "broken.js:1:14: Unexpected token" in first
    assert "own.js:2 imports 'lodash'" in second


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("no.js", None, "no.js can't be read: No such file or directory"),
        ("own.js", b"\xff", "own.js can't be read: it is not UTF-8"),
        ("own.py", b"pass", "own.py is no module: its name ends in none of .js, .mjs, .ts, .mts"),
    ],
)
def test_a_file_that_is_none(tmp_path: Path, name: str, content: Any, says: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ExecutorError, match=says):
        read_modules(tmp_path / name, "net")


def test_v8_reads_them_too(
    counting: Modules, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("py_mini_racer")
    monkeypatch.setattr(reader, "_pythonmonkey", lambda source: None)
    assert read_modules(tmp_path / "counting.ts", "net").script == counting.script


def test_without_an_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "find_spec", lambda name: None)
    with pytest.raises(EngineUnavailableError, match="pip install pythonmonkey"):
        read_modules(tmp_path / "own.js", "net")

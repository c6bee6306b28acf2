"""A TypeScript project installs a packed bundle, compiles against its types, and runs it.

The sources are derived from the bundle's own description, so any bundle may be put to this test.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pyjsml
from pyjsml.bundle import Bundle
from pyjsml.emit import emit
from pyjsml.engines.chromium import BROWSERS, ChromiumEngine
from tests.conftest import SharedBundle
from tests.support.tiny import WEIGHT, tiny_dynamic_program, tiny_program, with_kernels

TOOLS = Path(__file__).parents[2] / "node_modules"

pytestmark = pytest.mark.skipif(
    shutil.which("npm") is None or not TOOLS.exists(),
    reason="needs npm and the npm packages that `make setup` installs",
)
no_chromium = ChromiumEngine().available()
needs_chromium = pytest.mark.skipif(no_chromium is not None, reason=str(no_chromium))


@dataclass(frozen=True)
class Case:
    """A bundle, the data for its one input, and what its one output should be."""

    bundle: Bundle
    shape: tuple[int, ...]
    data: list[float]
    expected: list[float]

    @property
    def name(self) -> str:
        return str(self.bundle.manifest["name"])

    def port(self, kind: str) -> dict[str, Any]:
        port: dict[str, Any] = self.bundle.model[kind][0]
        return port


def tiny_case(kind: str, folder: Path) -> Case:
    program = tiny_program() if kind == "static" else tiny_dynamic_program()
    data = np.arange(6, dtype=np.float32).reshape(2, 3)
    bundle = emit(with_kernels(program, folder), package_name=f"@models/tiny-{kind}")
    return Case(bundle, data.shape, data.ravel().tolist(), (data * WEIGHT).ravel().tolist())


def digits_case(bundle: Bundle) -> Case:
    """The demo's classifier on a digit of scikit-learn's, with what it gives inside Python."""
    datasets = pytest.importorskip("sklearn.datasets")
    found = datasets.load_digits()
    image = (found.images[:1, np.newaxis] / 16).astype(np.float32)
    with pyjsml.Executor(bundle) as executor:
        outputs = executor.run(image=image)["probabilities"]
    assert outputs.argmax() == found.target[0]
    return Case(bundle, image.shape, image.ravel().tolist(), outputs.ravel().tolist())


def mobilenet_case(models: Path, shared: SharedBundle) -> Case:
    """MobileNetV2, whose batch is a dim, with what ONNX Runtime gives."""
    from tests.support.real import REAL_MODELS

    real = REAL_MODELS[0]
    vectors = real.vectors(models)
    given, wanted = vectors["in:input"], vectors["out:logits"]
    bundle = shared(real.name, lambda: real.bundle(models))
    return Case(bundle, given.shape, given.ravel().tolist(), wanted.ravel().tolist())


@pytest.fixture(
    scope="module",
    params=["static", "dynamic", "digits", pytest.param("mobilenet", marks=pytest.mark.slow)],
)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    if request.param == "digits":
        return digits_case(request.getfixturevalue("digits"))
    if request.param == "mobilenet":
        names = ("models", "shared_bundle")
        return mobilenet_case(*(request.getfixturevalue(name) for name in names))
    return tiny_case(request.param, tmp_path_factory.mktemp("kernels"))


@pytest.fixture(scope="module")
def project(case: Case, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty project in which the packed bundle is installed."""
    root = tmp_path_factory.mktemp("consumer")
    case.bundle.write(root / "bundle")
    packed = call("npm", "pack", "--json", "--pack-destination", str(root), cwd=root / "bundle")
    tarball = json.loads(packed)[0]["filename"]
    (root / "package.json").write_text('{"name": "consumer", "private": true, "type": "module"}')
    call("npm", "install", "--offline", "--no-audit", "--no-fund", f"./{tarball}", cwd=root)
    return root


def close_to(expected: list[float]) -> Any:
    return pytest.approx(expected, rel=1e-4, abs=1e-4)


def call(*command: str, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command[:3]}: {done.stdout}{done.stderr}"
    return done.stdout


def compile_types(project: Path, source: str, resolution: str = "nodenext") -> None:
    """Compile `source` as TypeScript does when it is strict, to main.js; fail on any error."""
    (project / "main.ts").write_text(source, encoding="utf-8")
    options = {
        "target": "ES2022",
        "lib": ["ES2022", "DOM"],
        "module": "nodenext" if resolution == "nodenext" else "esnext",
        "moduleResolution": resolution,
        "strict": True,
        "exactOptionalPropertyTypes": True,
        "noUncheckedIndexedAccess": True,
        "types": [],
    }
    config = {"compilerOptions": options, "files": ["main.ts"]}
    (project / "tsconfig.json").write_text(json.dumps(config))
    call("node", str(TOOLS / "typescript" / "bin" / "tsc"), "-p", ".", cwd=project)


def consumer(case: Case) -> str:
    """A program that runs the model once and logs the first output's data."""
    given, got = case.port("inputs"), case.port("outputs")
    dtype, shape = json.dumps(given["dtype"]), list(case.shape)
    return f"""
import {{ createExecutor, type Outputs }} from {json.dumps(case.name)};
import {{ tensor }} from {json.dumps(f"{case.name}/runtime")};

const given: number[] = JSON.parse("{case.data}"); // A literal of this length is slow to compile.
const executor = await createExecutor();
const outputs: Outputs = await executor.run({{
  {json.dumps(given["name"])}: tensor({dtype}, {shape}, given),
}});
const data: number[] = Array.from(outputs[{json.dumps(got["name"])}].data, Number);
executor.dispose();
console.log(JSON.stringify(data));
"""


@pytest.mark.parametrize("resolution", ["nodenext", "bundler"])
def test_compiles_and_runs_in_node(case: Case, project: Path, resolution: str) -> None:
    compile_types(project, consumer(case), resolution)
    assert json.loads(call("node", "main.js", cwd=project)) == close_to(case.expected)


def test_wrong_name_dtype_and_shape_do_not_compile(case: Case, project: Path) -> None:
    given, got = case.port("inputs"), case.port("outputs")
    name, dtype, shape = (json.dumps(part) for part in (given["name"], given["dtype"], case.shape))
    other = json.dumps("int32" if given["dtype"] != "int32" else "float32")
    wider = json.dumps([*case.shape, 1])
    longer = json.dumps([*case.shape[:-1], case.shape[-1] + 1])
    is_static = all(isinstance(dim, int) for dim in given["shape"])
    source = f"""
import {{ createExecutor, type Inputs, type OpName }} from {json.dumps(case.name)};
import {{ tensor }} from {json.dumps(f"{case.name}/runtime")};

const executor = await createExecutor();
const good = await executor.run({{ {name}: tensor({dtype}, {shape}) }});
const op: OpName = {json.dumps(case.bundle.model["ops"][0]["name"])};

// @ts-expect-error: no input has this name
await executor.run({{ {name}: tensor({dtype}, {shape}), "no such input": 1 }});
// @ts-expect-error: an input is missing
await executor.run({{}});
// @ts-expect-error: of another dtype
await executor.run({{ {name}: tensor({other}, {shape}) }});
// @ts-expect-error: of another rank
await executor.run({{ {name}: tensor({dtype}, {wider}) }});
// @ts-expect-error: of another shape
await executor.run({{ {name}: tensor({dtype}, {longer}) }});
// @ts-expect-error: no output has this name
good["no such output"];
// @ts-expect-error: an output is a tensor
good[{json.dumps(got["name"])}].toFixed();
// @ts-expect-error: no op has this name
const unknown: OpName = "no such op";
// @ts-expect-error: a typed array of another dtype
await executor.run({{ {name}: new Uint8ClampedArray(6) }});
{"" if is_static else "// @ts-expect-error: an array does not tell a shape with dims"}
await executor.run({{ {name}: good[{json.dumps(got["name"])}].data }});
export type {{ Inputs }};
"""
    compile_types(project, source)


def test_wrong_executors_do_not_compile(case: Case, project: Path) -> None:
    """An executor of the bundle knows its ops, devices and tensors as literal types."""
    given, got = (case.port(kind) for kind in ("inputs", "outputs"))
    value = f"tensor({json.dumps(given['dtype'])}, {list(case.shape)})"
    feed = f"{{ {json.dumps(given['name'])}: {value} }}"
    ops, main = (case.bundle.model[kind] for kind in ("ops", "main"))
    names = [json.dumps(ops[target]["name"]) for _, target in main]
    all_names = " | ".join(json.dumps(op["name"]) for op in ops)
    first, last, output = names[0], names[-1], json.dumps(got["name"])
    source = f"""
import {{ model, type OpName }} from {json.dumps(case.name)};
import {{ Executor, type Op, type Placement, tensor }} from {json.dumps(f"{case.name}/runtime")};

class Mine extends Executor<typeof model> {{
  last: OpName | undefined;
  override place(op: Op<typeof model>): Placement {{
    // @ts-expect-error: no op has this name
    if (op.name === "no such op") return "wasm";
    return op.name === {first} ? {{ device: "wasm", threads: 1 }} : "wasm";
  }}
  override dispatchSync(op: Op<typeof model>, next: () => void): void {{
    this.last = op.name;
    next();
  }}
}}
class Elsewhere extends Executor<typeof model> {{
  // @ts-expect-error: no device has this name
  override place() {{
    return "webgpu" as const;
  }}
}}
const executor: Mine = await Mine.create(model);
const name: {all_names} | undefined = executor.last;
await executor.run({feed}, {{ to: {first} }});
await executor.run({{}}, {{ from: {last}, feed: {{}} }});
executor.lazy({{ from: {first}, to: {last} }});
for await (const op of executor.step({feed})) if (op.name === {last}) executor.read(op.name);

// @ts-expect-error: no op has this name
await executor.run({feed}, {{ to: "no such op" }});
// @ts-expect-error: no op has this name
await executor.run({{}}, {{ from: "no such op", feed: {{}} }});
// @ts-expect-error: no op has this name
executor.lazy({{ from: "no such op", to: {last} }});
// @ts-expect-error: a part of a run may lack an output
(await executor.run({feed}, {{ to: {first} }}))[{output}].data;
// @ts-expect-error: no device has this name
await Mine.create(model, {{ devices: ["webgpu"] }});
export {{ Elsewhere, name }};
"""
    compile_types(project, source)


def write_page(project: Path, script: str) -> None:
    (project / "index.html").write_text(
        '<!doctype html><link rel="icon" href="data:,"><script>'
        'for (const type of ["error", "unhandledrejection"]) addEventListener(type, (event) =>'
        " console.log(JSON.stringify(String(event.reason ?? event.message))));"
        f'</script><script type="module" src="./{script}"></script>'
    )


class Quiet(SimpleHTTPRequestHandler):
    """A static host that knows nothing of WebAssembly: it has no MIME type for it, nor headers."""

    def guess_type(self, path: Any) -> str:
        """Tell scripts and pages from the rest."""
        kinds = {".html": "text/html", ".js": "text/javascript"}
        return kinds.get(Path(path).suffix, "application/octet-stream")

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


class Isolating(Quiet):
    """A static host whose pages may have threads, and may run nothing but its own files."""

    def end_headers(self) -> None:
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        self.send_header("Content-Security-Policy", "default-src 'self' 'wasm-unsafe-eval'")
        super().end_headers()


@contextmanager
def served(directory: Path, host: type[Quiet] = Quiet) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(host, directory=str(directory))) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()


def is_log(message: Any) -> bool:
    """Tell what the page logs from what the browser does, such as that a file is missing."""
    return bool(message.type == "log")


def logged_in_chromium(address: str) -> Any:
    """Open the page at `address`; return what it logs first, an error perhaps, as JSON."""
    from playwright.sync_api import sync_playwright

    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=path) as browser,
    ):
        page = browser.new_page()
        with page.expect_console_message(is_log, timeout=60_000) as logged:
            page.goto(address)
        return json.loads(logged.value.text)


@needs_chromium
@pytest.mark.parametrize("inline", ["0", "4096"], ids=["files", "data-urls"])
def test_runs_in_chromium_through_vite(case: Case, project: Path, inline: str) -> None:
    """Vite turns files of up to `inline` bytes into data URLs, and copies the others."""
    (project / "main.ts").write_text(consumer(case), encoding="utf-8")
    write_page(project, "main.ts")
    vite = str(TOOLS / "vite" / "bin" / "vite.js")
    call("node", vite, "build", "--assetsInlineLimit", inline, cwd=project)
    with served(project / "dist") as address:
        assert logged_in_chromium(address) == close_to(case.expected)


@needs_chromium
def test_runs_in_chromium_without_a_bundler(case: Case, project: Path) -> None:
    source = consumer(case).replace(", type Outputs", "").replace(": Outputs", "")
    source = source.replace(": number[]", "")
    source = source.replace(json.dumps(f"{case.name}/runtime"), '"./bundle/runtime/index.js"')
    source = source.replace(json.dumps(case.name), '"./bundle/index.js"')
    (project / "page.js").write_text(source, encoding="utf-8")
    write_page(project, "page.js")
    with served(project) as address:
        assert logged_in_chromium(address) == close_to(case.expected)


THREADS = """
import { createExecutor } from "digits";

const image = Float32Array.from({ length: 64 }, (_, i) => (i % 16) / 16);
const warnings = [];
const told = [];
try {
  for (const threads of [1, 2]) {
    const options = { threads, onWarning: (warning) => warnings.push(warning) };
    const executor = await createExecutor(options);
    const { probabilities } = await executor.run({ image });
    told.push([executor.describe().threads, Array.from(probabilities.data)]);
    executor.dispose();
  }
} catch (error) {
  warnings.push(String(error));
}
console.log(JSON.stringify([told, warnings]));
"""


@needs_chromium
@pytest.mark.parametrize("bundler", [True, False], ids=["vite", "no-bundler"])
def test_threads_in_chromium(digits: Bundle, tmp_path: Path, bundler: bool) -> None:
    package = tmp_path / "node_modules" / "digits"
    digits.write(package)
    source = THREADS if bundler else THREADS.replace('"digits"', '"./node_modules/digits/index.js"')
    (tmp_path / "page.js").write_text(source, encoding="utf-8")
    (tmp_path / "package.json").write_text('{"type": "module"}')
    icon = '<link rel="icon" href="favicon.ico">'
    page = f'<!doctype html>{icon}<script type="module" src="./page.js"></script>'
    (tmp_path / "index.html").write_text(page)
    if bundler:
        vite = str(TOOLS / "vite" / "bin" / "vite.js")
        call("node", vite, "build", "--assetsInlineLimit", "4096", cwd=tmp_path)
    with served(tmp_path / "dist" if bundler else tmp_path, Isolating) as address:
        told, warnings = logged_in_chromium(address)
    assert warnings == []
    (one, expected), (two, actual) = told
    assert (one, two) == (1, 2)
    assert actual == expected
    # Elsewhere the model runs all the same, and says why it is alone.
    with served(tmp_path / "dist" if bundler else tmp_path) as address:
        told, warnings = logged_in_chromium(address)
    assert told == [[1, expected], [1, expected]]
    assert len(warnings) == 1
    assert "not cross-origin isolated" in warnings[0]


def flip_last_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def another_format(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"formatVersion": 1', '"formatVersion": 99'), encoding="utf-8")


DAMAGES = [
    ("weights.safetensors", flip_last_byte, "DigestError", "weights.safetensors"),
    ("model.*.wasm", flip_last_byte, "DigestError", ".wasm"),
    ("weights.safetensors", Path.unlink, "LoadError", "weights.safetensors"),
    ("index.js", another_format, "FormatVersionError", "99"),
]


@pytest.mark.parametrize("host", ["node", pytest.param("chromium", marks=needs_chromium)])
@pytest.mark.parametrize(("files", "damage", "error", "says"), DAMAGES)
def test_a_damaged_package_says_which_file_it_is(
    digits: Bundle,
    tmp_path: Path,
    host: str,
    files: str,
    damage: Callable[[Path], None],
    error: str,
    says: str,
) -> None:
    digits.write(tmp_path / "bundle")
    for path in (tmp_path / "bundle").glob(files):
        damage(path)
    script = """
import { createExecutor } from "./bundle/index.js";

const told = await createExecutor().then(() => [], ({ name, message }) => [name, message]);
console.log(JSON.stringify(told));
"""
    (tmp_path / "page.js").write_text(script, encoding="utf-8")
    (tmp_path / "package.json").write_text('{"type": "module"}')
    if host == "node":
        told = json.loads(call("node", "page.js", cwd=tmp_path))
    else:
        write_page(tmp_path, "page.js")
        with served(tmp_path) as address:
            told = logged_in_chromium(address)
    assert told[0] == error
    assert says in told[1]

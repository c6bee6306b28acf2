"""Writes docs/speed.md from the results and from what is written by hand in shortfalls.md."""

from __future__ import annotations

from pathlib import Path

from tests.bench.cache import ROOT
from tests.bench.report import (
    LIMIT_ROW,
    builds_table,
    families_table,
    left_out,
    means,
    memory_table,
    races,
    starts_table,
    times_table,
)
from tests.bench.results import Results

FILE = ROOT / "docs" / "speed.md"
SHORTFALLS = Path(__file__).parent / "shortfalls.md"

INTRODUCTION = """\
# Speed

`make bench` writes this page: what is here was measured with one state of the sources, on one
machine.

All runtimes run in one page of Chromium, which is cross-origin isolated, and take turns round by
round, after a warm-up; so what else the machine does meets all of them. A time is the median over
the rounds in milliseconds, and in brackets the distance of the quartiles as a share of it. It is
the time of a whole call: inputs copied in, outputs copied out. Models are plain torch modules with
seeded weights (`tests/bench/models`), the same for every runtime: ONNX files for pyjsml and ORT
Web (for pyjsml the torch module where it lacks an ONNX operator), `.tflite` files made by
litert-torch, with images channels last, for LiteRT.js, and for TF.js, which reads neither, the ONNX
graph operator by operator. The outputs of a timed run are compared with eager torch, or for int8
models with onnxruntime; who gives wrong numbers gets no time.

"vs best peer" and "vs ORT Web" say how many times as fast pyjsml is: more than 1 is faster. int8
models are quantised for LiteRT.js by its own tool, so there only the architecture is the same.
GFLOP/s count the multiplications and additions of the plain algorithms, so what saves some of them,
as Winograd's convolutions do, may exceed the limit, and so may int8.
"""


def write(results: Results) -> None:
    """Write the page."""
    packages = ", ".join(f"{name} {version}" for name, version in results.packages.items())
    parts = [
        INTRODUCTION,
        f"Machine: {results.machine}. Chromium {results.browser}. {packages}.\n",
    ]
    for threads, title in ((1, "One thread"), (2, "Two threads")):
        found = races(results, threads)
        if found:
            parts += _section(title, times_table(found), means(found))
    single = races(results, 1)
    parts += _section(
        "By kind of op",
        families_table(single),
        "Times of each op on one thread (the mean of the faster half of its runs), summed over the "
        "float32 models. The limit is the best speed that any runtime reached on the row "
        f"`{LIMIT_ROW}`, a plain product of 512×512 matrices.",
    )
    parts += _section(
        "Memory",
        memory_table(single),
        "The WebAssembly memory at its largest, in MB, on one thread.",
    )
    parts += _section(
        "Cold start",
        starts_table(results),
        "From asking for the page to the first result, in a tab without caches that no debugger "
        "watches, from a server on the same machine (in brackets the quartiles), the runtimes "
        "taking turns; what of it passes before the page's own script begins; and the code that "
        "was fetched, weights not counted. *Hinted* is pyjsml in a page whose head names its "
        "modules, its wasm file and its first file of weights, as the README of a bundle has it; "
        "the other rows' pages name nothing.",
    )
    parts += _section(
        "Bundling",
        builds_table(results),
        "`pyjsml bundle` of the ONNX file, for both instruction sets, as a whole process on all "
        "cores.",
    )
    parts += _section("Left out", left_out(results) or ["Nothing."])
    parts += _section("What is not reached, and why", [SHORTFALLS.read_text("utf-8").strip()])
    FILE.write_text("\n".join(parts), "utf-8")


def _section(title: str, lines: list[str], text: str = "") -> list[str]:
    return [f"## {title}\n", *([f"{text}\n"] if text else []), *lines, ""]

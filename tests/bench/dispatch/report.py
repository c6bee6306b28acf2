"""docs/dispatch.md: what dispatch costs, as tables of Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from tests.bench.cache import ROOT
from tests.bench.dispatch.cancel import ABORTS, WAYS
from tests.bench.dispatch.results import Results, Times
from tests.bench.results import machine

FILE = ROOT / "docs" / "dispatch.md"

CONTENDERS = {
    "loop": "loop by hand",
    "block": "one wasm function",
    "executor": "executor",
    "dispatchSync": "with `dispatchSync`",
    "lazy": "the same, lazy",
    "dispatch": "with `dispatch`",
}
HOSTS = {
    "v8": "V8 in Python (mini-racer)",
    "pythonmonkey": "SpiderMonkey in Python (pythonmonkey)",
    "node": "Node",
    "chromium": "Chromium",
}
MACHINES = {"wasmtime": "wasmtime-py", "pythonmonkey": "pythonmonkey"}
GOAL = 0.25
SHARE_GOAL = 0.03
CANCEL_COLUMNS = (
    "hook",
    "threads",
    "abort, p50",
    "abort, p99",
    "asked, p50",
    "asked, p99",
    "longest op",
    "goal for abort, p99",
)

INTRODUCTION = """\
# What dispatch costs

`make bench-dispatch` writes this page. It measures what it costs that an executor decides between
ops, with a model of tiny ops that have next to nothing to do (an 8×8 matrix product, a layer norm
or a softmax of eight numbers), and with MobileNetV2. A time is the least of several rounds in which
all ways of running the model take turns; it is that of a whole call, inputs copied in and outputs
copied out. All ways use the same kernels at the same addresses, on one thread, and their outputs
are compared with eager torch.

- *loop by hand*: no runtime. A JavaScript loop over functions that call one kernel each, with its
  arguments in a closure.
- *one wasm function*: no runtime. A wasm module, assembled from the same list when the model is
  loaded, whose one function calls all kernels with constant arguments.
- *executor*: `runSync`, with no hook.
- *with `dispatchSync`*: `runSync`, with a policy whose `dispatchSync` does nothing but call `next`.
- *the same, lazy*: so, with every four ops, which make a module, as one lazy block.
- *with `dispatch`*: `run`, with a policy whose `dispatch` does nothing but call `next`.
"""
IN_SPIDERMONKEY = """\
In pythonmonkey each reaction to a promise is a task of Python's event loop, and so takes
microseconds; what has to be quick there is `dispatchSync`.
"""
BLOCKS = """\
A block of ops that runs as one (`executor.lazy`) is a loop of JavaScript over its ops' calls, as
the whole program is where there are no hooks: what one wasm function would save is the difference
of the second column to the first. Such a function would have to be assembled and compiled for each
set of shapes, would not say which op has failed, and could not share an op between threads.
"""
NETWORK = """\
{ops} ops; milliseconds per run, and in brackets what a hook that does nothing adds to the executor
without one. Where that is less than what the machine does besides, the difference may be negative.
The last column but one therefore reckons it for `dispatchSync` from what a tiny op costs.
"""
CANCEL = """\
{aborts:,} runs of MobileNetV2 are aborted at random moments, each with `run(inputs, {{ signal }})`.
How long it takes until they reject is measured twice, in milliseconds: from the abort, and from
when another thread asked for it, by a message, as an event loop hears of a click. The latter
includes the time until the run gives the loop a turn, which a run with a signal does between ops
once it has kept the thread for 0.25 ms, and whatever else the machine does in between. The goal is
that of 100 runs 99 reject within the longest op after the abort; the time of an op is the least of
several traced runs. Memory is the same before and after, and so are, to the bit, the outputs of the
next run, which are compared with eager torch too.
"""
PYTHON = """\
The same kernels with the same arguments, called one by one from a loop in Python: through
wasmtime-py, and as functions of SpiderMonkey that Python holds. The ratio is to the loop by hand in
JavaScript, in pythonmonkey.
"""


def page(results: Results) -> str:
    """Return the page."""
    lines = [INTRODUCTION, f"Machine: {machine()}.\n"]
    lines += [f"## {results.ops:,} tiny ops\n", "Microseconds per op.\n"]
    lines += [*tiny_table(results), "", IN_SPIDERMONKEY, BLOCKS]
    lines += ["## MobileNetV2\n", NETWORK.format(ops=results.network_ops)]
    lines += [*network_table(results), ""]
    lines += ["## What it takes to cancel\n", CANCEL.format(aborts=ABORTS)]
    lines += [*cancel_table(results), ""]
    lines += ["## Driven from Python\n", PYTHON, *python_table(results), ""]
    if results.left_out:
        lines += ["## Left out\n", *(f"- {each}" for each in results.left_out), ""]
    return "\n".join(lines)


def tiny_table(results: Results) -> list[str]:
    """Return microseconds per op, and what a hook that does nothing adds to the loop by hand."""
    lines = _head("host", *CONTENDERS.values(), "hook − loop", "goal")
    for host, times in results.tiny.items():
        cells = [_micros(times, name, results.ops) for name in CONTENDERS]
        added = _added(times, results.ops)
        cells += [f"{added:.3f}" if added is not None else "–", f"≤ {GOAL}"]
        lines.append(_line(HOSTS[host], *cells))
    return lines


def network_table(results: Results) -> list[str]:
    """Return milliseconds per run, and by how much hooks slow it down."""
    names = [name for name in CONTENDERS if name != "lazy"]
    lines = _head("host", *(CONTENDERS[name] for name in names), "reckoned", "goal")
    for host, times in results.network.items():
        cells = [f"{times[name]:.2f}" if name in times else "–" for name in names]
        for index, name in enumerate(names):
            if name.startswith("dispatch") and name in times and "executor" in times:
                cells[index] += f" ({times[name] / times['executor'] - 1:+.1%})"
        reckoned = _reckoned(results, host)
        cells.append(f"{reckoned:+.2%}" if reckoned is not None else "–")
        lines.append(_line(HOSTS[host], *cells, f"≤ {SHARE_GOAL:+.0%}"))
    return lines


def cancel_table(results: Results) -> list[str]:
    """Return milliseconds until a run has rejected that is aborted."""
    lines = _head("host", *CANCEL_COLUMNS)
    for host, ways in results.cancelled.items():
        for way, each in ways.items():
            hook, threads = WAYS[way]
            times = (each.abort50, each.abort99, each.asked50, each.asked99, each.longest)
            cells = [hook, str(threads), *(f"{ms:.2f}" for ms in times)]
            lines.append(_line(HOSTS[host], *cells, "≤ longest op"))
    return lines


def python_table(results: Results) -> list[str]:
    """Return microseconds per op of loops in Python, and how many times as long they take."""
    lines = _head("kernels in", "µs per op", "ratio")
    loop = results.tiny.get("pythonmonkey", {}).get("loop")
    for name, ms in results.python.items():
        ratio = f"{ms / loop:.0f}×" if loop else "–"
        lines.append(_line(MACHINES[name], f"{1000 * ms / results.ops:.2f}", ratio))
    return lines


def missed(results: Results) -> list[str]:
    """Say which goals are missed."""
    found = []
    for host, times in results.tiny.items():
        added = _added(times, results.ops)
        if added is not None and added > GOAL:
            found.append(f"{HOSTS[host]}: a hook that does nothing adds {added:.2f} µs per op")
    for host, times in results.network.items():
        if "dispatchSync" in times and "executor" in times:
            share = times["dispatchSync"] / times["executor"] - 1
            if share > SHARE_GOAL:
                found.append(f"{HOSTS[host]}: a hook that does nothing adds {share:.1%}")
    for host, ways in results.cancelled.items():
        for way, each in ways.items():
            if each.abort99 > each.longest:
                hook, threads = WAYS[way]
                found.append(
                    f"{HOSTS[host]}: with {hook}, threads: {threads}, a run takes "
                    f"{each.abort99:.2f} ms to be aborted, an op {each.longest:.2f} ms"
                )
    return found


def _reckoned(results: Results, host: str) -> float | None:
    """Return what a hook would add to MobileNetV2 if its ops cost as much as tiny ones."""
    tiny, network = results.tiny.get(host, {}), results.network.get(host, {})
    if not {"dispatchSync", "executor"} <= tiny.keys() or "executor" not in network:
        return None
    per_op = (tiny["dispatchSync"] - tiny["executor"]) / results.ops
    return per_op * results.network_ops / network["executor"]


def _micros(times: Times, name: str, ops: int) -> str:
    return f"{1000 * times[name] / ops:.3f}" if name in times else "–"


def _added(times: Times, ops: int) -> float | None:
    if "dispatchSync" not in times or "loop" not in times:
        return None
    return 1000 * (times["dispatchSync"] - times["loop"]) / ops


def _head(*cells: str) -> list[str]:
    return [_line(*cells), "|---|" + "---:|" * (len(cells) - 1)]


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def show(results: Results) -> Sequence[str]:
    """Return all tables, for a terminal."""
    return [
        *tiny_table(results),
        "",
        *network_table(results),
        "",
        *cancel_table(results),
        "",
        *python_table(results),
        *(f"left out: {each}" for each in results.left_out),
    ]

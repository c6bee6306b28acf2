"""`pyjsml profile`: its figures, its page, and input that is at fault."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from pyjsml import Bundle
from pyjsml.bench.statistics import Times
from pyjsml.cli import main
from pyjsml.profile.collect import OpProfile, Profile, op_profiles
from pyjsml.profile.limits import Limits
from pyjsml.profile.memory import MemoryUse, memory_use
from pyjsml.profile.page import page


def made(model: str = "net") -> Profile:
    op = OpProfile("conv_0", "conv", "layer.0.conv", 2.0, 4_000_000, 800, 0.0, 2.0)
    memory, limits = MemoryUse((400, 800), 900, 64), Limits(60.0, 10.0)
    return Profile(model, "v8", "relaxed", 1, {}, Times.of([2.0]), [op], memory, limits, {})


def test_joins_means_with_the_quickest_run() -> None:
    def event(name: str, cat: str, ts: int, dur: int, **args: int) -> dict[str, object]:
        return {"name": name, "ph": "X", "cat": cat, "ts": ts, "dur": dur, "args": args}

    events = [
        event("run 0", "run", 0, 9000, run=0),
        event("run 1", "run", 10000, 5000, run=1),
        event("a", "relu", 500, 8000, run=0, flops=8, bytes=64),
        event("a", "relu", 11000, 4000, run=1, flops=8, bytes=64),
    ]
    model = {"ops": [{"name": "a", "origins": [{"node": "/x", "module": "block.act"}]}]}
    found = op_profiles(model, [{"op": "a", "ms": 6.0}], {"traceEvents": events})
    assert found == [OpProfile("a", "relu", "block.act", 6.0, 8, 64, 1.0, 5.0)]


def test_live_bytes_stay_below_the_plan(tiny: Bundle) -> None:
    used = memory_use(tiny.model, {})
    assert used.live
    assert 0 < max(used.live) <= used.peak


def test_a_page_asks_for_nothing_and_quotes_names() -> None:
    text = page(made("</script><b>"))
    assert "<b>" not in text.partition("<script>")[0]
    assert "src=" not in text
    assert text == page(made("</script><b>"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--engine", "netscape"], "netscape"),
        (["-o", "."], ". is a directory"),
        (["-o", "a", "--json", "a"], "one name"),
        (["--runs", "0"], "--runs"),
        ([], "no"),
    ],
)
def test_input_at_fault(tmp_path: Path, options: list[str], message: str) -> None:
    target = tmp_path / "page.html"
    result = CliRunner().invoke(main, ["profile", str(tmp_path), "-o", str(target), *options])
    assert result.exit_code == 2
    assert message in result.stderr
    assert not target.exists()

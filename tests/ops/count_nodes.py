"""Count the ONNX node tests that pass on WebGL2: `python -m tests.ops.count_nodes [--all]`.

It runs them in Chromium, which takes ten minutes, and writes docs/operators.md. With
`--all` it also counts those of other dtypes, most of which WebGL2 has not.
"""

from __future__ import annotations

import itertools
import os
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import click
from onnx import defs

from pyjsml import api
from pyjsml.errors import InputError
from tests.ops.batches import REFUSALS, Outcome, outcomes
from tests.ops.node_cases import EXPANDED, NodeTest, all_tests
from tests.ops.node_expectations import LISTS, MISTAKEN
from tests.ops.webgl_list import LIST, webgl_cases
from tests.support.op_cases import OpCase

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "operators.md"
ALL = "all"
LISTED = "those that ONNX Runtime Web lists for its WebGL"
NARROW = frozenset({"float32", "int32", "bool"})
GROUPS: Mapping[str, Callable[[NodeTest], bool]] = {
    "float32, int32 and bool": lambda test: test.dtypes <= NARROW,
    "the same, each operator as it is": lambda test: (
        test.dtypes <= NARROW and EXPANDED not in test.case.name
    ),
    "float32, int32, bool and int64": lambda test: test.dtypes <= NARROW | {"int64"},
    ALL: lambda test: True,
}
"""What is counted, by the name that the page has for it."""
REASONS = {
    r"is of a dtype that pyjsml doesn't take": "a dtype that a bundle has not",
    r"there is no \w+ in a bundle": "a dtype that a bundle has not",
    r"can't be told from the shapes of the inputs": "a shape that depends on values",
    r"have no elements|is 0; it may be 1 or more": "a value without elements",
    r"training mode": "training",
}
"""What the errors with which tests are refused come down to. Others name operators."""
_OPERATOR = re.compile(r"- ([\w.]+) ×\d+:")


@dataclass(frozen=True)
class Row:
    """A row of the table of counts."""

    group: str
    results: Sequence[Outcome]

    @property
    def passed(self) -> list[Outcome]:
        return [each for each in self.results if is_passed(each)]

    @property
    def cells(self) -> tuple[str, ...]:
        """What the columns hold."""
        shaded = [each for each in self.passed if not each.unshaded]
        refused = [each for each in self.results if isinstance(each.error, REFUSALS)]
        wrong = len(self.results) - len(self.passed) - len(refused)
        share = f"{len(self.passed) / len(self.results):.1%}"
        counts = (len(self.results), len(self.passed), share, len(shaded), len(refused), wrong)
        return (self.group, *map(str, counts))


def is_passed(outcome: Outcome) -> bool:
    """Tell whether a test passes; of a mistaken one nothing can be told but that it runs."""
    mistaken = outcome.error is None and outcome.case.name in MISTAKEN
    return outcome.is_right or mistaken


def judge(cases: Sequence[OpCase]) -> Iterator[Outcome]:
    """Yield what comes of each case on WebGL2, those first that are refused at once."""
    accepted = []
    for case in cases:
        if not NodeTest(case).is_tensors:
            yield Outcome(case, InputError(LISTS))
            continue
        try:
            # What one stage refuses would break up the bundle that it shares with others.
            next(itertools.islice(api.compile_stages(case.model), 2, None))
        except Exception as error:
            yield Outcome(case, error)
        else:
            accepted.append(case)
    yield from outcomes(accepted, "webgl2")


def reason(error: Exception) -> str:
    """Return what an error comes down to."""
    text = str(error)
    if found := _OPERATOR.findall(text):
        return f"the operator {', '.join(sorted(set(found)))}"
    known = (name for pattern, name in REASONS.items() if re.search(pattern, text))
    return next(known, " ".join(text.split()))


def page(rows: Sequence[Row], everything: Sequence[Outcome]) -> str:
    """Return the page that says what was counted."""
    failed = [each for each in everything if not is_passed(each)]
    refused = [each.error for each in failed if isinstance(each.error, REFUSALS)]
    wrong = [each for each in failed if not isinstance(each.error, REFUSALS)]
    unshaded = [why for each in everything if is_passed(each) for why in sorted(set(each.unshaded))]
    head = ("tests", "number", "pass", "", "wholly on shaders", "refused", "wrong")
    lines = [
        "# ONNX operators",
        "",
        f"ONNX's own node tests (onnx {version('onnx')}, opset {defs.onnx_opset_version()}),",
        "compiled with `--device wasm,webgl2` and run on WebGL2 in Chromium.",
        "`python -m tests.ops.count_nodes` counts them again and writes this page.",
        "Inputs on which shapes depend are constants of the model, and their dtype does not count.",
        "An op without a shader runs on wasm amid the others.",
        "",
        *_table(head, [row.cells for row in rows]),
        "",
        "A test is of an operator as it is, or written out in simpler ones as ONNX defines it.",
        "",
        "## Why tests are refused",
        "",
        "A model that asks for it is refused when it is compiled, with a sentence that says where.",
        "",
        *_table(("reason", "tests"), _counted(map(reason, refused))),
    ]
    if unshaded:
        table = _table(("reason", "tests"), _counted(unshaded))
        lines += ["", "## Why ops stay on wasm", "", *table]
    if wrong:
        lines += ["", "## What is wrong", "", *(f"- `{each.case.name}`" for each in wrong)]
    return "\n".join(lines) + "\n"


@click.command()
@click.option("--all", "everything", is_flag=True, help="Also count tests of other dtypes.")
def main(everything: bool) -> None:
    """Count, and write the page."""
    tests = list(all_tests())
    found: dict[str, Outcome] = {}
    rows = []
    models = Path(os.environ.get("PYJSML_MODELS", ROOT.parent / "shared" / "models"))
    if (models / LIST).is_file():
        rows.append(Row(LISTED, list(judge(list(webgl_cases(models))))))
    for name, belongs in GROUPS.items():
        if name == ALL and not everything:
            continue
        cases = [test.case for test in tests if belongs(test)]
        for each in judge([case for case in cases if case.name not in found]):
            found[each.case.name] = each
            if not is_passed(each):
                said = " ".join(str(each.error or "; ".join(each.differences)).split())
                click.echo(f"{each.case.name}: {said}", err=True)
        rows.append(Row(name, [found[case.name] for case in cases]))
        click.echo(" ".join(rows[-1].cells))
    PAGE.write_text(page(rows, list(found.values())), encoding="utf-8")


def _counted(reasons: Iterator[str] | Collection[str]) -> list[tuple[str, str]]:
    return [(each, str(count)) for each, count in Counter(reasons).most_common()]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    right = ["---", *["---:"] * (len(head) - 1)]
    return [f"| {' | '.join(cells)} |" for cells in (head, right, *rows)]


if __name__ == "__main__":
    main()

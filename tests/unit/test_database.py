"""Databases of tuning: what is written can be read, and what can't be read is told line by line."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from pyjsml.errors import OptionError
from pyjsml.kernels.database import Database, Row
from pyjsml.kernels.parameters import Parameters

PARAMETERS = Parameters(rows=4, panels=2, unroll=3, block=7, by_column=True, splits=1)
ROW = Row("matmul [é]", "relaxed", PARAMETERS, 20.5, 10, 30, "v8 1.2", "CPU")


def line(**changes: Any) -> str:
    return json.dumps({**asdict(ROW), **changes})


def parameters(**changes: Any) -> str:
    return line(parameters={**asdict(PARAMETERS), **changes})


def test_reads_what_it_wrote_in_an_order_of_its_own(tmp_path: Path) -> None:
    rows = [ROW, replace(ROW, isa="simd128", parameters=None), replace(ROW, kernel="conv2d")]
    database = Database(rows)
    assert list(database) == [rows[2], rows[0], rows[1]]
    database.write(tmp_path / "new" / "a.jsonl")
    assert list(Database.read(tmp_path / "new" / "a.jsonl")) == list(database)
    Database(reversed(rows)).write(tmp_path / "b.jsonl")
    written = (tmp_path / "b.jsonl").read_bytes()
    assert written == (tmp_path / "new" / "a.jsonl").read_bytes()
    assert written.decode().count("\n") == 3


def test_finds_rows_by_kernel_and_instruction_set() -> None:
    database = Database([ROW])
    assert database.find(ROW.kernel, "relaxed") == ROW
    assert database.find(ROW.kernel, "simd128") is None
    assert database.find("conv2d", "relaxed") is None


def test_goes_before_another() -> None:
    other = Database([replace(ROW, best_us=1), replace(ROW, kernel="conv2d")])
    both = Database([ROW]).over(other)
    assert both.find(ROW.kernel, "relaxed") == ROW
    assert both.find("conv2d", "relaxed") is not None


def test_what_comes_with_pyjsml_can_be_read() -> None:
    for row in Database.shipped():
        assert row.parameters is not None  # Rows that say nothing need not be shipped.
        assert row.best_us < 0.97 * row.default_us


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"kernel": ', "not JSON: Expecting value at column 12"),
        ("[]", "[] is not a row"),
        (line(isa="avx"), 'isa is "avx"; it may be simd128, relaxed'),
        (line(color="red"), "'color' is unknown"),
        (json.dumps({"kernel": "x"}), "isa is missing; parameters is missing; default_us is"),
        (line(trials="many"), 'trials is "many"'),
        (line(kernel=None), "kernel is null"),
        (line(parameters=3), "3 is not parameters"),
        (parameters(rows=0), "rows is 0"),
        (parameters(rows=99, unroll=1.5), "rows is 99; unroll is 1.5"),
        (parameters(by_column=1), "by_column is 1"),
        (parameters(splits=True), "splits is true"),
    ],
)
def test_says_which_lines_are_none(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "tuned.jsonl"
    file.write_text(f"{line()}\n\n{text}\nwhat\n", encoding="utf-8")
    with pytest.raises(OptionError, match=re.escape(f"line 3: {says}")) as caught:
        Database.read(file)
    assert len(caught.value.problems) == 2
    assert caught.value.problems[1].startswith("line 4: not JSON")


def test_files_that_cannot_be_read_or_written(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"nowhere.jsonl can't be read: No such file"):
        Database.read(tmp_path / "nowhere.jsonl")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(OptionError, match="it is not UTF-8 text"):
        Database.read(tmp_path / "binary")
    with pytest.raises(OptionError, match="can't be written"):
        Database([ROW]).write(tmp_path / "binary" / "x.jsonl")

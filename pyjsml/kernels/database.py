"""Parameters found by tuning: a file of JSON lines, one for each kernel and instruction set."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from pyjsml.errors import OptionError
from pyjsml.files import write_file
from pyjsml.kernels.parameters import Parameters
from pyjsml.program import ISAS, Isa

SHIPPED = Path(__file__).with_name("tuned.jsonl")
"""What comes with pyjsml."""

RANGES = {
    "rows": (1, 16),
    "panels": (1, 16),
    "unroll": (1, 64),
    "block": (0, 1 << 20),
    "splits": (1, 8),
}
"""What a parameter may be: larger tiles than these would take minutes to compile."""


@dataclass(frozen=True)
class Row:
    """What tuning found for a kernel: the best parameters, or None where the cost model's are.

    `kernel` is its `shape_key`. The times, in microseconds of one call, are those of the cost
    model's parameters and of the best, of so many `trials`, in `engine` on `cpu`.
    """

    kernel: str
    isa: Isa
    parameters: Parameters | None
    default_us: float
    best_us: float
    trials: int
    engine: str
    cpu: str

    def to_json(self) -> str:
        """Write the row as one line, without its end."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @staticmethod
    def from_json(text: str) -> Row:
        """Read what `to_json` wrote. Raise ValueError, which says what is wrong."""
        try:
            found = json.loads(text)
        except json.JSONDecodeError as error:
            raise ValueError(f"not JSON: {error.msg} at column {error.colno}") from None
        values = _members(found, Row, "a row")
        if values["parameters"] is not None:
            values["parameters"] = _parameters(values["parameters"])
        wanted: dict[str, type | tuple[type, ...]] = {
            "kernel": str,
            "default_us": (int, float),
            "best_us": (int, float),
            "trials": int,
            "engine": str,
            "cpu": str,
        }
        for name, kind in wanted.items():
            if not isinstance(values[name], kind):
                raise ValueError(f"{name} is {json.dumps(values[name])}")
        if values["isa"] not in ISAS:
            raise ValueError(f"isa is {json.dumps(values['isa'])}; it may be {', '.join(ISAS)}")
        return Row(**values)


class Database:
    """Rows by kernel and instruction set, in that order."""

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self._rows = {(row.kernel, row.isa): row for row in rows}

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows[key] for key in sorted(self._rows))

    def find(self, kernel: str, isa: Isa) -> Row | None:
        """Return the row of a kernel, if there is one."""
        return self._rows.get((kernel, isa))

    def over(self, other: Database) -> Database:
        """Return the rows of both; where both have one, this one's."""
        return Database([*other, *self])

    def write(self, file: Path) -> None:
        """Write all rows to `file`, in the place of what it held. Raise OptionError."""
        try:
            write_file(file, "".join(f"{row.to_json()}\n" for row in self).encode())
        except OSError as error:
            raise OptionError(f"{file} can't be written: {error.strerror or error}") from error

    @staticmethod
    def read(file: Path) -> Database:
        """Read a file of rows. Raise OptionError with every line that is none."""
        try:
            lines = file.read_text(encoding="utf-8").split("\n")
        except OSError as error:
            raise OptionError(f"{file} can't be read: {error.strerror or error}") from error
        except UnicodeDecodeError as error:
            raise OptionError(f"{file} is no tuning database: it is not UTF-8 text") from error
        rows, problems = [], []
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                rows.append(Row.from_json(line))
            except ValueError as error:
                problems.append(f"line {number}: {error}")
        if problems:
            raise OptionError(f"{file} is no tuning database that this pyjsml reads:", problems)
        return Database(rows)

    @staticmethod
    def shipped() -> Database:
        """Return what comes with pyjsml."""
        return Database.read(SHIPPED)


def _parameters(found: Any) -> Parameters:
    values = _members(found, Parameters, "parameters")
    wrong = [] if isinstance(values["by_column"], bool) else ["by_column"]
    for name, (least, most) in RANGES.items():
        value = values[name]
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            wrong.append(name)
    if wrong:
        raise ValueError("; ".join(f"{name} is {json.dumps(values[name])}" for name in wrong))
    return Parameters(**values)


def _members(found: Any, kind: type, what: str) -> dict[str, Any]:
    """Return the members of a JSON object, which must be those of the dataclass `kind`."""
    if not isinstance(found, Mapping):
        raise ValueError(f"{json.dumps(found)} is not {what}")
    wanted = [field.name for field in fields(kind)]
    wrong = [f"{name} is missing" for name in wanted if name not in found]
    wrong += [f"{name!r} is unknown" for name in found if name not in wanted]
    if wrong:
        raise ValueError("; ".join(wrong))
    return dict(found)

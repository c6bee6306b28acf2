"""What a check found, as data. How it is shown is for others to say."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from pyjsml.check.compare import Comparison
from pyjsml.engines.protocol import place_label

if TYPE_CHECKING:
    from pyjsml.engines.precision import Precision
    from pyjsml.program import Isa

Status = Literal["ok", "diverged", "error", "skipped"]


@dataclass(frozen=True)
class Row:
    """One output of one case on one engine, or an engine that could not give any.

    `precision` is how exactly float32 values were kept between ops, and `isa` is None where the
    engine chose. `against` says what was compared with: `vectors`, `reference`, or another engine's
    name. `message` tells an error, or how to get an engine that was skipped; `output` and
    `comparison` are empty then.
    """

    engine: str
    device: str
    precision: Precision
    isa: Isa | None
    status: Status
    case: str = ""
    output: str = ""
    dtype: str = ""
    shape: tuple[int, ...] = ()
    against: str = ""
    tolerance: str = ""
    comparison: Comparison | None = None
    message: str = ""

    @property
    def label(self) -> str:
        """Name the place that it is about."""
        return place_label(self.engine, self.device, self.precision, self.isa)

    @property
    def ok(self) -> bool:
        """Say whether this row speaks against nothing: a skipped engine does not."""
        return self.status in ("ok", "skipped")


@dataclass(frozen=True)
class Divergence:
    """The first op, in schedule order, whose output is not what it should be.

    `against` is `reference`, or the engine that computed something else. `op` is empty where each
    op that could be compared agrees; `message` says so.
    """

    engine: str
    device: str
    precision: Precision
    isa: Isa | None
    case: str
    against: str = ""
    op: str = ""
    kind: str = ""
    origin: str = ""
    value: str = ""
    dtype: str = ""
    shape: tuple[int, ...] = ()
    tolerance: str = ""
    comparison: Comparison | None = None
    message: str = ""

    @property
    def label(self) -> str:
        """Name the place that it is about."""
        return place_label(self.engine, self.device, self.precision, self.isa)


@dataclass(frozen=True)
class Report:
    """Every row of a check, and for each engine that diverged, where it began to."""

    bundle: str
    rows: tuple[Row, ...]
    divergences: tuple[Divergence, ...] = ()

    @property
    def ok(self) -> bool:
        """Say whether something was compared and all of it agreed."""
        return all(row.ok for row in self.rows) and any(row.status == "ok" for row in self.rows)

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain JSON values; infinities and NaN become strings."""
        return {
            "bundle": self.bundle,
            "ok": self.ok,
            "rows": [_plain(asdict(row) | {"ok": row.ok}) for row in self.rows],
            "divergences": [_plain(asdict(divergence)) for divergence in self.divergences],
        }


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value

"""One error for every operator of a model that can't be compiled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from pyjsml.errors import UnsupportedOpError
from pyjsml.program import Origin

_SHOWN = 3


def refuse(
    found: Mapping[str, Sequence[Origin]], reasons: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Raise UnsupportedOpError if `found`, the nodes of each unsupported operator, is not empty.

    `reasons` says of some operators why they are.
    """
    if not found:
        return
    total = sum(len(origins) for origins in found.values())
    raise UnsupportedOpError(
        f"{total} node{'s' * (total != 1)} of the model use"
        f"{'s' * (total == 1)} {len(found)} operator{'s' * (len(found) != 1)} that pyjsml "
        "can't compile:",
        [
            _describe(operator, origins) + (f": {reasons[operator]}" if operator in reasons else "")
            for operator, origins in found.items()
        ],
    )


def _describe(operator: str, origins: Sequence[Origin]) -> str:
    places = []
    for origin in origins[:_SHOWN]:
        where = ", ".join(part for part in (origin.module, origin.source) if part)
        places.append(f"{origin.node} ({where})" if where else origin.node)
    if len(origins) > _SHOWN:
        places.append(f"and {len(origins) - _SHOWN} more")
    return f"{operator} ×{len(origins)}: {', '.join(places)}"

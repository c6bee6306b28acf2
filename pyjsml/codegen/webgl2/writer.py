"""The body of a shader as it is written: statements, each in the outermost loop it can be in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["float", "int", "bool"]

VECTORS: dict[Kind, str] = {"float": "vec4", "int": "ivec4", "bool": "bvec4"}


@dataclass(frozen=True)
class Value:
    """A value of the shader: an expression that costs nothing to repeat, such as a name.

    `wide` ones have a component per lane; others are the same in all four. `level` counts the
    loops that it depends on. A `fleeting` one changes from statement to statement, as a sum does.
    """

    text: str
    kind: Kind
    wide: bool = False
    level: int = 0
    fleeting: bool = False

    @property
    def type(self) -> str:
        """Return its type in GLSL."""
        return VECTORS[self.kind] if self.wide else self.kind

    def widened(self) -> str:
        """Return its text as one of a component per lane."""
        return self.text if self.wide else f"{VECTORS[self.kind]}({self.text})"


@dataclass
class _Scope:
    lines: list[str] = field(default_factory=list)
    known: dict[tuple[str, str], Value] = field(default_factory=dict)


class Writer:
    """Writes statements, and the same one only once."""

    def __init__(self) -> None:
        self._scopes = [_Scope()]
        self._names = 0
        self.functions: set[str] = set()

    @property
    def level(self) -> int:
        """How many loops are open."""
        return len(self._scopes) - 1

    @property
    def lines(self) -> list[str]:
        """The statements outside all loops."""
        return self._scopes[0].lines

    def name(self, prefix: str) -> str:
        """Return a name that is not taken."""
        self._names += 1
        return f"{prefix}{self._names}"

    def keep(self, text: str, kind: Kind, wide: bool, of: Iterable[Value]) -> Value:
        """Return a variable that holds `text`, which is an expression of the values `of`."""
        values = list(of)
        fleeting = any(value.fleeting for value in values)
        level = self.level if fleeting else max((value.level for value in values), default=0)
        scope = self._scopes[level]
        key = (text, f"{kind}{wide}")
        if not fleeting and key in scope.known:
            return scope.known[key]
        value = Value(self.name("x"), kind, wide, level, fleeting)
        scope.lines.append(f"{value.type} {value.text} = {text};")
        if not fleeting:
            scope.known[key] = value
        return value

    def line(self, text: str) -> None:
        """Write a statement into the innermost loop."""
        self._scopes[-1].lines.append(text)

    @contextmanager
    def loop(self, name: str, start: str, end: str, step: int) -> Iterator[Value]:
        """Open a loop of the variable `name` from `start` while it is below `end`."""
        self._scopes.append(_Scope())
        yield Value(name, "int", False, self.level)
        lines = self._scopes.pop().lines
        advance = f"{name}++" if step == 1 else f"{name} += {step}"
        self.line(f"for (int {name} = {start}; {name} < {end}; {advance}) {{")
        self._scopes[-1].lines += [f"  {line}" for line in lines]
        self.line("}")

"""The engines: hosts of JavaScript, behind one small protocol.

Nothing that an engine needs is imported before it is asked for.
"""

from __future__ import annotations

from pyjsml.engines.chromium import ChromiumEngine
from pyjsml.engines.firefox import FirefoxEngine
from pyjsml.engines.node import NodeEngine
from pyjsml.engines.protocol import Engine, Session
from pyjsml.engines.pythonmonkey import PythonMonkeyEngine
from pyjsml.engines.v8 import V8Engine
from pyjsml.errors import OptionError

__all__ = ["ENGINES", "Engine", "Session", "get_engine"]

ENGINES: tuple[Engine, ...] = (
    PythonMonkeyEngine(),
    V8Engine(),
    NodeEngine(),
    ChromiumEngine(),
    FirefoxEngine(),
)
"""Every engine, the default one first."""


def get_engine(name: str) -> Engine:
    """Return the engine called `name`; raise OptionError, which lists all, if there is none."""
    for engine in ENGINES:
        if engine.name == name:
            return engine
    known = ", ".join(engine.name for engine in ENGINES)
    raise OptionError(f"there is no engine {name!r}; the engines are: {known}")

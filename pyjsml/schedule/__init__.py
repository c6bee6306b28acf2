"""The schedule stage: the default order of both blocks, and where each value lives."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from pyjsml.program import Program, Schedule
from pyjsml.schedule.memory import plan_memory
from pyjsml.schedule.order import load_steps, main_steps


def schedule(program: Program) -> Program:
    """Add `schedule`: steps and placements."""
    load, main = load_steps(program), main_steps(program)
    placements = plan_memory(program, load, main)
    return replace(program, scheduled=Schedule(load, main, MappingProxyType(placements)))


__all__ = ["schedule"]

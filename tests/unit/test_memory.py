"""The memory plan keeps contemporaries apart, whatever the sizes turn out to be."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pyjsml.schedule.memory import Lifetime, _pack

SIZES = st.integers(1, 64).map(lambda units: units * 16)


@st.composite
def lifetimes(draw: st.DrawFn) -> list[Lifetime]:
    """Up to 20 values that live over up to 12 steps."""
    spans = draw(st.lists(st.tuples(st.integers(0, 11), st.integers(0, 5), SIZES), max_size=20))
    return [
        Lifetime(f"v{index}", size, first, first + length)
        for index, (first, length, size) in enumerate(spans)
    ]


def addresses(after: dict[str, tuple[str, ...]], sizes: dict[str, int]) -> dict[str, int]:
    """What the runtime makes of a plan."""
    found: dict[str, int] = {}

    def place(name: str) -> int:
        if name not in found:
            found[name] = max((place(other) + sizes[other] for other in after[name]), default=0)
        return found[name]

    for name in after:
        place(name)
    return found


@given(lifetimes(), st.data())
def test_contemporaries_never_overlap_even_at_other_sizes(
    lives: list[Lifetime], data: st.DataObject
) -> None:
    after = _pack(lives)
    sizes = {life.name: data.draw(SIZES) for life in lives}
    starts = addresses(after, sizes)
    for life in lives:
        for other in lives:
            if life.name < other.name and life.meets(other):
                ends_before = starts[life.name] + sizes[life.name] <= starts[other.name]
                starts_behind = starts[other.name] + sizes[other.name] <= starts[life.name]
                assert ends_before or starts_behind, (life, other)


@given(lifetimes())
def test_the_peak_is_no_more_than_no_sharing_and_no_less_than_what_lives_at_once(
    lives: list[Lifetime],
) -> None:
    sizes = {life.name: life.size for life in lives}
    starts = addresses(_pack(lives), sizes)
    peak = max((starts[name] + sizes[name] for name in starts), default=0)
    at_once = max(
        (sum(life.size for life in lives if life.first <= step <= life.last) for step in range(20)),
        default=0,
    )
    assert at_once <= peak <= sum(sizes.values())


def test_a_chain_needs_two_buffers() -> None:
    lives = [Lifetime(f"v{step}", 64, step, step + 1) for step in range(10)]
    sizes = {life.name: life.size for life in lives}
    starts = addresses(_pack(lives), sizes)
    assert max(starts.values()) + 64 == 128

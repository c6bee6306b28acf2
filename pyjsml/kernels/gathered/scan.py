"""Running sums and products by their elements: each adds up what comes before it.

Long axes are cut into blocks, so that an element adds up the results of the blocks before its own,
and then what its own has. The order of additions is therefore another than one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tvm import te, tirx

SHORT = 32
"""An axis of at most so many elements is one block, and so many are the least of a block."""

BLOCKS = 1024
"""Into how many blocks an axis is cut at most, where its length is known."""


def scan(x: te.Tensor, axis: int, product: int, exclusive: int, dtype: str) -> te.Tensor:
    """Return the running sums of `x` along `axis`, or products, as `dtype`.

    An `exclusive` one leaves out the element itself.
    """
    return _Scan(x, axis, bool(product), bool(exclusive), dtype).result()


class _Scan:
    def __init__(self, x: te.Tensor, axis: int, product: bool, exclusive: bool, dtype: str) -> None:
        self.x, self.axis, self.exclusive, self.dtype = x, axis, exclusive, dtype
        self.product = product
        self.fold: Callable[..., Any] = _product if product else te.sum
        self.none = tirx.const(1 if product else 0, dtype)
        self.length = x.shape[axis]

    def result(self) -> te.Tensor:
        known = int(self.length) if isinstance(self.length, tirx.IntImm) else None
        if known is not None and known <= SHORT:
            return self._within(known)
        size = SHORT if known is None else max(SHORT, -(-known // BLOCKS))
        before = self._before(size)
        within = self._within(size)

        def element(*at: Any) -> Any:
            earlier = before(*self._moved(at, tirx.floordiv(at[self.axis], size)))
            mine = within(*at)
            return earlier * mine if self.product else earlier + mine

        return te.compute(self.x.shape, element, name="scanned")

    def _within(self, size: int) -> te.Tensor:
        """Fold what each element's block of `size` has up to it."""
        step = te.reduce_axis((0, size), "step")

        def element(*at: Any) -> Any:
            here = at[self.axis]
            place = tirx.floordiv(here, size) * size + step
            before = place < here if self.exclusive else place <= here
            return self._folded(before, self._moved(at, place), step)

        return te.compute(self.x.shape, element, name="within")

    def _before(self, size: int) -> te.Tensor:
        """Fold all that comes before each block."""
        count = tirx.floordiv(self.length + (size - 1), size)
        shape = self._moved(self.x.shape, count)
        step = te.reduce_axis((0, size), "step")
        block = te.reduce_axis((0, count), "block")

        def whole(*at: Any) -> Any:
            place = at[self.axis] * size + step
            return self._folded(place < self.length, self._moved(at, place), step)

        blocks = te.compute(shape, whole, name="blocks")

        def element(*at: Any) -> Any:
            value = blocks(*self._moved(at, block))
            return self.fold(tirx.Select(block < at[self.axis], value, self.none), axis=[block])

        return te.compute(shape, element, name="before")

    def _folded(self, taken: Any, at: Sequence[Any], axis: Any) -> Any:
        value = self.x(*at).astype(self.dtype)
        return self.fold(tirx.if_then_else(taken, value, self.none), axis=[axis])

    def _moved(self, at: Sequence[Any], place: Any) -> list[Any]:
        """Return `at` with another place along the axis."""
        return [*at[: self.axis], place, *at[self.axis + 1 :]]


_product = te.comm_reducer(lambda a, b: a * b, lambda dtype: tirx.const(1, dtype), name="product")

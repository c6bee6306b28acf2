"""Pieces of an axis along which no condition changes, each a loop of its own that has not to ask.

So a sum over the channels of a concatenation goes over those of one part after those of the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from pyjsml.kernels.loops.nest import Nest, merge_reduced
from pyjsml.kernels.tir.branches import conditions, settle
from pyjsml.kernels.tir.emit import Emitter
from pyjsml.kernels.tir.expression import constant, edges, integer, substitute, uses
from pyjsml.kernels.tir.stage import Axis


def pieces(emitter: Emitter, exprs: Sequence[Any], axis: Axis) -> list[tuple[int, int]]:
    """Return where along `axis` pieces begin, and their lengths.

    There is one for all of it if nothing in `exprs` chooses by `axis` alone; nothing is returned
    where its extent varies.
    """
    extent = constant(axis.extent)
    if extent is None:
        return []
    asked = [each for each in conditions(exprs) if uses(each, [axis.var])]
    if not asked:
        return [(0, extent)]

    def answers(at: int) -> list[int | None]:
        here = {axis.var: integer(at)}
        return [constant(emitter.simplify(substitute(each, here))) for each in asked]

    cuts = [0]
    for before, start in pairwise(edges(exprs, axis.var, extent)[:-1]):
        if answers(before) != answers(start):
            cuts.append(start)
    return [(start, end - start) for start, end in pairwise([*cuts, extent])]


def reduced_pieces(emitter: Emitter, nest: Nest) -> list[Nest]:
    """Cut the reduction of `nest` into ones that choose nothing along the reduced axes."""
    for axis in nest.reduced:
        found = pieces(emitter, nest.body, axis)
        if len(found) > 1:
            return [_piece(emitter, nest, axis, start, length) for start, length in found]
    return [nest]


def _piece(emitter: Emitter, nest: Nest, axis: Axis, start: int, length: int) -> Nest:
    some = emitter.axis(axis.var.name, length)
    at = {axis.var: some.var + start}
    reduced = tuple(some if other is axis else other for other in nest.reduced)
    piece = replace(nest, reduced=reduced).rewrite(
        lambda expr: emitter.resimplify(settle(emitter, substitute(expr, at)))
    )
    return merge_reduced(emitter, piece)

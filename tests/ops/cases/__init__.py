"""Kernels as data: a function, shapes to call it with, and what it should compute."""

from tests.ops.cases.case import Case
from tests.ops.cases.convolutions import CONVOLUTIONS
from tests.ops.cases.elementwise import ELEMENTWISE
from tests.ops.cases.gathers import GATHERS
from tests.ops.cases.groups import GROUPS
from tests.ops.cases.layouts import LAYOUTS
from tests.ops.cases.parts import PARTS
from tests.ops.cases.products import PRODUCTS
from tests.ops.cases.statistics import STATISTICS
from tests.ops.cases.transposed import TRANSPOSED
from tests.ops.cases.weights import PACKINGS

CASES = (
    *CONVOLUTIONS,
    *GROUPS,
    *TRANSPOSED,
    *PRODUCTS,
    *PARTS,
    *PACKINGS,
    *STATISTICS,
    *ELEMENTWISE,
    *LAYOUTS,
    *GATHERS,
)

__all__ = ["CASES", "Case"]

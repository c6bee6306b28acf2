"""What is computed of whole matrices."""

from __future__ import annotations

import math
from typing import Any

from tvm import relax
from tvm.tirx import IntImm

from pyjsml.frontend.onnx_ops.common import Attributes, Inputs, UnsupportedError
from pyjsml.kernels.ops.determinant import eliminated, pivot_rows, pivots

MAX_ROWS = 16
"""Of a matrix whose determinant is taken: each is an op or two."""


def det(builder: Any, inputs: Inputs, attributes: Attributes, opset: int) -> Any:
    """Convert Det: the product of the pivots of an elimination."""
    *outer, rows, columns = inputs[0].ty.shape
    if not isinstance(rows, IntImm) or not isinstance(columns, IntImm) or int(rows) > MAX_ROWS:
        raise UnsupportedError(
            f"only that of matrices of a fixed size, of at most {MAX_ROWS} rows, can be compiled"
        )
    if int(rows) != int(columns):
        raise ValueError(f"its matrices of {int(rows)} rows and {int(columns)} columns have none")
    count = builder.simplify(math.prod(outer))
    matrices = builder.emit(relax.op.reshape(inputs[0], [count, rows, columns]))
    result = None
    for left in range(int(rows), 0, -1):
        places = builder.emit_te(pivot_rows, matrices)
        pivot = builder.emit_te(pivots, matrices, places)
        result = pivot if result is None else builder.emit(relax.op.multiply(result, pivot))
        if left > 1:
            matrices = builder.emit_te(eliminated, matrices, places)
    return relax.op.reshape(result, outer)

"""Programs small enough to write by hand, for trying engines: their kernels are C, not TVM's."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyjsml.dims import Expr, Shape, product
from pyjsml.program import (
    ISAS,
    Block,
    Dim,
    Graph,
    Isa,
    Kernel,
    Op,
    Origin,
    Placement,
    Program,
    Schedule,
    Signature,
    Step,
    TensorSpec,
    Value,
)
from tests.support.c_kernels import compile_c

DTYPES = (
    "float16", "float32", "float64", "int8", "uint8", "int16", "uint16", "int32", "uint32",
    "int64", "uint64", "bool",
)  # fmt: skip
MAX_ROWS = 8

SCALE = np.array([1.0, -2.0, 0.5], dtype=np.float32)
SHIFT = np.array([0.25, 1.0, -3.0], dtype=np.float32)

SOURCE = """
#define EXPORT(name) __attribute__((export_name(#name))) void name

EXPORT(copy)(const char *x, char *y, int bytes, int begin, int end) {
  for (int i = begin; i < end; i++) y[i] = x[i];
}
EXPORT(scale)(const float *x, const float *w, float *y, int rows, int begin, int end) {
  for (int r = begin; r < end; r++) for (int i = 0; i < 3; i++) y[r * 3 + i] = x[r * 3 + i] * w[i];
}
EXPORT(shift)(const float *x, const float *w, float *y, int rows, int begin, int end) {
  for (int r = begin; r < end; r++)
    for (int i = 0; i < 3; i++) y[i * rows + r] = x[r * 3 + i] + w[i] FAULT;
}
EXPORT(square)(const float *x, float *y, int rows, int begin, int end) {
  for (int r = begin; r < end; r++)
    for (int i = 0; i < 3; i++) y[r * 3 + i] = x[i * rows + r] * x[i * rows + r];
}
EXPORT(trap)(const float *x, float *y, int rows, int begin, int end) { __builtin_trap(); }
"""


def echo_program() -> Program:
    """Return a program that gives each input back: one of every dtype, and a scalar.

    Inputs are called after their dtypes, outputs `same_DTYPE`; they are of shape rows x 3, where
    rows is 0 to `MAX_ROWS`. The scalar, an int64, is called `scalar`.
    """
    ports: list[tuple[str, str, Shape]] = [(dtype, dtype, ("rows", 3)) for dtype in DTYPES]
    ports.append(("scalar", "int64", ()))
    values: dict[str, Value] = {}
    placements: dict[str, Placement] = {}
    ops = []
    for name, dtype, shape in ports:
        same = f"same_{name}"
        values[name], values[same] = Value(name, dtype, shape), Value(same, dtype, shape, node=same)
        placements[name] = Placement("main", after=tuple(placements))
        placements[same] = Placement("main", after=tuple(placements))
        size = product((*shape, np.dtype(dtype).itemsize))
        ops.append(Op(f"copy_{name}", "copy", (name,), (same,), "copy", (size,), (Origin(same),)))
    names = tuple(name for name, _, _ in ports)
    return Program(
        name="echo",
        signature=Signature(
            tuple(TensorSpec(*port) for port in ports),
            tuple(TensorSpec(f"same_{name}", dtype, shape) for name, dtype, shape in ports),
            (Dim("rows", 0, MAX_ROWS),),
        ),
        module=None,
        constants={},
        lowered=Graph(
            values,
            Block("load", (), (), ()),
            Block("main", names, tuple(f"same_{name}" for name in names), tuple(ops)),
        ),
        kernels={"copy": Kernel("copy", "wasm", ("bytes",), "bytes")},
        wasm=_wasm(),
        scheduled=Schedule((), tuple(Step("call", op.name) for op in ops), placements),
    )


def chain_program(
    rows: Expr = "rows",
    *,
    scale: np.ndarray = SCALE,
    fault: str = "",
    trap: bool = False,
    shift_node: str = "add",
) -> Program:
    """Return `y = (x * scale + shift)²` in three ops; the second gives its result transposed.

    `fault` is C appended to the second op's sum (`+ 1.0f`); `trap` makes the last op trap.
    """
    shape: Shape = (rows, 3)
    values = (
        Value("scale", "float32", (3,), constant="head.scale"),
        Value("shift", "float32", (3,), constant="head.shift"),
        Value("x", "float32", shape),
        Value("scaled", "float32", shape, node="mul"),
        Value("shifted", "float32", (3, rows), node=shift_node, layout=(1, 0)),
        Value("squared", "float32", shape, node="pow"),
    )
    last = "trap" if trap else "square"
    ops = (
        Op("scale", "multiply", ("x", "scale"), ("scaled",), "scale", (rows,),
           (Origin("mul", "aten.mul.Tensor", "head", "chain.py:3"),)),
        Op("shift", "add", ("scaled", "shift"), ("shifted",), "shift", (rows,),
           (Origin("add", "aten.add.Tensor", "head.shift", "chain.py:4"),)),
        Op("square", "multiply", ("shifted",), ("squared",), last, (rows,),
           (Origin("pow", "aten.pow.Tensor_Scalar", "tail", "chain.py:5"),)),
    )  # fmt: skip
    dims = (Dim(rows, 1, MAX_ROWS),) if isinstance(rows, str) else ()
    return Program(
        name="chain",
        signature=Signature(
            (TensorSpec("x", "float32", shape),), (TensorSpec("y", "float32", shape),), dims
        ),
        module=None,
        constants={"head.scale": scale, "head.shift": SHIFT},
        lowered=Graph(
            {value.name: value for value in values},
            Block("load", (), ("scale", "shift"), ()),
            Block("main", ("x",), ("squared",), ops),
        ),
        kernels={
            name: Kernel(name, "wasm", ("rows",), "rows") for name in ("scale", "shift", last)
        },
        wasm=_wasm(fault),
        scheduled=Schedule(
            (Step("read", "scale"), Step("read", "shift")),
            tuple(Step("call", op.name) for op in ops),
            {
                "scale": Placement("persistent"),
                "shift": Placement("persistent", after=("scale",)),
                "x": Placement("main"),
                "scaled": Placement("main", after=("x",)),
                "shifted": Placement("main", after=("scaled",)),
                # The bytes of `scaled` are free by now: whoever captures it must do so in time.
                "squared": Placement("main", after=("x",)),
            },
        ),
    )


def chain_outputs(x: np.ndarray, scale: np.ndarray = SCALE) -> dict[str, np.ndarray]:
    """Return what each source node of the chain gives, by name."""
    scaled = x * scale
    shifted = scaled + SHIFT
    return {"mul": scaled, "add": shifted, "pow": shifted**2}


def assert_close(actual: Any, expected: Any) -> None:
    """Assert that two arrays are equal but for rounding."""
    np.testing.assert_allclose(actual, expected, rtol=1e-5)


def _wasm(fault: str = "") -> dict[Isa, bytes]:
    return {isa: compile_c(SOURCE, isa, f"FAULT={fault}") for isa in ISAS}

"""A program small enough to write by hand: `y = x * weight`, for any number of rows.

The weight is copied by a load step, as packed weights are, and the result goes through a view.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pyjsml.dims import Expr, Shape, product
from pyjsml.program import (
    ISAS,
    Block,
    Dim,
    Graph,
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

WEIGHT = np.array([1.0, -2.0, 0.5], dtype=np.float32)

SOURCE = """
__attribute__((export_name("copy")))
void copy(const float *from, float *to, int begin, int end) {
  for (int i = begin; i < end; i++) to[i] = from[i];
}

__attribute__((export_name("scale")))
void scale(const float *x, const float *weight, float *y, int rows, int begin, int end) {
  for (int row = begin; row < end; row++)
    for (int i = 0; i < 3; i++) y[row * 3 + i] = x[row * 3 + i] * weight[i];
}
"""


def tiny_program(
    rows: Expr = 2,
    *,
    dims: tuple[Dim, ...] = (),
    name: str = "tiny_net",
    input_name: str = "x",
    output_name: str = "y",
) -> Program:
    """Return the program as the `schedule` stage leaves it, with wasm bytes that are none."""
    shape: Shape = (rows, 3)
    flat: Shape = (product(shape),)
    weight = Origin("mul", "aten.mul.Tensor", "head.scale", "tiny.py:12")
    values = (
        Value("head.weight", "float32", (3,), constant="head.weight"),
        Value("head.weight.packed", "float32", (3,)),
        Value("x", "float32", shape),
        Value("mul", "float32", shape, node="mul"),
        Value("flatten", "float32", flat, node="flatten"),
    )
    load = Op("pack", "copy", ("head.weight",), ("head.weight.packed",), kernel="copy")
    multiply = Op(
        "mul",
        "multiply",
        ("x", "head.weight.packed"),
        ("mul",),
        kernel="scale",
        dims=(rows,),
        origins=(weight,),
    )
    view = Op("flatten", "view", ("mul",), ("flatten",), origins=(Origin("flatten"),))
    return Program(
        name=name,
        signature=Signature(
            inputs=(TensorSpec(input_name, "float32", shape),),
            outputs=(TensorSpec(output_name, "float32", flat),),
            dims=dims,
        ),
        module=None,
        constants={"head.weight": WEIGHT, "unused": np.zeros(4, dtype=np.int64)},
        lowered=Graph(
            values={value.name: value for value in values},
            load=Block("load", ("head.weight",), ("head.weight.packed",), (load,)),
            main=Block("main", ("x",), ("flatten",), (multiply, view)),
        ),
        kernels={
            "copy": Kernel("copy", "wasm", (), 3),
            "scale": Kernel("scale", "wasm", ("n",), "n", flops=product(("n", 3))),
        },
        wasm={isa: b"\0asm" + isa.encode() for isa in ISAS},
        scheduled=Schedule(
            load=(Step("read", "head.weight"), Step("call", "pack")),
            main=(Step("call", "mul"), Step("call", "flatten")),
            placements={
                "head.weight": Placement("load"),
                "head.weight.packed": Placement("persistent"),
                "x": Placement("main"),
                "mul": Placement("main", after=("x",)),
                "flatten": Placement("main", alias="mul"),
            },
        ),
    )


def tiny_dynamic_program() -> Program:
    """Return the program with the dim `batch` as its number of rows."""
    return tiny_program("batch", dims=(Dim("batch", 1, 8),))


def with_kernels(program: Program) -> Program:
    """Return `program` with the kernels of `SOURCE`."""
    return replace(program, wasm={isa: compile_c(SOURCE, isa) for isa in ISAS})

"""From the bindings of `main` to values and ops: what depends on weights alone goes into `load`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import tvm
from tvm import relax
from tvm.ir import is_prim_expr

from pyjsml.dims import Expr, Shape
from pyjsml.errors import UnsupportedOpError
from pyjsml.kernels.tir.expr import to_expr
from pyjsml.lower.names import Names
from pyjsml.lower.origins import origins_of_ops
from pyjsml.lower.shapes import Dims, kernel_dims, tensor_shape
from pyjsml.optimize.rewrite import bindings, tensor_fields
from pyjsml.program import Block, Fusion, Graph, Op, Program, Value

if TYPE_CHECKING:
    from pyjsml.program import Array

Functions = Mapping[str, tvm.tirx.PrimFunc]


def build_graph(program: Program) -> tuple[Graph, dict[str, Array], Functions]:
    """Return the graph, the constants that it reads, and the functions that its ops call."""
    builder = _GraphBuilder(program)
    for binding in bindings(program.module):
        builder.add(binding.var, binding.value)
    return builder.finish()


class _GraphBuilder:
    def __init__(self, program: Program) -> None:
        self._program = program
        self._main = program.module["main"]
        self._dims = Dims(program)
        self._names = Names()
        self._values: dict[str, Value] = {}
        self._value_of: dict[relax.Var, tuple[str, ...]] = {}
        self._load: list[Op] = []
        self._run: list[Op] = []
        self._constant: set[str] = set()
        self._constants: dict[str, Array] = {}
        self._called: dict[str, tvm.tirx.PrimFunc] = {}
        self._problems: list[str] = []
        self._origins = origins_of_ops(program)
        self._add_params()

    def add(self, var: relax.Var, value: relax.Expr) -> None:
        """Add a binding of `main`: an op, or another name of a value."""
        if isinstance(value, relax.Call):
            self._add_op(var, value)
        elif isinstance(value, relax.TupleGetItem):
            self._value_of[var] = (self._value_of[value.tuple_value][value.index],)
        else:
            self._value_of[var] = self._results(value)

    def finish(self) -> tuple[Graph, dict[str, Array], Functions]:
        """Return the graph, its constants and its functions, or raise with every problem found."""
        if self._problems:
            raise UnsupportedOpError(
                "the shapes of these results depend on the data, which pyjsml can't plan for:",
                self._problems,
            )
        outputs = self._results(self._main.body.body)
        inputs = tuple(spec.name for spec in self._program.signature.inputs)
        read = {name for op in self._run for name in op.inputs} | set(outputs)
        persistent = tuple(name for name in self._values if name in self._constant & read)
        weights = {v.name: v.constant for v in self._values.values() if v.constant}
        # In the order of their use, so that each can be packed and forgotten as it arrives.
        load_read = [*(name for op in self._load for name in op.inputs), *persistent]
        used = {name: weights[name] for name in dict.fromkeys(load_read) if name in weights}
        values = {
            name: value
            for name, value in self._values.items()
            if name not in weights or name in used
        }
        graph = Graph(
            MappingProxyType(values),
            Block("load", tuple(used), persistent, tuple(self._load)),
            Block("main", inputs, outputs, tuple(self._run)),
        )
        constants = {constant: self._constants[constant] for constant in used.values()}
        return graph, constants, self._called

    def _add_params(self) -> None:
        inputs = self._program.signature.inputs
        for param, spec in zip(self._main.params, inputs, strict=False):
            self._value_of[param] = (self._names.give(spec.name),)
            self._values[spec.name] = Value(spec.name, spec.dtype, spec.shape)
        weights = self._main.params[len(inputs) :]
        for param, (name, array) in zip(weights, self._program.constants.items(), strict=True):
            self._value_of[param] = (self._add_constant(name, array),)

    def _add_constant(self, wanted: str, array: Array) -> str:
        name = self._names.give(wanted)
        self._values[name] = Value(name, str(array.dtype), array.shape, constant=name)
        self._constants[name] = array
        self._constant.add(name)
        return name

    def _add_op(self, var: relax.Var, call: relax.Call) -> None:
        view = call.op.name == "relax.reshape"
        reads = [call.args[0]] if view else tensor_fields(call)
        inputs = tuple(self._operand(read) for read in reads)
        shapes = [self._shape(tensor) for tensor in _tensors(var.ty)]
        if any(shape is None for shape in shapes):
            self._problems.append(f"{var.name} at {self._origins[var.name][-1]}")
        fusion = self._program.fusions.get(var.name, Fusion("view", (var.name,)))
        own = fusion.members[-1] in self._program.origins
        name = self._names.give(var.name if own else fusion.kind)
        outputs = self._add_results(name, var, [shape or () for shape in shapes])
        self._value_of[var] = outputs
        operands = [self._values[value].shape for value in (*inputs, *outputs)]
        kernel = "" if view else str(call.args[0].name_hint)
        dims = () if view or self._problems else self._kernel_dims(call, operands)
        op = Op(name, fusion.kind, inputs, outputs, kernel, dims, self._origins[var.name])
        constant = self._constant.issuperset(inputs) and not any(map(_symbolic, operands))
        if constant and not any(isinstance(dim, str) for dim in dims):
            self._constant.update(outputs)
            self._load.append(op)
        else:
            self._run.append(op)

    def _add_results(self, name: str, var: relax.Var, shapes: list[Shape]) -> tuple[str, ...]:
        origin = self._program.origins.get(var.name)
        layout = self._program.layouts.get(var.name, ())
        outputs = []
        for index, (tensor, shape) in enumerate(zip(_tensors(var.ty), shapes, strict=True)):
            output = name if index == 0 else self._names.give(f"{name}_{index}")
            node = origin.output if origin and len(shapes) == 1 else ""
            dtype = str(tensor.dtype)
            self._values[output] = Value(output, dtype, shape, node=node, layout=layout)
            outputs.append(output)
        return tuple(outputs)

    def _kernel_dims(self, call: relax.Call, shapes: list[Shape]) -> tuple[Expr, ...]:
        function = self._program.module[call.args[0]]
        self._called[str(call.args[0].name_hint)] = function
        # Dims that no operand spells out by themselves are arguments between the operands.
        fields = call.args[1].fields
        scalars = [to_expr(field, self._dims) for field in fields if is_prim_expr(field)]
        return kernel_dims(function, shapes, scalars)

    def _results(self, expr: relax.Expr) -> tuple[str, ...]:
        if isinstance(expr, relax.Tuple):
            return tuple(self._operand(field) for field in expr.fields)
        return (self._operand(expr),)

    def _operand(self, expr: relax.Expr) -> str:
        if isinstance(expr, tvm.ir.GenericConst):
            return self._add_constant("constant", expr.value.numpy())
        return self._value_of[expr][0]

    def _shape(self, tensor: relax.TensorType) -> Shape | None:
        return tensor_shape(tensor, self._dims)


def _tensors(type_: relax.Type) -> list[relax.TensorType]:
    return list(type_.fields) if isinstance(type_, relax.TupleType) else [type_]


def _symbolic(shape: Shape) -> bool:
    return any(not isinstance(size, int) for size in shape)

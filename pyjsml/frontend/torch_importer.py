"""torch.export programs to Relax: TVM's importer, with origins, names and errors of our own."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch.export.graph_signature import ConstantArgument, InputKind, OutputKind, TensorArgument
from tvm import relax
from tvm.relax.frontend.torch.exported_program_translator import ExportedProgramImporter

from pyjsml.errors import ModelError
from pyjsml.frontend.builder import NodeBuilder
from pyjsml.frontend.constants import Weights
from pyjsml.frontend.finish import emit_outputs, finish
from pyjsml.frontend.names import Names
from pyjsml.frontend.quiet import quiet, sentence
from pyjsml.frontend.symbolic import DimVars, from_sympy
from pyjsml.frontend.tensors import to_numpy
from pyjsml.frontend.torch_ops import IGNORED, converters
from pyjsml.frontend.torch_ops.numbers import number_converter
from pyjsml.frontend.torch_origins import origin_of, target_name
from pyjsml.frontend.unsupported import refuse
from pyjsml.program import Dim, Origin

if TYPE_CHECKING:
    from torch.export import ExportedProgram

    from pyjsml.frontend.torch_dims import Symbols
    from pyjsml.program import Program

_NAMESPACES = {"aten", "prims", "pyjsml", "torchvision"}


def convert(exported: ExportedProgram, name: str, symbols: Symbols, outputs: list[str]) -> Program:
    """Import a functional ExportedProgram.

    `symbols` says what each symbol of its shapes is called, or which size it has; `outputs` names
    the user's outputs in order. Raises UnsupportedOpError listing every operator that can't be
    converted, and ModelError naming the node whose conversion failed.
    """
    importer = _Importer(symbols)
    importer.check_supported(exported)
    with quiet():
        return importer.program(exported, name, outputs)


class _Importer(ExportedProgramImporter):  # type: ignore[misc]
    def __init__(self, symbols: Symbols) -> None:
        super().__init__()
        self._names = Names()
        self._weights = Weights()
        self._variables = DimVars()
        self._symbols = symbols
        self._placeholders: dict[str, str] = {}
        self.block_builder = NodeBuilder(self._names)
        self.update_convert_map(converters(self))

    def check_supported(self, exported: ExportedProgram) -> None:
        """Raise UnsupportedOpError if the program uses an operator that has no converter."""
        self._placeholders = {
            spec.arg.name: spec.target
            for spec in exported.graph_signature.input_specs
            if spec.target is not None
        }
        found: dict[str, list[Origin]] = {}
        for node in exported.graph.nodes:
            if node.op == "call_function" and not self._knows(node):
                found.setdefault(str(node.target), []).append(self._origin(node))
        refuse(found)

    def _origin(self, node: Any) -> Origin:
        return origin_of(node, self._placeholders)

    def _knows(self, node: Any) -> bool:
        if _is_symbolic(node) or number_converter(node) or target_name(node) in IGNORED:
            return True
        if isinstance(node.target, torch._ops.OpOverload):
            return node.target.namespace in _NAMESPACES and target_name(node) in self.convert_map
        return node.target is operator.getitem

    def program(self, exported: ExportedProgram, name: str, outputs: list[str]) -> Program:
        placeholders = {
            node.name: node for node in exported.graph.nodes if node.op == "placeholder"
        }
        inputs: dict[str, Any] = {}
        parameters = []
        for spec in exported.graph_signature.input_specs:
            if isinstance(spec.arg, ConstantArgument):
                continue  # An int or None that the export has taken in.
            node = placeholders[spec.arg.name]
            if spec.kind is InputKind.USER_INPUT:
                inputs[spec.arg.name] = self._declare(node, spec.arg.name)
            elif spec.kind in (InputKind.PARAMETER, InputKind.BUFFER, InputKind.CONSTANT_TENSOR):
                variable = self._declare(node, spec.target)
                parameters.append(variable)
                tensor = (
                    exported.state_dict[spec.target]
                    if spec.target in exported.state_dict
                    else exported.constants[spec.target]
                )
                self._weights.add(spec.target, to_numpy(spec.target, tensor), variable)
            else:
                raise ModelError(
                    f"The model takes {spec.arg.name!r}, a {spec.kind.name.lower()}: pyjsml takes "
                    "models that take tensors."
                )
        dims = [
            Dim(dim, *self._symbols.bounds(dim))
            for dim in self._symbols.names()
            if dim in self._variables.by_name
        ]
        builder = self.block_builder
        for dim in dims:
            builder.bound(self._variables(dim.name), dim.min, dim.max)
        with builder.function("main", params=[*inputs.values(), *parameters], attrs=_bounds(dims)):
            with builder.dataflow():
                for node in exported.graph.nodes:
                    if node.op == "call_function":
                        self._convert_node(node)
                returned = emit_outputs(builder, self._outputs(exported, outputs))
            builder.emit_func_output(returned)
        return finish(
            name,
            builder,
            inputs=list(inputs),
            outputs=outputs,
            dims=dims,
            weights=self._weights,
        )

    def _declare(self, node: Any, name: str) -> Any:
        value = node.meta["val"]
        if not isinstance(value, torch.Tensor):
            raise ModelError(
                f"The model takes {name!r}, which is no tensor ({type(value).__name__}): pass "
                "numbers as tensors, or fix them before the export."
            )
        shape = [self._size(size) for size in value.shape]
        variable = relax.Var(
            self._names.fresh(name),
            relax.TensorType(shape, self._convert_data_type(value.dtype)),
        )
        self.env[node] = variable
        return variable

    def _size(self, size: Any) -> Any:
        if isinstance(size, torch.SymInt):
            return from_sympy(size.node.expr, self._symbol)
        return int(size)

    def _symbol(self, symbol: str) -> Any:
        meaning = self._symbols.meaning(symbol)
        return meaning if isinstance(meaning, int) else self._variables(meaning)

    def _convert_node(self, node: Any) -> None:
        if target_name(node) in IGNORED:
            return
        origin = self._origin(node)
        self.block_builder.base = node.name
        try:
            if _is_symbolic(node):
                value = node.meta["val"]
                self.env[node] = value if isinstance(value, torch.SymBool) else self._size(value)
            elif convert := number_converter(node):
                self.env[node] = convert(self, node)
            else:
                value = self.convert_map[target_name(node)](node)
                # TVM gives the one useful tensor of some operators that give several.
                whole = isinstance(node.meta.get("val"), torch.Tensor)
                self.env[node] = self.block_builder.result(value, origin if whole else None)
        except Exception as error:
            where = ", ".join(part for part in (origin.module, origin.source) if part)
            raise ModelError(
                f"The {origin.kind} node {origin.node!r}{f' ({where})' if where else ''} can't be "
                f"converted: {sentence(error)}"
            ) from error

    def _outputs(
        self, exported: ExportedProgram, names: list[str]
    ) -> Mapping[str, tuple[Any, Origin]]:
        nodes = {node.name: node for node in exported.graph.nodes}
        returned = [
            nodes[spec.arg.name]
            for spec in exported.graph_signature.output_specs
            if spec.kind is OutputKind.USER_OUTPUT and isinstance(spec.arg, TensorArgument)
        ]
        return {
            name: (self.env[node], self._origin(node))
            for name, node in zip(names, returned, strict=True)
        }


def _is_symbolic(node: Any) -> bool:
    """Tell whether a node computes a size, or a truth about sizes that only assertions use."""
    return isinstance(node.meta.get("val"), torch.SymInt | torch.SymBool | int)


def _bounds(dims: list[Dim]) -> dict[str, Any]:
    upper = {dim.name: dim.max for dim in dims if dim.max is not None}
    return {"tir_var_upper_bound": upper} if upper else {}

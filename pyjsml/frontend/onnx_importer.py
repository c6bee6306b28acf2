"""ONNX to Relax: TVM's importer, with origins, names and errors of our own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tvm import relax
from tvm.ir import GenericConst
from tvm.relax.frontend.onnx import onnx_frontend as tvm_onnx

from pyjsml.errors import ModelError, UnsupportedOpError
from pyjsml.frontend import onnx_model
from pyjsml.frontend.builder import NodeBuilder
from pyjsml.frontend.constants import Weights
from pyjsml.frontend.finish import emit_outputs, finish
from pyjsml.frontend.names import Names
from pyjsml.frontend.onnx_bodies import opset_of, reads
from pyjsml.frontend.onnx_ops import TAKING_SIZES, converter, sizes
from pyjsml.frontend.onnx_ops.common import UnsupportedError, dtype_name, dtype_of
from pyjsml.frontend.onnx_ops.shapes import either
from pyjsml.frontend.onnx_ops.sizes import Sizes
from pyjsml.frontend.onnx_origins import at_output, origin_of
from pyjsml.frontend.onnx_ports import check_output, check_ports
from pyjsml.frontend.onnx_supported import check_supported
from pyjsml.frontend.options import Dims, check_dims
from pyjsml.frontend.quiet import quiet, sentence
from pyjsml.frontend.symbolic import DimVars, parse_expression
from pyjsml.program import Dim, Origin

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto

    from pyjsml.program import Program

_BYTES = {"int8", "uint8"}


def convert(model: ModelProto, name: str, dims: Dims) -> Program:
    """Import a checked and folded ONNX model.

    Raises UnsupportedOpError listing every operator that can't be converted, ModelError naming the
    node whose conversion failed, and OptionError if `dims` names no dim of the model.
    """
    check_supported(model)
    check_ports(model)
    importer = _Importer(dims)
    with quiet():
        return importer.program(model, name)


class _Importer(tvm_onnx.ONNXGraphImporter):  # type: ignore[misc]
    def __init__(self, dims: Dims) -> None:
        super().__init__({}, None)
        self._nodes: dict[str, Any] = {}
        self._names = Names()
        self._weights = Weights()
        self._variables = DimVars()
        self._dims = dims
        self._bare: set[str] = set()
        self.bb = NodeBuilder(self._names)

    def program(self, model: ModelProto, name: str) -> Program:
        graph = model.graph
        self.opset = opset_of(model)
        self._parse_graph_initializers(graph)
        self._bare = {
            dim.dim_param
            for value in onnx_model.user_inputs(model)
            for dim in value.type.tensor_type.shape.dim
        }
        inputs = [self._input(value) for value in onnx_model.user_inputs(model)]
        check_dims(self._dims, list(self._variables.by_name))
        dims = [Dim(name, *self._dims.get(name, (1, None))) for name in self._variables.by_name]
        for dim in dims:
            self.bb.bound(self._variables(dim.name), dim.min, dim.max)
        with self.bb.function("main", params=inputs, attrs=_bounds(dims)):
            with self.bb.dataflow():
                self._construct_nodes(graph)
                outputs = emit_outputs(self.bb, self._outputs(graph))
            self.bb.emit_func_output(outputs)
        return finish(
            name,
            self.bb,
            inputs=[value.name for value in onnx_model.user_inputs(model)],
            outputs=list(dict.fromkeys(output.name for output in graph.output)),
            dims=dims,
            weights=self._weights,
        )

    def _parse_graph_initializers(self, graph: Any) -> None:
        for tensor in graph.initializer:
            constant = relax.const(self._parse_array(tensor))
            self._nodes[tensor.name] = constant
            array = constant.value.numpy()
            # Of whole numbers only what models are quantised to: the others are shapes and indices.
            if array.ndim and (array.dtype.kind == "f" or array.dtype.name in _BYTES):
                # Both branches of an If may have one of the same name.
                self._weights.add(self._weights.unique(tensor.name), array, constant)

    def _input(self, value: Any) -> Any:
        tensor = value.type.tensor_type
        dtype = dtype_name(tensor.elem_type)
        shape = [self._size(value.name, axis, dim) for axis, dim in enumerate(tensor.shape.dim)]
        variable = relax.Var(self._names.fresh(value.name), relax.TensorType(shape, dtype))
        self._nodes[value.name] = variable
        return variable

    def _size(self, name: str, axis: int, dim: Any) -> Any:
        if dim.HasField("dim_value") and dim.dim_value > 0:
            return dim.dim_value
        if dim.dim_param:
            return parse_expression(dim.dim_param, self._variables, self._bare)
        # Exporters leave the batch axis without a name; others are told apart by input and axis.
        return self._variables("batch" if axis == 0 else f"{name}_{axis}")

    def _construct_nodes(self, graph: Any) -> None:
        problems: list[str] = []
        lost: set[str] = set()
        for node in graph.node:
            origin = origin_of(node)
            self.bb.base = origin.node
            if not lost.isdisjoint(reads(node)):
                lost.update(node.output)
                continue
            try:
                self._construct_node(node, origin)
            except UnsupportedError as error:
                problems.append(f"{node.op_type} at {origin}: {error}")
                lost.update(node.output)
            except UnsupportedOpError as error:  # in a branch
                problems += error.problems
                lost.update(node.output)
            except Exception as error:
                where = f" ({origin.module} {origin.source})".replace(" )", ")")
                raise ModelError(
                    f"The {node.op_type} node {origin.node!r}{where if origin.module else ''} "
                    f"can't be converted: {sentence(error)}"
                ) from error
        if problems:
            raise _unsupported(problems)

    def _convert_operator(self, op_name: str, inputs: Any, attrs: Any, opset: int) -> Any:
        own = converter(op_name, opset)
        if own is not None:
            value = own(self.bb, inputs, attrs, opset)
        else:
            convert = tvm_onnx._get_convert_map()[op_name].get_converter(opset)
            value = convert(self.bb, inputs, attrs, [self._nodes, self._params])
        return self.bb.normalize(value) if isinstance(value, relax.Expr) else value

    def _construct_node(self, node: Any, origin: Origin) -> None:
        if node.op_type == "If":
            self._construct_branches(node, origin)
            return
        attributes = onnx_model.attributes(node)
        attributes["tvm_custom"] = {"name": node.name, "num_outputs": len(node.output)}
        given = [self._nodes[name] if name else None for name in node.input]
        names = list(node.output)
        values = sizes.compute(self.bb, node.op_type, given, attributes)
        if values is None:
            inputs = tvm_onnx.onnx_input()
            first = TAKING_SIZES.get(node.op_type, len(given))
            inputs.extend([*map(self._tensor, given[:first]), *given[first:]])
            value = self._convert_operator(node.op_type, inputs, attributes, self.opset)
            values = self._unpack(value, len(names))
        for name, item in zip(names, values, strict=False):
            if name:
                self._nodes[name] = self.bb.result(item, at_output(origin, name))

    def _tensor(self, value: Any) -> Any:
        """Return a value that an operator takes as a tensor, though it may be known as sizes."""
        return value.tensor(self.bb) if isinstance(value, Sizes) else value

    def _construct_branches(self, node: Any, origin: Origin) -> None:
        """Compute the branches of an If that its condition leaves open, and take what holds."""
        attributes = onnx_model.attributes(node)
        condition = self._nodes[node.input[0]]
        names = ["then_branch", "else_branch"]
        if isinstance(condition, GenericConst):
            names = names[:1] if condition.value.numpy().item() else names[1:]
        branches: list[list[Any]] = []
        problems: list[str] = []
        for name in names:
            try:
                branches.append(self._branch(attributes[name], origin))
            except UnsupportedOpError as error:
                problems += error.problems
        if problems:
            raise _unsupported(problems)
        for name, *values in zip(node.output, *branches, strict=True):
            if name:
                value = values[0]
                if len(values) > 1:
                    value = either(self.bb, condition, *map(self._tensor, values))
                self._nodes[name] = self.bb.result(value, at_output(origin, name))

    def _branch(self, graph: GraphProto, origin: Origin) -> list[Any]:
        """Return the results of a graph that also reads the values of the graph around it."""
        outer: dict[str, Any] = dict(self._nodes)
        try:
            self._parse_graph_initializers(graph)
            self._construct_nodes(graph)
            return [self._nodes[value.name] for value in graph.output]
        finally:
            self.bb.base = origin.node
            self._nodes = outer

    def _unpack(self, value: Any, count: int) -> list[Any]:
        if isinstance(value, relax.Tuple):
            items = list(value.fields)
        elif isinstance(value, relax.Expr) and isinstance(value.ty, relax.TupleType):
            bound = self.bb.emit(value)
            items = [relax.TupleGetItem(bound, i) for i in range(len(value.ty.fields))]
        else:
            items = [value]
        if len(items) < count:
            raise ModelError(f"it has {count} outputs, and only {len(items)} can be converted")
        return items

    def _outputs(self, graph: Any) -> Mapping[str, tuple[Any, Origin]]:
        producers = {name: node for node in graph.node for name in node.output}
        outputs = {}
        for output in graph.output:
            if output.name not in self._nodes:
                raise ModelError(f"The model's output {output.name!r} is computed by no node.")
            value = self._tensor(self._nodes[output.name])
            if not isinstance(value, relax.Expr) or isinstance(value.ty, relax.TupleType):
                raise ModelError(f"The model's output {output.name!r} is no tensor.")
            check_output(output.name, dtype_of(value))
            producer = producers.get(output.name)
            origin = (
                at_output(origin_of(producer), output.name) if producer else Origin(output.name)
            )
            outputs[output.name] = (value, origin)
        return outputs


def _unsupported(problems: list[str]) -> UnsupportedOpError:
    return UnsupportedOpError("pyjsml can't compile what these nodes ask for:", problems)


def _bounds(dims: list[Dim]) -> dict[str, Any]:
    upper = {dim.name: dim.max for dim in dims if dim.max is not None}
    return {"tir_var_upper_bound": upper} if upper else {}

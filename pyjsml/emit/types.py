"""How dtypes and shapes look in TypeScript, and how a sentence names them."""

from __future__ import annotations

from pyjsml.dims import names
from pyjsml.emit.views import IndexTypes, OpType, PortRow, PortType
from pyjsml.program import Dim, Program, TensorSpec

# As `Arrays` of the runtime has it (js/src/tensor.ts).
ARRAYS = {
    "float32": "Float32Array",
    "float64": "Float64Array",
    "float16": "Uint16Array",
    "int8": "Int8Array",
    "uint8": "Uint8Array",
    "int16": "Int16Array",
    "uint16": "Uint16Array",
    "int32": "Int32Array",
    "uint32": "Uint32Array",
    "int64": "BigInt64Array",
    "uint64": "BigUint64Array",
    "bool": "Uint8Array",
}


def index_types(
    program: Program, maker: str, runtime: str, executor: str | None = None
) -> IndexTypes:
    """Describe the types of `program`, and where those of its own `executor` are."""
    graph = program.graph
    dims = {dim.name: dim for dim in program.signature.dims}
    return IndexTypes(
        maker=maker,
        runtime=runtime,
        model_name=program.name,
        inputs=tuple(_port(spec, dims) for spec in program.signature.inputs),
        outputs=tuple(_port(spec, dims) for spec in program.signature.outputs),
        ops=tuple(
            OpType(op.name, f"{op.kind}: {op.origins[-1]}" if op.origins else op.kind)
            for op in (*graph.load.ops, *graph.main.ops)
        ),
        executor=executor,
    )


def port_row(spec: TensorSpec) -> PortRow:
    """Describe `spec` for the README."""
    return PortRow(spec.name, spec.dtype, _shape(spec), ARRAYS[spec.dtype])


def _port(spec: TensorSpec, dims: dict[str, Dim]) -> PortType:
    used = dict.fromkeys(name for dim in spec.shape for name in names(dim))
    notes = [f"{spec.dtype} {_shape(spec)}", *(_bounds(dims[name]) for name in used)]
    return PortType(spec.name, spec.dtype, _tuple(spec), "; ".join(notes))


def _tuple(spec: TensorSpec) -> str:
    sizes = (str(dim) if isinstance(dim, int) else "number" for dim in spec.shape)
    return f"[{', '.join(sizes)}]"


def _shape(spec: TensorSpec) -> str:
    return f"[{', '.join(str(dim) for dim in spec.shape)}]"


def _bounds(dim: Dim) -> str:
    most = "or more" if dim.max is None else f"to {dim.max}"
    return f"{dim.name} is {dim.min} {most}"

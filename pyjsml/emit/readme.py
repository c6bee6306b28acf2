"""The README of a bundle, whose example fits the model and runs as it stands."""

from __future__ import annotations

from collections.abc import Mapping

from pyjsml.dims import evaluate, product
from pyjsml.emit.identifiers import Identifiers
from pyjsml.emit.types import ARRAYS, port_row
from pyjsml.emit.views import Example, LoadedFiles, Readme
from pyjsml.program import Program, TensorSpec
from pyjsml.templating import to_json, to_property


def readme(
    program: Program,
    maker: str,
    package_name: str,
    runtime: str,
    loaded: LoadedFiles,
    executor: str | None = None,
) -> Readme:
    """Describe `program` for `README.md.jinja`.

    `runtime` is the package that has `tensor`, `executor` the file of the user's own executor.
    """
    signature = program.signature
    return Readme(
        maker=maker,
        package_name=package_name,
        directory=package_name.rpartition("/")[2],
        model_name=program.name,
        external=runtime == "pyjsml",
        example=_example(program, package_name, runtime),
        inputs=tuple(port_row(spec) for spec in signature.inputs),
        outputs=tuple(port_row(spec) for spec in signature.outputs),
        dims=signature.dims,
        files=(loaded.simd128, loaded.relaxed, *loaded.weights),
        executor=executor,
        shaders="webgl2" in program.devices,
    )


def _example(program: Program, package_name: str, runtime: str) -> Example:
    identifiers = Identifiers(taken=("createExecutor", "tensor", "executor", "console"))
    signature = program.signature
    smallest = {dim.name: max(dim.min, 1) for dim in signature.dims}
    feed = tuple(_entry(spec, smallest) for spec in signature.inputs)
    names = tuple(identifiers.allocate(spec.name) for spec in signature.outputs)
    return Example(
        package_name=package_name,
        runtime=runtime,
        uses_tensor=not all(map(_static, signature.inputs)),
        feed=feed,
        results=tuple(
            name if name == spec.name else f"{to_property(spec.name)}: {name}"
            for spec, name in zip(signature.outputs, names, strict=True)
        ),
        names=names,
    )


def _entry(spec: TensorSpec, binding: Mapping[str, int]) -> str:
    """Write the property that feeds zeros to the input `spec`."""
    data = f"new {ARRAYS[spec.dtype]}({evaluate(product(spec.shape), binding)})"
    if not _static(spec):
        shape = [evaluate(dim, binding) for dim in spec.shape]
        data = f"tensor({to_json(spec.dtype)}, {shape}, {data})"
    return f"{to_property(spec.name)}: {data}"


def _static(spec: TensorSpec) -> bool:
    return all(isinstance(dim, int) for dim in spec.shape)

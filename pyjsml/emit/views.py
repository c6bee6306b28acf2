"""What each template takes: one frozen dataclass per template."""

from __future__ import annotations

from dataclasses import dataclass

from pyjsml.emit.data import ModelJson
from pyjsml.program import Dim


@dataclass(frozen=True)
class FileView:
    """A file of the bundle, with its digest as in a Subresource Integrity attribute."""

    path: str
    bytes: int
    integrity: str


@dataclass(frozen=True)
class LoadedFile(FileView):
    """A file that a model loads."""

    digest: str


@dataclass(frozen=True)
class LoadedFiles:
    """The files that a model loads."""

    simd128: LoadedFile
    relaxed: LoadedFile
    weights: tuple[LoadedFile, ...]


@dataclass(frozen=True)
class IndexJs:
    """`index.js.jinja`; `runtime` is the module specifier of the runtime.

    `shaders` tells whether there is a `shaders.js`.
    """

    maker: str
    runtime: str
    data: ModelJson
    files: LoadedFiles
    shaders: bool
    executor: str | None
    """The path of the module that has an executor of the user's own, if there is one."""


@dataclass(frozen=True)
class ExecutorScript:
    """`executor.script.js.jinja`; `script` is what it defines, an expression."""

    maker: str
    script: str


@dataclass(frozen=True)
class IndexScript:
    """`index.script.js.jinja`."""

    maker: str
    data: ModelJson
    files: LoadedFiles


@dataclass(frozen=True)
class PortType:
    """An input or output in TypeScript; `type` is the tuple type of its shape."""

    name: str
    dtype: str
    type: str
    doc: str


@dataclass(frozen=True)
class OpType:
    """An op's name in TypeScript."""

    name: str
    doc: str


@dataclass(frozen=True)
class IndexTypes:
    """`index.d.ts.jinja`."""

    maker: str
    runtime: str
    model_name: str
    inputs: tuple[PortType, ...]
    outputs: tuple[PortType, ...]
    ops: tuple[OpType, ...]
    executor: str | None
    """The path of the module whose types say what `createExecutor` makes, if there is one."""


@dataclass(frozen=True)
class PortRow:
    """A row of a table of inputs or outputs; `array` is the class of a tensor's data."""

    name: str
    dtype: str
    shape: str
    array: str


@dataclass(frozen=True)
class Example:
    """The README's example: `feed` are properties of the inputs, `results` patterns of the outputs.

    `names` are the variables that the patterns bind; `runtime` is where `tensor` comes from.
    """

    package_name: str
    runtime: str
    uses_tensor: bool
    feed: tuple[str, ...]
    results: tuple[str, ...]
    names: tuple[str, ...]


@dataclass(frozen=True)
class Readme:
    """`README.md.jinja`."""

    maker: str
    package_name: str
    directory: str
    model_name: str
    external: bool
    example: Example
    inputs: tuple[PortRow, ...]
    outputs: tuple[PortRow, ...]
    dims: tuple[Dim, ...]
    files: tuple[FileView, ...]
    executor: str | None
    shaders: bool

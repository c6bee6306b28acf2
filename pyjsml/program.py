"""The compiler's one data type, handed from stage to stage. Each stage adds to it; none takes away.

| stage    | adds                                                            |
|----------|-----------------------------------------------------------------|
| load     | `name`, `signature`, `module`, `constants`, `origins`           |
| optimize | `module` rewritten, `flat_dims`, `layouts`, `fusions`           |
| lower    | `graph`, `functions`                                            |
| compile  | `kernels`, `wasm`, `shaders`, `unshaded`                        |
| schedule | `schedule`                                                      |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from pyjsml.dims import Expr, Shape
from pyjsml.errors import VerifierError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.generic]

Region = Literal["persistent", "load", "main"]
Isa = Literal["simd128", "relaxed"]
ISAS: tuple[Isa, ...] = ("simd128", "relaxed")
DEVICES = ("wasm", "webgl2")
"""What kernels can be compiled for; every bundle has those for wasm."""


@dataclass(frozen=True)
class Dim:
    """A named dimension of the model's inputs; `max` is None where the model sets no bound."""

    name: str
    min: int
    max: int | None


@dataclass(frozen=True)
class TensorSpec:
    """An input or output of the model as its user sees it. `dtype` is numpy's name."""

    name: str
    dtype: str
    shape: Shape


@dataclass(frozen=True)
class Signature:
    """What the model takes and gives, in order, and the dims that may vary from run to run."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    dims: tuple[Dim, ...] = ()


@dataclass(frozen=True)
class Origin:
    """Where something comes from in the user's model.

    `node` is the name of the ONNX node or of the torch.export graph node, `module` the path of the
    nn.Module (`features.0.0`), `source` the line that called it (`model.py:12`). `output` is the
    name of the tensor that it computes: an ONNX tensor, or a torch.export graph node.
    """

    node: str
    kind: str = ""
    module: str = ""
    source: str = ""
    output: str = ""

    def __str__(self) -> str:
        return " ".join(part for part in (self.module or self.node, self.source) if part)


@dataclass(frozen=True)
class Fusion:
    """What one op of the optimised module was made of: bindings by name, the op's own one last."""

    kind: str
    members: tuple[str, ...]


@dataclass(frozen=True)
class Value:
    """A tensor of the graph.

    `constant` is the name of the weight whose bytes it holds. `node` is the source node (see
    `Origin.output`) whose elements it has: its elements in row-major order are those of the node's
    output with the axes permuted by `layout` (empty: as they are), though its shape may be another.
    Both are empty where there is none.
    """

    name: str
    dtype: str
    shape: Shape
    constant: str = ""
    node: str = ""
    layout: tuple[int, ...] = ()


@dataclass(frozen=True)
class Op:
    """One fused operation: the unit that the executor dispatches.

    `kernel` names a function of `Program.functions`; it is empty for a `view`, whose output is its
    input's bytes under another shape, and for `if` and `loop`, which hold `blocks`.
    `dims` are the kernel's trailing arguments. `origins` has the op's own origin last.
    """

    name: str
    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    kernel: str = ""
    dims: tuple[Expr, ...] = ()
    origins: tuple[Origin, ...] = ()
    blocks: tuple[Block, ...] = ()


@dataclass(frozen=True)
class Block:
    """Ops in an order that satisfies their dependencies, and the values that go in and come out."""

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    ops: tuple[Op, ...]


@dataclass(frozen=True)
class Graph:
    """The lowered model. `load` runs once, and makes of the weights what `main` wants."""

    values: Mapping[str, Value]
    load: Block
    main: Block


@dataclass(frozen=True)
class Kernel:
    """Compiled code for one function on one device.

    Called as `kernel(addresses…, dims…, begin, end)`, where `[begin, end)` is a slice of the
    outermost parallel loop and `extent`, an expression over `dims`, its length. The loop is made of
    `rounds` of equal length, each of which needs all of those before it. `inplace` pairs an input's
    index with the index of the output that may share its buffer. `dots` says that it adds up
    products of bytes, in which hosts with relaxed SIMD differ.
    """

    name: str
    device: Literal["wasm"]
    dims: tuple[str, ...]
    extent: Expr
    rounds: Expr = 1
    flops: Expr = 0
    inplace: tuple[tuple[int, int], ...] = ()
    dots: bool = False


@dataclass(frozen=True)
class Temp:
    """A tensor between passes: so many elements, and in each of so many `layers`, if any."""

    dtype: str
    size: Expr
    layers: int = 0


@dataclass(frozen=True)
class Pass:
    """A draw: `PassData` of the runtime, whose expressions name an op's dims n0, n1, …"""

    fragment: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    dims: tuple[Expr, ...]
    texels: Expr


@dataclass(frozen=True)
class Shader:
    """Compiled code for one function on the device `webgl2`: passes in order."""

    passes: tuple[Pass, ...]
    temps: tuple[Temp, ...]


@dataclass(frozen=True)
class Step:
    """One entry of a schedule: `read` brings a constant into memory, `call` dispatches an op."""

    kind: Literal["read", "call"]
    target: str


@dataclass(frozen=True)
class Placement:
    """Where a value lives.

    A value lies at `max(end of each value of after)` in its region, or at the region's start if
    `after` is empty; so one plan holds for every binding of the dims. `alias` names the value whose
    bytes it shares, at the same address. `persistent` values live as long as the executor;
    `load` and `main` are the arenas of the two blocks, which occupy the same bytes.
    """

    region: Region
    after: tuple[str, ...] = ()
    alias: str = ""


@dataclass(frozen=True)
class Schedule:
    """The default order of each block, and the memory plan: a placement for each value."""

    load: tuple[Step, ...]
    main: tuple[Step, ...]
    placements: Mapping[str, Placement]


@dataclass(frozen=True)
class Program:
    """A model on its way through the compiler. A field is None or empty until its stage has run.

    In `module`, `flat_dims` says what the variables stand for that are no dims of the signature,
    `layouts` which axes of the source node's output those of a binding's value are (as in `Value`),
    and `fusions` what each binding was made of; all are by name. `shaders` are by function, as
    `kernels` are, and `unshaded` says of the other functions why WebGL2 can't compute them; both
    are empty where `devices`, for which it is compiled, lack webgl2.
    """

    name: str
    signature: Signature
    module: Any  # tvm.IRModule, which is not imported here
    constants: Mapping[str, Array]
    origins: Mapping[str, Origin] = field(default_factory=lambda: MappingProxyType({}))
    flat_dims: Mapping[str, Expr] = field(default_factory=lambda: MappingProxyType({}))
    layouts: Mapping[str, tuple[int, ...]] = field(default_factory=lambda: MappingProxyType({}))
    fusions: Mapping[str, Fusion] = field(default_factory=lambda: MappingProxyType({}))
    devices: tuple[str, ...] = ("wasm",)
    lowered: Graph | None = None
    functions: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    kernels: Mapping[str, Kernel] = field(default_factory=lambda: MappingProxyType({}))
    wasm: Mapping[Isa, bytes] = field(default_factory=lambda: MappingProxyType({}))
    shaders: Mapping[str, Shader] = field(default_factory=lambda: MappingProxyType({}))
    unshaded: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    scheduled: Schedule | None = None

    @property
    def graph(self) -> Graph:
        """What the lower stage made; VerifierError before it."""
        if self.lowered is None:
            raise VerifierError(f"{self.name} has not been lowered")
        return self.lowered

    @property
    def schedule(self) -> Schedule:
        """What the schedule stage made; VerifierError before it."""
        if self.scheduled is None:
            raise VerifierError(f"{self.name} has not been scheduled")
        return self.scheduled

"""Kernels alone, in V8: compiled side by side, called with memory that is watched."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tvm import tirx

from pyjsml.codegen.lowering import lower
from pyjsml.codegen.modules import make_modules
from pyjsml.codegen.settings import Settings
from pyjsml.dims import evaluate
from pyjsml.engines.v8 import FLAGS
from pyjsml.kernels.describe import describe, workspace_bytes
from pyjsml.kernels.parameters import Parameters
from pyjsml.kernels.schedule import schedule
from pyjsml.program import Isa, Kernel
from pyjsml.timings import Timings

PAGE = 65536
GUARD = 128
POISON = 0xCD

Array = NDArray[Any]


class Compiled:
    """Functions compiled into one module."""

    def __init__(
        self,
        functions: Mapping[str, tirx.PrimFunc],
        isa: Isa,
        parameters: Parameters | None = None,
    ) -> None:
        lowered = {}
        self.kernels: dict[str, Kernel] = {}
        self.workspace: dict[str, list[Any]] = {}
        for name, function in functions.items():
            scheduled = schedule(function, parameters, dots=isa == "relaxed")
            self.kernels[name] = describe(name, scheduled)
            self.workspace[name] = workspace_bytes(scheduled)
            shared = bool(self.kernels[name].inplace)
            lowered[name] = lower(scheduled, shared=shared)
        self.wasm = make_modules({isa: lowered}, Settings(), Timings())[isa]


class Machine:
    """An instance of compiled kernels with a memory of its own."""

    def __init__(self, compiled: Compiled, pages: int = 32) -> None:
        import py_mini_racer

        self._compiled = compiled
        self.kernels = compiled.kernels
        py_mini_racer.init_mini_racer(flags=FLAGS, ignore_duplicate_init=True)
        self._context = py_mini_racer.MiniRacer()
        code = self._eval(f"globalThis.code = new ArrayBuffer({len(compiled.wasm)})")
        code[:] = compiled.wasm
        self._eval(
            f"globalThis.memory = new WebAssembly.Memory({{ initial: {pages}, maximum: 65536 }});"
            "globalThis.kernels = new WebAssembly.Instance("
            "new WebAssembly.Module(code), { env: { memory } }).exports; 0"
        )
        # The buffer must stay reachable from JavaScript for as long as Python looks at it.
        buffer = self._eval("globalThis.bytes = memory.buffer")
        self.memory = np.frombuffer(buffer, np.uint8)
        self.start = int(self._eval("kernels.__heap_base.value"))

    def close(self) -> None:
        """Let go of the isolate."""
        self._context.close()

    def run(
        self,
        name: str,
        inputs: Sequence[Array],
        outputs: Sequence[tuple[tuple[int, ...], str]],
        dims: Sequence[int] = (),
        *,
        pieces: int = 1,
        slices: Sequence[tuple[int, int]] | None = None,
        inplace: tuple[int, int] | None = None,
    ) -> list[Array]:
        """Call a kernel, its loop in so many slices, or in `slices`, and return its outputs.

        Every byte is poisoned before, but for the inputs; those and all bytes outside the outputs
        must be as they were afterwards. `inplace` lays an output over an input.
        """
        kernel = self._compiled.kernels[name]
        binding = dict(zip(kernel.dims, dims, strict=True))
        results = [np.empty(shape, dtype) for shape, dtype in outputs]
        borrowed = [
            np.empty(evaluate(size, binding), np.uint8) for size in self._compiled.workspace[name]
        ]
        self.memory[self.start :] = POISON
        places = self._places([*inputs, *results, *borrowed])
        for place, array in zip(places, inputs, strict=False):
            self._bytes(place, array)[:] = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
        if inplace is not None:
            places[len(inputs) + inplace[1]] = places[inplace[0]]
        before = self.memory[self.start :].copy()
        extent = evaluate(kernel.extent, binding)
        edges = [extent * piece // max(pieces, 1) for piece in range(pieces + 1)]
        for begin, end in slices or (itertools.pairwise(edges) if pieces else [(0, 0)]):
            arguments = json.dumps([*places, *dims, begin, end])
            self._eval(f"kernels.{name}(...{arguments}); 0")
        found = [
            self._bytes(place, result).view(result.dtype).reshape(result.shape).copy()
            for place, result in zip(places[len(inputs) :], results, strict=False)
        ]
        for place, array in zip(places[len(inputs) :], [*results, *borrowed], strict=True):
            first = place - self.start
            before[first : first + array.nbytes] = self._bytes(place, array)
        untouched = np.array_equal(before, self.memory[self.start :])
        assert untouched, f"{name} wrote outside its outputs"
        return found

    def _places(self, arrays: Sequence[Array]) -> list[int]:
        places = []
        end = self.start
        for array in arrays:
            places.append(-(-(end + GUARD) // 16) * 16)
            end = places[-1] + array.nbytes
        assert end + GUARD <= self.memory.size, "the arrays of a test do not fit in its memory"
        return places

    def _bytes(self, place: int, array: Array) -> Array:
        return self.memory[place : place + array.nbytes]

    def _eval(self, source: str) -> Any:
        return self._context.eval(source)

"""The same kernels in the same order, called one by one from Python."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

import numpy as np
from safetensors.numpy import load

from tests.bench.dispatch.hosts import Found, Task
from tests.bench.dispatch.listing import REGION_ALIGNMENT, Read

PAGE = 65536
MOST_PAGES = 65536
OWN_PAGES = 64
"""For what a module keeps below its heap: constants and a stack."""
RUNS_PER_SAMPLE = 5


class Machine(Protocol):
    """An instance of a wasm file with a memory, as Python sees it."""

    heap: int
    """Where its memory is free from."""

    def bind(self, kernel: str, arguments: tuple[int, ...]) -> Callable[[], Any]:
        """Return a call of an export."""

    def write(self, address: int, data: bytes) -> None:
        """Copy bytes into the memory."""

    def read(self, address: int, size: int) -> bytes:
        """Copy bytes out of it."""


class Wasmtime:
    """An instance in wasmtime."""

    def __init__(self, wasm: bytes, pages: int) -> None:
        from wasmtime import Global, Instance, Limits, Memory, MemoryType, Module, Store

        self._store = Store()
        self._memory = Memory(self._store, MemoryType(Limits(pages, MOST_PAGES)))
        module = Module(self._store.engine, wasm)
        self._exports = Instance(self._store, module, [self._memory]).exports(self._store)
        heap = self._exports["__heap_base"]
        assert isinstance(heap, Global)
        self.heap: int = heap.value(self._store)

    def bind(self, kernel: str, arguments: tuple[int, ...]) -> Callable[[], Any]:
        function: Any = self._exports[kernel]
        return partial(function, self._store, *arguments)

    def write(self, address: int, data: bytes) -> None:
        self._memory.write(self._store, data, address)

    def read(self, address: int, size: int) -> bytes:
        return bytes(self._memory.read(self._store, address, address + size))


class PythonMonkey:
    """An instance in SpiderMonkey; Python holds its functions."""

    def __init__(self, wasm: bytes, pages: int) -> None:
        import pythonmonkey

        reserve: Any = pythonmonkey.eval("(bytes) => new ArrayBuffer(bytes)")
        file: Any = reserve(len(wasm))
        file[:] = wasm
        start: Any = pythonmonkey.eval(
            "(file, initial, maximum) => {"
            "const memory = new WebAssembly.Memory({ initial, maximum });"
            "const module = new WebAssembly.Module(file);"
            "const { exports } = new WebAssembly.Instance(module, { env: { memory } });"
            "return { memory, exports, heap: exports.__heap_base.value }; }"
        )
        self._instance = start(file, pages, MOST_PAGES)
        self._view = self._instance["memory"]["buffer"]
        self.heap = int(self._instance["heap"])

    def bind(self, kernel: str, arguments: tuple[int, ...]) -> Callable[[], Any]:
        return partial(self._instance["exports"][kernel], *arguments)

    def write(self, address: int, data: bytes) -> None:
        self._view[address : address + len(data)] = data

    def read(self, address: int, size: int) -> bytes:
        return bytes(self._view[address : address + size])


MACHINES: dict[str, Callable[[bytes, int], Machine]] = {
    "wasmtime": Wasmtime,
    "pythonmonkey": PythonMonkey,
}


def drive(name: str, task: Task) -> Found:
    """Run a task's calls from Python, on one of MACHINES. Gives the contender `loop`."""
    listing = task.listing
    wasm = task.data["model.relaxed.wasm" if task.isa == "relaxed" else "model.simd.wasm"]
    pages = OWN_PAGES + -(-listing.bytes // PAGE)
    machine = MACHINES[name](wasm, pages)
    base = -(-machine.heap // REGION_ALIGNMENT) * REGION_ALIGNMENT
    assert base <= OWN_PAGES * PAGE
    weights = load(task.data["weights.safetensors"])

    def arguments(operands: tuple[int, ...], numbers: tuple[int, ...]) -> tuple[int, ...]:
        return (*(base + offset for offset in operands), *numbers)

    for step in listing.load:
        if isinstance(step, Read):
            machine.write(base + step.offset, weights[step.weight].tobytes())
        else:
            machine.bind(step.kernel, arguments(step.operands, step.numbers))()
    calls = [
        machine.bind(each.kernel, arguments(each.operands, each.numbers)) for each in listing.main
    ]
    inputs = [
        (base + listing.inputs[name], np.ascontiguousarray(data).tobytes())
        for name, data in task.inputs.items()
    ]

    def run() -> list[bytes]:
        for address, data in inputs:
            machine.write(address, data)
        for call in calls:
            call()
        return [machine.read(base + offset, size) for offset, size in listing.outputs]

    results = run()
    times = []
    for _ in range(task.rounds):
        start = time.perf_counter()
        for _ in range(RUNS_PER_SAMPLE):
            run()
        times.append((time.perf_counter() - start) / RUNS_PER_SAMPLE)
    return {"loop": {"ms": 1000 * min(times), "results": [list(data) for data in results]}}

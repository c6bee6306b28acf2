"""What is in a pickle, found out without unpickling it: unpickling runs whatever code it names."""

from __future__ import annotations

import io
import pickle
import pickletools
from typing import Any

from pyjsml.program import TensorSpec

_STRINGS = {"SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "UNICODE", "STRING", "BINSTRING"}
_WEIGHTS = ("torch", "collections", "numpy", "_codecs")


def global_names(data: bytes) -> list[str]:
    """Return the classes and functions that the pickle names, as `module.name`, each once.

    Reads as far as the pickle is well formed.
    """
    found: dict[str, None] = {}
    strings: list[str] = []
    file = io.BytesIO(data)
    try:
        while True:  # torch used to write several pickles one behind the other.
            for opcode, argument, _ in pickletools.genops(file):
                if opcode.name in _STRINGS:
                    strings.append(str(argument))
                elif opcode.name == "GLOBAL":
                    found[str(argument).replace(" ", ".")] = None
                elif opcode.name == "STACK_GLOBAL" and len(strings) > 1:
                    found[".".join(strings[-2:])] = None
    except ValueError:
        return list(found)


def foreign_class(data: bytes) -> str | None:
    """Return a class in the pickle that no mere set of tensors has, or None if there is none."""
    for name in global_names(data):
        if name.startswith("torch.nn.modules") or not name.startswith(_WEIGHTS):
            return name
    return None


class _Named:
    """Stands for a class or function named in a pickle; calling it makes a mere record."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, *args: Any) -> Any:
        if self.name == "torch.jit._pickle.restore_type_tag":
            return args[0]
        return (self.name, args)


class _Storage:
    def __init__(self, description: Any) -> None:
        self.kind = description[1].name


class _Reader(pickle.Unpickler):
    """Reads a pickle of tensors into plain records: nothing that it names is ever looked up."""

    def find_class(self, module: str, name: str) -> Any:
        return _Named(f"{module}.{name}")

    def persistent_load(self, pid: Any) -> Any:
        return _Storage(pid)


_DTYPES = {
    "torch.BoolStorage": "bool",
    "torch.HalfStorage": "float16",
    "torch.FloatStorage": "float32",
    "torch.DoubleStorage": "float64",
    "torch.CharStorage": "int8",
    "torch.ShortStorage": "int16",
    "torch.IntStorage": "int32",
    "torch.LongStorage": "int64",
    "torch.ByteStorage": "uint8",
}


def traced_inputs(data: bytes) -> list[TensorSpec | None]:
    """Read `traced_inputs.pkl`: dtype and shape of what a trace was made with, None for no tensor.

    Names are left empty. Returns an empty list if the file is not as torch writes it.
    """
    try:
        recorded = _Reader(io.BytesIO(data)).load()["forward"]
        return [_spec(value) for value in recorded]
    except Exception:  # A pickle may fail in any way; the shapes are a convenience.
        return []


def _spec(value: Any) -> TensorSpec | None:
    match value:
        case ("torch._utils._rebuild_tensor_v2", (_Storage() as storage, _, tuple() as shape, *_)):
            dtype = _DTYPES.get(storage.kind)
            return TensorSpec("", dtype, shape) if dtype else None
    return None

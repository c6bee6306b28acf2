"""Write weights as safetensors files: own names, own order, own dtypes, the same bytes each time.

The library `safetensors` sorts tensors by dtype and name when it saves; weights stay in the
model's order here, so that a loader that streams the file meets them as the model lists them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pyjsml.errors import VerifierError

if TYPE_CHECKING:
    from pyjsml.program import Array

# Hosts of static files refuse larger ones (Cloudflare Pages and Workers: 25 MiB).
LARGEST_SHARD = 25 * 2**20

_DTYPES = {
    "float16": "F16",
    "float32": "F32",
    "float64": "F64",
    "int8": "I8",
    "int16": "I16",
    "int32": "I32",
    "int64": "I64",
    "uint8": "U8",
    "uint16": "U16",
    "uint32": "U32",
    "uint64": "U64",
    "bool": "BOOL",
}


def weight_files(
    constants: Mapping[str, Array], largest_shard: int = LARGEST_SHARD
) -> dict[str, bytes]:
    """Return path -> bytes of the safetensors files that hold `constants`, in their order.

    One file if it has at most `largest_shard` bytes, else shards of at most as many. A tensor is
    never split: one that is larger has a shard, as large as it takes, to itself.
    """
    whole = safetensors_bytes(constants)
    if len(whole) <= largest_shard:
        return {"weights.safetensors": whole}
    shards = [safetensors_bytes(shard) for shard in _split(constants, largest_shard)]
    return {
        f"weights-{number:05}-of-{len(shards):05}.safetensors": shard
        for number, shard in enumerate(shards, start=1)
    }


def safetensors_bytes(tensors: Mapping[str, Array]) -> bytes:
    """Serialise `tensors`, in their order."""
    header = _header(tensors)
    return b"".join((len(header).to_bytes(8, "little"), header, *map(_data, tensors.values())))


def _split(constants: Mapping[str, Array], largest_shard: int) -> Iterator[dict[str, Array]]:
    """Fill shard after shard, each until the next tensor would make it too large."""
    shard: dict[str, Array] = {}
    size = 0
    for name, array in constants.items():
        # A header of one entry is more than what the entry adds to a header of several.
        cost = len(_header({name: array})) + 32 + array.nbytes
        if shard and size + cost > largest_shard:
            yield shard
            shard, size = {}, 0
        shard[name] = array
        size += cost
    yield shard


def _header(tensors: Mapping[str, Array]) -> bytes:
    entries = {}
    offset = 0
    for name, array in tensors.items():
        dtype = _DTYPES.get(array.dtype.name)
        if dtype is None or name == "__metadata__":
            raise VerifierError(f"weight {name} of dtype {array.dtype} has no safetensors form")
        entries[name] = {
            "dtype": dtype,
            "shape": list(array.shape),
            "data_offsets": [offset, offset + array.nbytes],
        }
        offset += array.nbytes
    header = json.dumps(entries, separators=(",", ":"), ensure_ascii=False).encode()
    return header + b" " * (-len(header) % 8)  # The data start at a multiple of 8 bytes.


def _data(array: Array) -> bytes:
    return array.astype(array.dtype.newbyteorder("<"), order="C", copy=False).tobytes()

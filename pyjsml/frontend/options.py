"""Inputs and dims as people write them: `ids=int64[1,seq]`, `seq=1:512`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from pyjsml.dims import Expr
from pyjsml.errors import OptionError
from pyjsml.program import TensorSpec

DTYPES = (
    "bool",
    "float16",
    "float32",
    "float64",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
)

Inputs = Mapping[str, TensorSpec]
"""Overrides of the model's inputs, by name. A `str` in a shape names a dim that may vary."""

Dims = Mapping[str, tuple[int, int | None]]
"""Smallest and largest value of each named dim; None where there is no largest."""

_INPUT = re.compile(r"(?P<name>[^=]+)=(?P<dtype>[a-z0-9]+)\[(?P<shape>[^\]]*)\]")
_DIM = re.compile(r"(?P<name>[A-Za-z_]\w*)=(?P<min>\d+):(?P<max>\d*)", re.ASCII)
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)


def parse_inputs(texts: Sequence[str]) -> dict[str, TensorSpec]:
    """Read `NAME=DTYPE[SHAPE]` options; raise OptionError that lists every malformed one."""
    inputs: dict[str, TensorSpec] = {}
    problems: list[str] = []
    for text in texts:
        match = _INPUT.fullmatch(text.strip())
        if not match:
            problems.append(f"{text!r} is not NAME=DTYPE[SHAPE], such as ids=int64[1,seq]")
            continue
        name, dtype = match["name"].strip(), match["dtype"]
        if dtype not in DTYPES:
            problems.append(f"{text!r}: {dtype!r} is not a dtype; they are {', '.join(DTYPES)}")
        if name in inputs:
            problems.append(f"{text!r}: {name!r} is given twice")
        shape: list[Expr] = []
        for part in (part.strip() for part in match["shape"].split(",") if match["shape"].strip()):
            if part.isascii() and part.isdigit():
                shape.append(int(part))
            elif _NAME.fullmatch(part):
                shape.append(part)
            else:
                problems.append(f"{text!r}: {part!r} is neither a size nor the name of a dim")
        inputs[name] = TensorSpec(name, dtype, tuple(shape))
    if problems:
        raise OptionError("Malformed --input:", problems)
    return inputs


def parse_dims(texts: Sequence[str]) -> dict[str, tuple[int, int | None]]:
    """Read `NAME=MIN:MAX` options (`MIN:` sets no bound); raise OptionError for malformed ones."""
    dims: dict[str, tuple[int, int | None]] = {}
    problems: list[str] = []
    for text in texts:
        match = _DIM.fullmatch(text.strip())
        if not match:
            problems.append(f"{text!r} is not NAME=MIN:MAX, such as seq=1:512")
            continue
        low, high = int(match["min"]), int(match["max"]) if match["max"] else None
        if low < 1 or (high is not None and high < low):
            problems.append(f"{text!r}: MIN must be at least 1 and at most MAX")
        if match["name"] in dims:
            problems.append(f"{text!r}: {match['name']!r} is given twice")
        dims[match["name"]] = (low, high)
    if problems:
        raise OptionError("Malformed --dim:", problems)
    return dims


def check_dims(dims: Dims, known: Sequence[str]) -> None:
    """Raise OptionError if `dims` bounds a name that is no dim of the model."""
    unknown = [name for name in dims if name not in known]
    if unknown:
        having = f"its dims are {', '.join(known)}" if known else "every one of its dims is fixed"
        raise OptionError(
            "The model has no such dim:",
            [
                f"{name!r}: {having}; name a dim in --input, as in ids=int64[1,{name}]"
                for name in unknown
            ],
        )


def check_inputs(inputs: Inputs, known: Sequence[str]) -> None:
    """Raise OptionError if `inputs` overrides a name that is no input of the model."""
    unknown = [name for name in inputs if name not in known]
    if unknown:
        raise OptionError(
            "The model has no such input:",
            [f"{name!r}: its inputs are {', '.join(known) or 'none'}" for name in unknown],
        )

"""Arrays in files: what `pyjsml run` reads its inputs from and writes its outputs to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyjsml.cli.options import split_assignment
from pyjsml.errors import InputError, OptionError

if TYPE_CHECKING:
    from pyjsml.bundle import Bundle
    from pyjsml.program import Array

READABLE = ".npy, .npz, .safetensors or .json"
RANDOM_INPUTS = "An input's array, as for `run`; random numbers by default."
"""The help of `--input` where `random_inputs` stands in for it."""


def read_inputs(texts: Sequence[str], model: Mapping[str, Any]) -> dict[str, Array]:
    """Read each `NAME=FILE`; a model with one input needs no NAME.

    Raises InputError, which lists every file that can't be read and every input without one.
    Dtypes and shapes are left to the executor, but .json numbers take the input's dtype.
    """
    dtypes = {port["name"]: port["dtype"] for port in model["inputs"]}
    arrays: dict[str, Array] = {}
    problems: list[str] = []
    given: set[str] = set()
    for text in texts:
        name, file = split_assignment(text)
        if not name and len(dtypes) == 1:
            name = next(iter(dtypes))
        if name in given:
            problems.append(f"input {name!r} is given twice")
        if name not in dtypes:
            problems.append(f"{text!r} names no input of the model")
        elif not file:
            problems.append(f"{text!r} names no file")
        else:
            try:
                arrays[name] = _read(Path(file), name, dtypes[name])
            except InputError as error:
                problems.append(f"{file}: {error}")
            except OSError as error:
                problems.append(f"{file}: {error.strerror or error}")
            except Exception as error:  # Of whatever class the reader of a damaged file raises.
                kind = Path(file).suffix
                problems.append(f"{file} can't be read as an array from a {kind} file: {error}")
        given.add(name)
    problems += [f"input {name!r} is missing" for name in dtypes if name not in given]
    if problems:
        ports = ", ".join(f"{port['name']}: {describe(port)}" for port in model["inputs"])
        raise InputError(f"give each input of the model as --input NAME=FILE ({ports})", problems)
    return arrays


def check_output_file(file: Path, names: Sequence[str]) -> None:
    """Raise OptionError unless `write_outputs` knows how to write outputs of these names."""
    if file.suffix not in (".npz", ".safetensors", ".json") and (
        file.suffix != ".npy" or len(names) > 1
    ):
        raise OptionError(
            f"--output {file}: end its name in .npz, .safetensors or .json"
            " (or .npy, where the model has one output)"
        )
    if not file.parent.is_dir():
        raise OptionError(f"--output {file}: there is no directory {file.parent}")


def write_outputs(file: Path, outputs: Mapping[str, Array]) -> None:
    """Write `outputs` as the suffix of `file` says: .npz, .safetensors, .json, or one as .npy."""
    import numpy as np

    try:
        match file.suffix:
            case ".npz":
                np.savez(file, allow_pickle=False, **outputs)
            case ".npy":
                np.save(file, next(iter(outputs.values())))
            case ".safetensors":
                from safetensors.numpy import save_file

                save_file(dict(outputs), file)
            case _:
                plain = {name: to_json(array) for name, array in outputs.items()}
                file.write_text(json.dumps(plain), encoding="utf-8")
    except OSError as error:
        raise OptionError(f"{file} can't be written: {error.strerror or error}") from error


def to_json(array: Array) -> Any:
    """Return `array` as nested lists; null stands for NaN and the infinities, which JSON lacks."""
    import numpy as np

    if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
        plain = array.astype(object)
        plain[~np.isfinite(array)] = None
        return plain.tolist()
    return array.tolist()


def describe(port: Mapping[str, Any]) -> str:
    """Write an input's or output's type as `--input` takes it: `float32[1,3,8,8]`."""
    return f"{port['dtype']}[{','.join(str(dim) for dim in port['shape'])}]"


def _read(file: Path, name: str, dtype: str) -> Array:
    import numpy as np

    match file.suffix:
        case ".npy":
            array: Array = np.load(file, allow_pickle=False)
            return array
        case ".npz":
            with np.load(file, allow_pickle=False) as archive:
                return _member(dict(archive), name)
        case ".safetensors":
            from safetensors.numpy import load_file

            return _member(load_file(file), name)
        case ".json":
            return np.array(json.loads(file.read_text(encoding="utf-8")), dtype=dtype)
        case _:
            raise InputError(f"pyjsml reads arrays from {READABLE} files")


def _member(arrays: Mapping[str, Array], name: str) -> Array:
    """Pick the array called `name` (`in:NAME` in test vectors), or the only one there is."""
    for key in (name, f"in:{name}"):
        if key in arrays:
            return arrays[key]
    if len(arrays) == 1:
        return next(iter(arrays.values()))
    raise InputError(f"it holds {', '.join(arrays) or 'nothing'}, and nothing called {name}")


def random_inputs(bundle: Bundle) -> dict[str, Array]:
    """Return random inputs, with dims in the middle of their bounds."""
    from pyjsml.check.samples import sample_cases

    cases = sample_cases(bundle.model)
    return dict(cases[len(cases) // 2].inputs)

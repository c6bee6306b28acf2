"""Keys by content: functions that LLVM makes the same code of have the same key."""

from __future__ import annotations

import hashlib
import keyword
import re
from typing import Any

import tvm
import tvm_ffi
from tvm import tirx

WORD = re.compile(r'"(?:[^"\\]|\\.)*"|(?<![\w.])[A-Za-z_]\w*')
"""A string, or a word that is no member of another. Strings and numbers are never renamed."""


def content_key(func: tirx.PrimFunc, script: str, target: Any) -> str:
    """Return the key of the object file that LLVM makes for `target` of `func`.

    `script` is `func` as text, in which names do not matter. LLVM comes with TVM, whose version
    stands for its own.
    """
    digest = hashlib.sha256()
    parts = (tvm.__version__, target, tvm_ffi.structural_hash(func), _nameless(script))
    for part in parts:
        digest.update(f"{part}\n".encode())
    return digest.hexdigest()


def _nameless(script: str) -> str:
    """Number the names of `script` in the order in which they come up."""
    numbers: dict[str, str] = {}

    def rename(match: re.Match[str]) -> str:
        word = match[0]
        if word.startswith('"') or word == "T" or keyword.iskeyword(word):
            return word
        return numbers.setdefault(word, f"v{len(numbers)}")

    return WORD.sub(rename, script)

"""What a bundle says of the model that it was made from."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from pyjsml.frontend.callables import is_reference
from pyjsml.frontend.detect import kind_of


def provenance(source: Any) -> dict[str, str]:
    """Return the kind of a model that has been loaded, its name, and a file's SHA-256.

    Nothing in it depends on where or when it was made, so that equal models make equal bundles.
    """
    if isinstance(source, str) and is_reference(source):
        return {"kind": "callable", "source": source}
    if isinstance(source, str | Path):
        path = Path(source)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        return {"kind": kind_of(path), "source": path.name, "sha256": digest}
    return {"kind": type(source).__name__}

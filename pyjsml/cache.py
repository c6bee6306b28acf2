"""Object files of earlier builds, kept in a folder under keys that say what is in them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import time
from pathlib import Path

import platformdirs

from pyjsml.errors import OptionError

VARIABLE = "PYJSML_CACHE"
"""The environment variable that names another folder than the user's cache folder."""

LIMIT_BYTES = 128 * 1024 * 1024
"""What the files may take together: some hundred models of a hundred kernels."""

KEPT = 0.75
"""The share of the limit that stays when it has been passed."""

DIGEST_BYTES = hashlib.sha256().digest_size
UNFINISHED = ".new-"
DAY = 24 * 60 * 60


class ObjectCache:
    """Files named by their key, each the digest of its content and the content.

    Any number of processes may use a folder at once: a file comes into being under its name whole.
    A folder that can't be written or read is as good as an empty one: all is compiled then.
    """

    def __init__(self, folder: Path, limit: int = LIMIT_BYTES) -> None:
        self._folder = folder
        self._limit = limit

    @classmethod
    def open(cls) -> ObjectCache:
        """Return the cache of this user. Raise OptionError if PYJSML_CACHE names a file."""
        named = os.environ.get(VARIABLE)
        folder = Path(named) if named else platformdirs.user_cache_path("pyjsml", appauthor=False)
        if named and folder.exists() and not folder.is_dir():
            raise OptionError(f"{VARIABLE}={named} names a file; it takes a directory")
        return cls(folder / "objects")

    def get(self, key: str) -> bytes | None:
        """Return what was put under `key`, or None if it is not there or damaged."""
        file = self._folder / key
        try:
            data = file.read_bytes()
            content = data[DIGEST_BYTES:]
            if hashlib.sha256(content).digest() != data[:DIGEST_BYTES]:
                return None
            os.utime(file)  # `trim` drops what was not used for longest
        except OSError:
            return None
        return content

    def put(self, key: str, content: bytes) -> None:
        """Keep `content` under `key`, in the place of what may be there."""
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=UNFINISHED, dir=self._folder)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(hashlib.sha256(content).digest() + content)
                Path(name).replace(self._folder / key)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise

    def trim(self) -> None:
        """Drop the files used longest ago, if all together have passed the limit."""
        with contextlib.suppress(OSError):
            now = time.time()
            files = []
            for entry in os.scandir(self._folder):
                # Another process may drop the same files just now.
                with contextlib.suppress(FileNotFoundError):
                    found = entry.stat()
                    if not entry.name.startswith(UNFINISHED):
                        files.append((found.st_mtime, entry.name, found.st_size))
                    elif now - found.st_mtime > DAY:
                        Path(entry).unlink()
            total = sum(size for _, _, size in files)
            if total <= self._limit:
                return
            for _, name, size in sorted(files):
                if total <= KEPT * self._limit:
                    break
                (self._folder / name).unlink(missing_ok=True)
                total -= size

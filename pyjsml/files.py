"""Write a directory all at once, and digest its files.

A directory is written beside its target under a hidden name, flushed to the disk, and renamed.
Whoever looks at the target, even after a kill or a power cut at the worst instant, sees the old
directory, the new one, or (between the two renames of a replacement) none: never a half-written
one. What a killed writer leaves beside the target, the next write to it clears up.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

DIGESTED_BLOCK = 256 * 2**10
"""What a page digests at a time; `js/src/load/digest.ts` has the same."""


def integrity(data: bytes) -> str:
    """Return the SHA-384 digest of `data` as in a Subresource Integrity attribute."""
    return "sha384-" + base64.b64encode(hashlib.sha384(data).digest()).decode("ascii")


def block_digest(data: bytes) -> str:
    """Return the SHA-256 digest of the SHA-256 digests of the blocks of `data`, in base64.

    A block has 256 KiB, but for the last. So a reader can digest a file as it comes, in hosts whose
    digests are of all bytes at once.
    """
    blocks = (data[at : at + DIGESTED_BLOCK] for at in range(0, len(data), DIGESTED_BLOCK))
    digests = b"".join(hashlib.sha256(block).digest() for block in blocks)
    return base64.b64encode(hashlib.sha256(digests).digest()).decode("ascii")


def obstacle(target: Path) -> str | None:
    """Return why `target` can't be made, as far as that can be seen beforehand, or None."""
    above = next(folder for folder in Path(os.path.realpath(target)).parents if folder.exists())
    if not above.is_dir():
        return f"{above} is no directory"
    if not os.access(above, os.W_OK | os.X_OK):
        return f"{above} may not be written to"
    return None


def write_directory(target: Path, files: Mapping[str, bytes]) -> None:
    """Make `target` a directory that holds exactly `files` (relative POSIX path -> bytes).

    An existing `target` is replaced with all that it holds: whether it may be is for the caller to
    decide. Missing parents are made. Raises OSError where the file system refuses; `target` is then
    what it was.
    """
    # A symbolic link goes on pointing at the directory whose contents are replaced.
    target = Path(os.path.realpath(target))
    target.parent.mkdir(parents=True, exist_ok=True)
    _clear_leftovers(target)
    new, old = _beside(target, "new"), _beside(target, "old")
    try:
        _write_files(new, files)
        if target.exists():
            target.rename(old)
        new.rename(target)
        _flush(target.parent)
    finally:
        if old.exists() and not target.exists():
            old.rename(target)
        shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def write_file(target: Path, data: bytes) -> None:
    """Make `target` a file that holds `data`, at once: a reader sees the old one or the new one.

    Missing parents are made. Raises OSError where the file system refuses.
    """
    target = Path(os.path.realpath(target))
    target.parent.mkdir(parents=True, exist_ok=True)
    new = _beside(target, "new")
    try:
        new.write_bytes(data)
        new.replace(target)
    finally:
        new.unlink(missing_ok=True)


def walk(directory: Path) -> Iterator[str]:
    """Yield the path of each file below `directory`, relative to it, in POSIX form and in order.

    A symbolic link counts as a file, whatever it points at. Raises OSError for a folder that can't
    be read.
    """
    for entry in sorted(os.scandir(directory), key=lambda entry: entry.name):
        if entry.is_dir(follow_symlinks=False):
            yield from (f"{entry.name}/{path}" for path in walk(Path(entry.path)))
        else:
            yield entry.name


def _write_files(directory: Path, files: Mapping[str, bytes]) -> None:
    directory.mkdir()
    folders = {directory}
    for path, data in files.items():
        file = directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        folders.update(folder for folder in file.parents if directory in folder.parents)
        with file.open("xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
    for folder in sorted(folders, reverse=True):
        _flush(folder)


def _flush(directory: Path) -> None:
    """Make the entries of `directory` survive a power cut, where the system can do so."""
    with contextlib.suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _beside(target: Path, role: str) -> Path:
    return target.with_name(f".{target.name}.{os.getpid()}.{role}")


def _clear_leftovers(target: Path) -> None:
    """Clear up what writers to `target` that no longer run have left beside it."""
    leftover = re.compile(re.escape(f".{target.name}.") + r"(\d+)\.(new|old)")
    for path in sorted(target.parent.iterdir()):
        match = leftover.fullmatch(path.name)
        if match and not _runs(int(match[1])):
            if match[2] == "old" and not target.exists():
                path.rename(target)
            else:
                shutil.rmtree(path, ignore_errors=True)


def _runs(process: int) -> bool:
    """Say whether `process` may be another running process."""
    if process == os.getpid():
        return False  # It has yet to write: what bears its id is of an earlier process.
    if os.name == "nt":
        return True  # There, os.kill would end it.
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True

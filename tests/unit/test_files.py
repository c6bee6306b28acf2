"""Directories are written all at once or not at all, whatever happens to the writer."""

from __future__ import annotations

import base64
import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pyjsml import files
from pyjsml.files import DIGESTED_BLOCK, block_digest, integrity, walk, write_directory

OLD = {"a": b"old", "b/c": b"old"}
NEW = {"a": b"new", "b/d": b"new", "e": b"new"}

# Writes generation after generation, each with files of its own number only, and says so before.
WRITER = """
import sys
from pathlib import Path
from pyjsml.files import write_directory
generation = 0
while True:
    generation += 1
    print(generation, flush=True)
    data = str(generation).encode()
    write_directory(Path(sys.argv[1]), {f"folder{i % 3}/file{i}": data * 2000 for i in range(9)})
"""


def contents(directory: Path) -> dict[str, bytes]:
    return {path: (directory / path).read_bytes() for path in walk(directory)}


def test_integrity_is_that_of_the_standard() -> None:
    # From the W3C's recommendation "Subresource Integrity", section 3.1.
    assert integrity(b"alert('Hello, world.');") == (
        "sha384-H8BRh8j48O9oYatfu5AZzq6A9RINhZO5H16dQZngK7T62em8MUt1FLm52t+eX6xO"
    )


@pytest.mark.parametrize("length", [0, 1, DIGESTED_BLOCK, DIGESTED_BLOCK + 1, 2 * DIGESTED_BLOCK])
def test_a_digest_of_blocks_is_that_of_their_digests(length: int) -> None:
    data = random.Random(length).randbytes(length)
    blocks = [data[:DIGESTED_BLOCK], data[DIGESTED_BLOCK:]]
    digests = b"".join(hashlib.sha256(block).digest() for block in blocks if block)
    expected = hashlib.sha256(digests).digest()
    assert base64.b64decode(block_digest(data)) == expected


def test_writes_a_new_directory_and_its_parents(tmp_path: Path) -> None:
    write_directory(tmp_path / "x" / "y", NEW)
    assert contents(tmp_path / "x" / "y") == NEW
    assert [path.name for path in (tmp_path / "x").iterdir()] == ["y"]


def test_replaces_a_directory_whole(tmp_path: Path) -> None:
    target = tmp_path / "out"
    write_directory(target, OLD)
    write_directory(target, NEW)
    assert contents(target) == NEW
    assert list(tmp_path.iterdir()) == [target]


def test_replaces_what_a_link_points_at(tmp_path: Path) -> None:
    write_directory(tmp_path / "real", OLD)
    (tmp_path / "link").symlink_to("real")
    write_directory(tmp_path / "link", NEW)
    assert (tmp_path / "link").is_symlink()
    assert contents(tmp_path / "real") == NEW


@pytest.mark.parametrize("failing", [1, 2])
def test_a_failed_rename_leaves_the_old_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    target = tmp_path / "out"
    write_directory(target, OLD)
    rename, calls = Path.rename, 0

    def refuse(self: Path, to: Path) -> Path:
        nonlocal calls
        calls += 1
        if calls == failing:
            raise PermissionError("refused")
        return rename(self, to)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(PermissionError):
        write_directory(target, NEW)
    assert contents(target) == OLD
    assert list(tmp_path.iterdir()) == [target]


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="too long"):
        write_directory(tmp_path / "out", {"a": b"", "n" * 300: b""})
    assert list(tmp_path.iterdir()) == []


def test_clears_up_after_the_dead_alone(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    write_directory(tmp_path / f".out.{dead.pid}.new", OLD)
    write_directory(tmp_path / f".out.{os.getppid()}.new", OLD)
    write_directory(tmp_path / "out", NEW)
    assert sorted(path.name for path in tmp_path.iterdir()) == [f".out.{os.getppid()}.new", "out"]


def test_restores_what_a_writer_killed_between_its_renames_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_directory(tmp_path / f".out.{os.getpid()}.old", OLD)

    def fail(directory: Path, files: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(files, "_write_files", fail)
    with pytest.raises(OSError, match="disk full"):
        write_directory(tmp_path / "out", NEW)
    assert contents(tmp_path / "out") == OLD


@pytest.mark.skipif(sys.platform == "win32", reason="kills with a signal")
def test_a_killed_writer_leaves_the_old_the_new_or_nothing(tmp_path: Path) -> None:
    target = tmp_path / "out"
    chance = random.Random(384)
    found = set()
    for attempt in range(30):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(target)], stdout=subprocess.PIPE
        ) as writer:
            assert writer.stdout is not None
            # What is killed is the first, second or third write, at any moment of its time.
            for _ in range(attempt % 3 + 1):
                begun = time.perf_counter()
                writer.stdout.readline()
            took = min(time.perf_counter() - begun, 0.05)
            time.sleep(chance.uniform(0, took))
            writer.send_signal(signal.SIGKILL)
        if target.exists():
            written = contents(target)
            assert len(written) == 9
            assert len(set(written.values())) == 1
            found |= set(written.values())
    assert len(found) > 1, "no writer came to its second write: the test shows nothing"
    write_directory(target, NEW)
    assert list(tmp_path.iterdir()) == [target], "leftovers are not cleared up"

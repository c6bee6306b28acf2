"""The cache of object files: whole or absent, bounded, and never in the way."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from pyjsml.cache import ObjectCache
from pyjsml.errors import OptionError


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_returns_what_was_put(tmp_path: Path) -> None:
    cache = ObjectCache(tmp_path / "new" / "folder")
    assert cache.get("a") is None
    cache.put("a", b"one")
    cache.put("b", b"")
    cache.put("a", b"two")
    assert (cache.get("a"), cache.get("b")) == (b"two", b"")
    assert names(tmp_path / "new" / "folder") == ["a", "b"]


@pytest.mark.parametrize("damage", [b"", b"short", b"x" * 40, bytes(32) + b"content"])
def test_damaged_files_are_as_good_as_absent(tmp_path: Path, damage: bytes) -> None:
    cache = ObjectCache(tmp_path)
    cache.put("a", b"content")
    (tmp_path / "a").write_bytes(damage)
    assert cache.get("a") is None
    cache.put("a", b"content")
    assert cache.get("a") == b"content"


def test_drops_what_was_not_used_for_longest(tmp_path: Path) -> None:
    cache = ObjectCache(tmp_path, limit=1000)
    for number, key in enumerate("abcd"):
        cache.put(key, bytes(200))
        os.utime(tmp_path / key, (number, number))
    assert cache.get("a") == bytes(200)  # used now
    cache.trim()
    assert names(tmp_path) == ["a", "b", "c", "d"]
    cache.put("e", bytes(200))
    cache.trim()
    assert names(tmp_path) == ["a", "d", "e"]


def test_drops_what_an_ended_process_left_unfinished(tmp_path: Path) -> None:
    for name, when in ((".new-old", 0.0), (".new-young", None)):
        (tmp_path / name).touch()
        if when is not None:
            os.utime(tmp_path / name, (when, when))
    ObjectCache(tmp_path).trim()
    assert names(tmp_path) == [".new-young"]


def test_an_interrupted_write_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(self: Path, target: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        ObjectCache(tmp_path).put("a", b"content")
    assert names(tmp_path) == []


def test_a_folder_that_cannot_be_made_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cache = ObjectCache(tmp_path / "file" / "objects")
    cache.put("a", b"content")
    cache.trim()
    assert cache.get("a") is None


def test_writers_and_readers_side_by_side_see_whole_files(tmp_path: Path) -> None:
    cache = ObjectCache(tmp_path, limit=20_000)
    contents = {bytes([number]) * 5000 for number in range(4)}
    wrong = []

    def work() -> None:
        for content in sorted(contents) * 10:
            cache.put("a", content)
            cache.put(f"k{content[0]}", content)
            found = cache.get("a")
            cache.trim()
            if found is not None and found not in contents:
                wrong.append(found)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert not [name for name in names(tmp_path) if name.startswith(".")]


def test_lies_where_the_variable_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYJSML_CACHE", str(tmp_path / "here"))
    ObjectCache.open().put("a", b"content")
    assert (tmp_path / "here" / "objects" / "a").is_file()


def test_lies_in_the_users_cache_folder_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYJSML_CACHE")
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name, appauthor: tmp_path / name)
    ObjectCache.open().put("a", b"content")
    assert (tmp_path / "pyjsml" / "objects" / "a").is_file()


def test_a_file_in_the_variable_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("PYJSML_CACHE", str(tmp_path / "file"))
    with pytest.raises(OptionError, match=r"PYJSML_CACHE=.*file names a file"):
        ObjectCache.open()

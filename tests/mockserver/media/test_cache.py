"""Files on a shelf: whole or not at all, the least used given up first, there again after a crash."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolink_mock.media import cache
from evolink_mock.media.cache import FileCache, digest_of


def test_the_least_recently_used_file_is_evicted_first(tmp_path: Path) -> None:
    shelf = FileCache(tmp_path, 30)
    for name in "abc":
        shelf.put(name, name.encode() * 10)
    assert shelf.get("a") == b"a" * 10
    shelf.put("d", b"d" * 10)
    assert [shelf.get(name) for name in "abcd"] == [b"a" * 10, None, b"c" * 10, b"d" * 10]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a", "c", "d"]


def test_a_file_larger_than_the_limit_is_kept_alone(tmp_path: Path) -> None:
    shelf = FileCache(tmp_path, 10)
    shelf.put("a", b"1")
    shelf.put("b", b"2" * 20)
    assert (shelf.get("a"), shelf.get("b")) == (None, b"2" * 20)


def test_whole_files_survive_a_restart_and_half_ones_do_not(tmp_path: Path) -> None:
    FileCache(tmp_path, 100).put("a", b"1")
    (tmp_path / "b.half").write_bytes(b"2")
    again = FileCache(tmp_path, 100)
    assert (again.get("a"), again.get("b"), again.get("b.half")) == (b"1", None, None)


@pytest.mark.skipif(sys.platform == "win32", reason="modes are those of POSIX")
def test_files_are_for_their_owner_alone_also_where_the_directory_was_there_before(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / "a").chmod(0o644)
    shelf = FileCache(tmp_path, 100)
    shelf.put("b", b"2")
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path, *tmp_path.iterdir())}
    assert modes == {tmp_path.name: 0o700, "a": 0o600, "b": 0o600}


def test_what_a_killed_process_had_not_written_whole_is_removed(tmp_path: Path) -> None:
    FileCache(tmp_path, 100).put("a", b"1")
    for name in (".b1.4711", "b2.half"):
        (tmp_path / name).write_bytes(b"2")
    (tmp_path / "notes.txt").write_bytes(b"of another program")
    again = FileCache(tmp_path, 100)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "notes.txt"], "at the start"
    assert again.get("a") == b"1"


FILLED = """
import os, sys, signal
from pathlib import Path
from evolink_mock.media.cache import FileCache
from evolink_mock.scratch_file import scratch_file
shelf = FileCache(None, 1000)
shelf.put("a", b"1")
if sys.argv[1] == "scratch":
    context = scratch_file("video.mp4")
    context.__enter__()
if sys.argv[1] != "end":
    print(flush=True)
    sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="locks are those of POSIX")
def test_temporary_directories_of_killed_processes_are_removed_and_no_others(tmp_path: Path) -> None:
    def run(what: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, "-c", FILLED, what],
            env={**os.environ, "TMPDIR": str(tmp_path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def left() -> set[str]:
        return {path.name for path in tmp_path.iterdir()}

    (tmp_path / "evolink-mock-of-another-kind").mkdir()
    with run("scratch") as killed:
        assert killed.stdout is not None
        killed.stdout.readline()
        abandoned = left()
        killed.kill()
    assert len(abandoned) == 3
    with run("stay") as alive:
        assert alive.stdout is not None
        alive.stdout.readline()
        kept = left()
        assert len(kept) == 2
        assert run("end").communicate()[0] == b""
        assert left() == kept
        alive.communicate(b"")
    assert left() == {"evolink-mock-of-another-kind"}


def test_a_file_removed_from_outside_is_gone(tmp_path: Path) -> None:
    shelf = FileCache(tmp_path, 100)
    shelf.put("a", b"1")
    (tmp_path / "a").unlink()
    assert shelf.get("a") is None
    shelf.put("a", b"2")
    assert shelf.get("a") == b"2"


@given(st.lists(st.binary(max_size=40), max_size=20), st.integers(1, 200))
def test_the_limit_holds_and_contents_are_not_mixed_up(contents: list[bytes], limit: int) -> None:
    shelf = FileCache(None, limit)
    for content in contents:
        shelf.put(digest_of(content), content)
        assert shelf.get(digest_of(content)) == content
    kept = {digest: shelf.get(digest) for digest in map(digest_of, contents)}
    there = {digest: content for digest, content in kept.items() if content is not None}
    assert all(digest_of(content) == digest for digest, content in there.items())
    assert sum(map(len, there.values())) <= limit or len(there) <= 1


def no_directory(*_: object, **__: object) -> str:
    raise FileNotFoundError(2, "No usable temporary directory found")


def test_files_stay_in_memory_where_there_is_no_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "mkdtemp", no_directory)
    monkeypatch.setattr(cache, "IN_MEMORY", 30)
    shelf = FileCache(None, 1000)
    assert shelf.get("a") is None
    for name in "abcd":
        shelf.put(name, name.encode() * 10)
    assert [shelf.get(name) for name in "abcd"] == [None, b"b" * 10, b"c" * 10, b"d" * 10]


def test_files_stay_in_memory_once_the_temporary_directory_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "mkdtemp", lambda **_: str(tmp_path))
    shelf = FileCache(None, 1000)
    shelf.put("a", b"1")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache, "atomic_write", full)
    shelf.put("b", b"2")
    assert (shelf.get("a"), shelf.get("b")) == (b"1", b"2")
    kept = FileCache(tmp_path / "state", 1000)
    with pytest.raises(OSError, match="No space"):
        kept.put("a", b"1")


def test_threads_do_not_disturb_one_another(tmp_path: Path) -> None:
    shelf = FileCache(tmp_path, 5_000)

    def use(number: int) -> bool:
        content = b"%d" % (number % 7) * 1000
        shelf.put(digest_of(content), content)
        return shelf.get(digest_of(content)) in (content, None)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(use, range(200)))

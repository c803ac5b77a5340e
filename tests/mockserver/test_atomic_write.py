"""Atomic writes: the whole new content or the old one, with the mode asked for, and nothing left beside it."""

import os
from pathlib import Path

import pytest

from evolink_mock.atomic_write import atomic_write


def test_a_file_is_replaced_by_another_one(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    atomic_write(path, b"old", 0o600)
    with path.open("rb") as reader:
        atomic_write(path, b"new", 0o600)
        assert reader.read() == b"old"
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["key.pem"]


def test_a_write_that_fails_leaves_the_old_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ready.json"
    atomic_write(path, b"old")

    def full(*given: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fdopen", full)
        with pytest.raises(OSError, match="No space"):
            atomic_write(path, b"new")
    assert path.read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir()] == ["ready.json"]
    atomic_write(path, b"new")
    assert path.read_bytes() == b"new"
    assert [each.name for each in tmp_path.iterdir()] == ["ready.json"]


def test_no_link_is_followed(tmp_path: Path) -> None:
    """Where another user may write to the directory, the name of the file beside it is known before."""
    other = tmp_path / "other"
    other.write_bytes(b"of another user")
    (tmp_path / f".ready.json.{os.getpid()}").symlink_to(other)
    atomic_write(tmp_path / "ready.json", b"new")
    assert (other.read_bytes(), (tmp_path / "ready.json").read_bytes()) == (b"of another user", b"new")
    assert not (tmp_path / "ready.json").is_symlink()

"""Parts of a stored file: only their bytes are read, and nothing is hashed again."""

from pathlib import Path

import pytest

from evolink_mock.api import file_response
from evolink_mock.media.cache import FileCache, StoredFile, digest_of
from tests.support.emulator import Emulator
from tests.support.media.media_samples import jpeg

CONTENT = jpeg() + bytes(5_000_000)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The lengths that are read of stored files."""
    lengths: list[int] = []
    original = StoredFile.read

    def reading(self: StoredFile, first: int, length: int) -> bytes:
        lengths.append(length)
        return original(self, first, length)

    monkeypatch.setattr(StoredFile, "read", reading)
    return lengths


def test_a_range_reads_no_more_than_it_asks_for(read: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    with Emulator.in_process() as emulator:
        files = {"file": ("a.jpg", CONTENT)}
        url = emulator.request("POST", "/api/v1/files/upload/stream", files=files).json()["data"]["file_url"]
        monkeypatch.setattr(file_response, "sha256", lambda _: pytest.fail("hashed again"))
        monkeypatch.setattr(FileCache, "get", lambda *_: pytest.fail("read whole"))
        answer = emulator.request("GET", url, headers={"range": "bytes=0-0"})
        assert (answer.status_code, answer.content) == (206, CONTENT[:1])
        assert sum(read) <= 2  # The response, and the journal.
        assert answer.headers["etag"] == f'"{digest_of(CONTENT)[:32]}"'


@pytest.mark.parametrize("in_memory", [False, True])
def test_a_stored_file_is_read_in_parts(tmp_path: Path, in_memory: bool) -> None:
    cache = FileCache(None if in_memory else tmp_path / "media", 100)
    if in_memory:
        cache._stay_in_memory(OSError("no directory"))
    cache.put("ab", b"0123456789")
    found = cache.find("ab")
    assert found is not None
    assert (found.size, found.read(2, 3), found.read(8, 5)) == (10, b"234", b"89")
    assert cache.find("cd") is None

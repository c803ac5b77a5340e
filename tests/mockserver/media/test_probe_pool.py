"""Input files are decoded in child processes: a hostile file costs its own time and memory, and nothing else."""

import os
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import av
import pytest

from evolink_mock.media.acceptance import AudioInfo, ImageInfo, TooManyPixels, Unreadable, decode_seen, encode_seen
from evolink_mock.media.frame_size import Size
from evolink_mock.media.jpeg_scans import MOST_SCANS, has_too_many_scans
from evolink_mock.media.probe import probe_audio, probe_image
from evolink_mock.media.probe_pool import ProbePool
from tests.support.media.media_samples import audio_file, decompression_bomb, jpeg


def with_scans(count: int, width: int = 640, height: int = 480) -> bytes:
    """A progressive JPEG whose last scan is repeated."""
    whole = jpeg(width, height, progressive=True)
    last = whole.rindex(b"\xff\xda")
    # Behind the header of the scan one byte of data, which says nothing.
    length = int.from_bytes(whole[last + 2 : last + 4])
    return whole[:-2] + (whole[last : last + 2 + length] + b"\x00") * count + whole[-2:]


@pytest.fixture
def pool() -> Iterator[ProbePool]:
    pool = ProbePool()
    yield pool
    pool.close()


@pytest.mark.parametrize(
    "found",
    [
        ImageInfo("jpeg", Size(640, 480), transparent=False, frames=1, length=9),
        AudioInfo("mp3", 4.5, 9),
        Unreadable("is \udcff odd".encode(errors="replace").decode()),
        TooManyPixels(),
    ],
)
def test_a_result_passes_between_processes_as_it_is(found: ImageInfo) -> None:
    assert decode_seen(encode_seen(found)) == found


def test_a_child_finds_what_this_process_would(pool: ProbePool) -> None:
    for content in (jpeg(), jpeg()[:300], decompression_bomb(30_000, 30_000), b"", b"text"):
        assert pool.probe("image", content) == probe_image(content)
    for content in (audio_file(4), audio_file(4)[:100], b""):
        assert pool.probe("audio", content) == probe_audio(content)


def test_a_file_that_takes_too_long_ends_its_process_and_the_next_gets_another(pool: ProbePool) -> None:
    pool.deadline = 0.0
    assert pool.probe("image", jpeg()) == Unreadable("cannot be read within 0 s")
    pool.deadline = 60.0
    assert isinstance(pool.probe("image", jpeg()), ImageInfo)


def test_a_file_that_takes_too_much_memory_is_unreadable() -> None:
    pool = ProbePool(memory=1 << 20)
    found = pool.probe("image", jpeg())
    assert isinstance(found, Unreadable)
    assert found.why.startswith("cannot be read: it takes too much memory")
    pool.close()


def test_two_files_at_a_time_are_decoded_and_no_process_is_left(pool: ProbePool) -> None:
    threads = [threading.Thread(target=pool.probe, args=("image", jpeg())) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    children = [child._process for child in pool._idle]
    assert len(children) <= 2
    pool.close()
    assert all(child.returncode is not None for child in children)


PARENT = """
import sys, time
from evolink_mock.media.probe_pool import PROBES
PROBES.probe("image", b"")
print(PROBES._idle[0]._process.pid, flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up as on Linux")
def test_a_child_ends_with_a_parent_that_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        os.kill(child, 0)
        parent.kill()
    status = Path(f"/proc/{child}/status")
    with suppress(OSError):
        while "Z (zombie)" not in status.read_text():
            pass


@pytest.mark.parametrize("scans", [MOST_SCANS, 20_000, 200_000])
def test_scans_are_counted_before_any_is_decoded(scans: int) -> None:
    assert probe_image(with_scans(scans)) == Unreadable(f"cannot be read: it has more than {MOST_SCANS} scans")


def test_an_image_of_few_scans_is_read() -> None:
    assert isinstance(probe_image(with_scans(50)), ImageInfo)


def test_markers_outside_scans_are_not_counted() -> None:
    thumbnail = b"\xff\xe1" + struct.pack(">H", 60_002) + b"\xff\xda\x00\x02" * 15_000
    whole = jpeg(progressive=True)
    assert not has_too_many_scans(whole[:2] + thumbnail + whole[2:] + b"\xff\xda\x00\x02" * 1000)


def huge_tables() -> bytes:
    """A film of a few bytes that says to have forty million samples."""
    return b"\0\0\0\x18ftypM4A \0\0\0\0M4A mp42" + b"\0\0\x40\0moov" + bytes(0x3FF8)


@pytest.mark.parametrize(
    ("content", "form"),
    [
        (huge_tables(), "mp4"),
        (audio_file(4, "mp4", "aac"), "mp4"),
        (b"\0\0\0\x10moov" + bytes(99), "mp4"),
        (b"\0\0\0\x08wide\0\0\0\x10mdat" + bytes(99), "mp4"),
        (b"\x1aE\xdf\xa3" + bytes(99), "matroska"),
        (b"RIFF\x10\0\0\0AVI LIST" + bytes(99), "avi"),
    ],
    ids=["tables", "m4a", "moov", "wide", "matroska", "avi"],
)
def test_films_are_named_by_their_first_bytes_and_not_opened(
    content: bytes, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[object] = []
    monkeypatch.setattr(av, "open", lambda *given, **named: opened.append(given))
    assert probe_audio(content) == AudioInfo(form, 0.0, len(content))
    assert opened == []

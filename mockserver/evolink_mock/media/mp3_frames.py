"""MP3 frames: opens audio with PyAV without regard to its tags, and to what stands before its first frame."""

import re
from io import BytesIO

import av
from av.container import InputContainer

_CONTAINERS = {"format_whitelist": "mp3,wav,aac,flac,ogg"}
"""Containers that hold audio alone, in the order of time. Others name places from which it would be fetched, or have
tables whose sizes are believed: a film of 20 KiB may take a gigabyte."""
_FILMS = (
    ("mp4", re.compile(rb".{4}(?:ftyp|moov|mdat|free|skip|wide|pnot)", re.DOTALL)),
    ("matroska", re.compile(rb"\x1aE\xdf\xa3")),
    ("avi", re.compile(rb"RIFF.{4}AVI ", re.DOTALL)),
)
"""Formats that are not opened, and the first bytes that name them."""
_KNOWN = re.compile(rb"ID3[\x02-\x04]|RIFF|OggS|fLaC|.{4}ftyp|\x1aE\xdf\xa3|\xff[\xe2-\xff]", re.DOTALL)
_START = re.compile(rb"ID3[\x02-\x04]..[\0-\x7f]{4}|\xff[\xe2-\xff][\x10-\xef]", re.DOTALL)
_MAX_JUNK = 64 * 1024
"""Bytes before the first frame that are skipped."""
_FRAMES = 3
"""Consecutive frames that are no coincidence."""
_BITRATES = (
    (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
)
"""In kbit/s, of layer III: of MPEG 1, and of MPEG 2 and 2.5."""
_RATES = (44_100, 48_000, 32_000)


def film_format(content: bytes) -> str | None:
    """The format of a film, by its first bytes; its audio would not be accepted."""
    return next((name for name, start in _FILMS if start.match(content)), None)


def audio_container(content: bytes) -> InputContainer:
    """The opened file. Tags in an unknown encoding are ignored: what they say is not needed."""
    return av.open(BytesIO(content[_start(content) :]), "r", options=_CONTAINERS, metadata_errors="ignore")


def _start(content: bytes) -> int:
    """The place of the first tag or frame behind other bytes, or 0."""
    if _KNOWN.match(content):
        return 0
    for found in _START.finditer(content, 0, _MAX_JUNK):
        place = found.start()
        if _is_frames(content, _after_tag(content, place)):
            return place
    return 0


def _after_tag(content: bytes, place: int) -> int:
    """The place behind an ID3v2 tag, whose size has seven bits in a byte."""
    if content[place : place + 3] != b"ID3":
        return place
    size = 0
    for byte in content[place + 6 : place + 10]:
        size = size << 7 | byte & 127
    return place + 10 + size


def _is_frames(content: bytes, place: int) -> bool:
    for _ in range(_FRAMES):
        length = _frame_length(content[place : place + 4])
        if not length:
            return False
        place += length
    return True


def _frame_length(head: bytes) -> int:
    """Bytes of the frame of MPEG layer III with this header, or 0 where it is no such header."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
        return 0
    version, bitrate, rate = head[1] >> 3 & 3, head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or not 0 < bitrate < 15 or rate == 3:
        return 0
    first = version == 3
    hertz = _RATES[rate] // {3: 1, 2: 2, 0: 4}[version]
    return (144 if first else 72) * _BITRATES[not first][bitrate] * 1000 // hertz + (head[2] >> 1 & 1)

"""Minimal MP4 muxer (ISO/IEC 14496-12, -15): one track of H.264, its index before its samples, playable as it arrives.

Hand-written for the same reason as `h264`: results must play where the extra `media` is not installed.
"""

from collections.abc import Sequence
from struct import pack

from evolink_mock.media.h264 import Still

_MATRIX = pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_UNDETERMINED = 0x55C4
"""The language `und`."""


def movie(still: Still, width: int, height: int, rate: int, frames: int) -> bytes:
    """A file of `frames` frames, of which all repeat the first. Times are counted in frames."""
    samples = [still.first, *map(still.again, range(1, frames))]
    units = [pack(">I", len(unit)) + unit for unit in samples]
    kind = _box(b"ftyp", b"isom", pack(">I", 0x200), b"isomiso2avc1mp41")
    # Where the samples begin depends on how long the index is, and not on what it says.
    index = _index(still, width, height, rate, [*map(len, units)], 0)
    index = _index(still, width, height, rate, [*map(len, units)], len(kind) + len(index) + 8)
    return b"".join([kind, index, _box(b"mdat", *units)])


def _box(name: bytes, *parts: bytes) -> bytes:
    return b"".join([pack(">I", 8 + sum(map(len, parts))), name, *parts])


def _full(name: bytes, *parts: bytes, version: int = 0, flags: int = 0) -> bytes:
    return _box(name, pack(">I", version << 24 | flags), *parts)


def _index(still: Still, width: int, height: int, rate: int, sizes: Sequence[int], start: int) -> bytes:
    frames = len(sizes)
    header = _full(
        b"mvhd", pack(">4IIHxxxxxxxxxx", 0, 0, rate, frames, 0x10000, 0x100), _MATRIX, bytes(24), pack(">I", 2)
    )
    track = _full(
        b"tkhd",
        pack(">5I8x4H", 0, 0, 1, 0, frames, 0, 0, 0, 0),
        _MATRIX,
        pack(">2I", width << 16, height << 16),
        flags=3,  # In use, and part of the presentation.
    )
    media = _box(
        b"mdia",
        _full(b"mdhd", pack(">4IHH", 0, 0, rate, frames, _UNDETERMINED, 0)),
        _full(b"hdlr", bytes(4), b"vide", bytes(12), b"video\0"),
        _box(
            b"minf",
            _full(b"vmhd", bytes(8), flags=1),
            _box(b"dinf", _full(b"dref", pack(">I", 1), _full(b"url ", flags=1))),
            _samples(still, width, height, sizes, start),
        ),
    )
    return _box(b"moov", header, _box(b"trak", track, media))


def _samples(still: Still, width: int, height: int, sizes: Sequence[int], start: int) -> bytes:
    configuration = _box(
        b"avcC",
        # Version, profile, compatibility and level as in the sequence, lengths of four bytes, one sequence.
        bytes((1, 66, 0xC0, still.level, 0xFF, 0xE1)),
        pack(">H", len(still.sequence)),
        still.sequence,
        b"\x01",
        pack(">H", len(still.picture)),
        still.picture,
    )
    entry = _box(
        b"avc1",
        pack(">6xH16x2H", 1, width, height),
        pack(">2IIH32xHh", 72 << 16, 72 << 16, 0, 1, 24, -1),
        configuration,
    )
    return _box(
        b"stbl",
        _full(b"stsd", pack(">I", 1), entry),
        _full(b"stts", pack(">3I", 1, len(sizes), 1)),
        _full(b"stss", pack(">2I", 1, 1)),
        _full(b"stsc", pack(">4I", 1, 1, len(sizes), 1)),
        _full(b"stsz", pack(f">2I{len(sizes)}I", 0, len(sizes), *sizes)),
        _full(b"stco", pack(">2I", 1, start)),
    )

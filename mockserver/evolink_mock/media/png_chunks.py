"""PNG chunks: keeps those of pixels, frames and orientation, so that no other one has a say in whether it is read."""

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_BODY = frozenset((b"fcTL", b"fdAT", b"IDAT", b"eXIf"))
_HEAD = _BODY | {b"IHDR", b"PLTE", b"tRNS", b"acTL"}
"""The others do not count after the first IDAT (PNG, 5.6)."""
_TEXTS = frozenset((b"tEXt", b"zTXt", b"iTXt"))
_ORIENTING = (b"Raw profile type exif\0", b"Raw profile type APP1\0", b"XML:com.adobe.xmp\0")
"""Keywords of texts that may hold the orientation."""
_MAX_TEXT = 2**20
"""Bytes of a text after decompression; Pillow refuses a file with a longer one."""
_GREY, _RGB, _PALETTE = 0, 2, 3
_IEND = b"\0\0\0\0IEND\xaeB`\x82"


class _Chunk(NamedTuple):
    kind: bytes
    data: bytes
    crc: bytes

    @property
    def is_critical(self) -> bool:
        """Others are left out where they are damaged, as libpng does."""
        return self.kind[:1].isupper()

    @property
    def is_sound(self) -> bool:
        return zlib.crc32(self.kind + self.data).to_bytes(4, "big") == self.crc

    @property
    def bytes(self) -> bytes:
        return struct.pack(">I", len(self.data)) + self.kind + self.data + self.crc


def essential_chunks(content: bytes) -> bytes:
    """The PNG without profiles, texts and other chunks beside the image, and with an end."""
    kept = [SIGNATURE]
    header, texts, has_data = b"", set[bytes](), False
    for chunk in _chunks(content):
        header = chunk.data if chunk.kind == b"IHDR" else header
        has_data = has_data or chunk.kind == b"IDAT"
        if chunk.kind in _TEXTS:
            keyword = next((each for each in _ORIENTING if chunk.data.startswith(each)), b"")
            if keyword and keyword not in texts and chunk.is_sound and _is_short(chunk):
                texts.add(keyword)
                kept.append(chunk.bytes)
        elif chunk.kind in (_HEAD if not has_data else _BODY) and (chunk.is_critical or chunk.is_sound):
            kept.append(chunk.bytes if chunk.kind != b"tRNS" else _transparency(header, chunk.data))
    return b"".join((*kept, _IEND))


def _chunks(content: bytes) -> Iterator[_Chunk]:
    """The chunks up to IEND or the end of the file; the last one as far as it is there."""
    place = len(SIGNATURE)
    while place + 8 <= len(content):
        length = int.from_bytes(content[place : place + 4], "big")
        kind, end = content[place + 4 : place + 8], place + 8 + length
        if kind == b"IEND":
            return
        data, crc = content[place + 8 : end], content[end : end + 4]
        # Of a file that is cut off after the data of a chunk, nothing but the checksum is missing.
        if len(data) == length and len(crc) < 4:
            crc = zlib.crc32(kind + data).to_bytes(4, "big")
        yield _Chunk(kind, data, crc)
        place = end + 4


def _is_short(chunk: _Chunk) -> bool:
    rest = chunk.data.partition(b"\0")[2]
    if chunk.kind == b"tEXt":
        return True
    if chunk.kind == b"iTXt":
        if rest[:1] != b"\1":
            return True
        packed = rest[2:].split(b"\0", 2)[-1]
    else:
        packed = rest[1:]
    unpacker = zlib.decompressobj()
    try:
        return len(unpacker.decompress(packed, _MAX_TEXT)) < _MAX_TEXT
    except zlib.error:
        return False


def _transparency(header: bytes, data: bytes) -> bytes:
    """The tRNS chunk, in the scale of decoded pixels; nothing where it is not valid.

    A sample of fewer than 16 bits has the low bits of its two bytes alone (PNG, 11.3.2.1). Pillow scales samples of
    two and four bits to eight, and compares them with the colour as it is here.
    """
    depth, colour = (header[8], header[9]) if len(header) >= 10 else (8, 6)
    key = data[:256]
    if colour != _PALETTE:
        count = {_GREY: 1, _RGB: 3}.get(colour, 0)
        if not count or len(data) != 2 * count:
            return b""
        most = (1 << depth) - 1
        scale = 255 // most if 0 < depth < 8 else 1
        key = b"".join(((each & most) * scale).to_bytes(2, "big") for each in struct.unpack(f">{count}H", data))
    return _Chunk(b"tRNS", key, zlib.crc32(b"tRNS" + key).to_bytes(4, "big")).bytes

"""Sample images and audio files, valid and faulty, made on demand."""

import math
import struct
import zlib
from array import array
from collections.abc import Sequence
from functools import lru_cache
from io import BytesIO
from typing import Any

import av
import numpy as np
from PIL import Image

_RATE = 44_100


@lru_cache
def photo(width: int = 640, height: int = 480) -> Image.Image:
    """Soft colours with some detail, the same each time."""
    rng = np.random.default_rng(width * 10_000 + height)
    whole = np.zeros((height, width, 3))
    for grain, share in ((200, 0.6), (50, 0.3), (12, 0.1)):
        coarse = rng.integers(0, 255, (height // grain + 2, width // grain + 2, 3), dtype=np.uint8)
        whole += share * np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC), float)
    return Image.fromarray(whole.clip(0, 255).astype(np.uint8))


def encoded(picture: Image.Image, form: str, **how: Any) -> bytes:
    file = BytesIO()
    picture.save(file, form, **how)
    return file.getvalue()


def jpeg(width: int = 640, height: int = 480, **how: Any) -> bytes:
    return encoded(photo(width, height), "JPEG", quality=90, **how)


def rotated_jpeg(orientation: int, width: int = 640, height: int = 480) -> bytes:
    """With an EXIF orientation, 1 to 8."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return jpeg(width, height, exif=exif)


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def png(
    rows: Sequence[Sequence[Sequence[int]]], depth: int, colour: int, before: bytes = b"", interlaced: bool = False
) -> bytes:
    """A PNG of any colour type, from the samples of its pixels; `before` are chunks before the data."""
    packed = b""
    for left, top, across, down in _ADAM7 if interlaced else ((0, 0, 1, 1),):
        for row in rows[top::down]:
            samples = [sample for pixel in row[left::across] for sample in pixel]
            if samples:
                bits = "".join(f"{sample:0{depth}b}" for sample in samples)
                bits += "0" * (-len(bits) % 8)
                packed += b"\0" + int(bits, 2).to_bytes(len(bits) // 8, "big")
    head = struct.pack(">IIBBBBB", len(rows[0]), len(rows), depth, colour, 0, 0, interlaced)
    data = chunk(b"IDAT", zlib.compress(packed))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + before + data + chunk(b"IEND", b"")


def masked_bmp(
    header: int, bits: int, masks: Sequence[int], values: Sequence[Sequence[int]], flip: bool = True
) -> bytes:
    """A BMP whose pixels have colour masks: red, green, blue and, from 56 bytes of header on, alpha."""
    height, width = len(values), len(values[0])
    data = b""
    for row in reversed(values) if flip else values:
        line = b"".join(value.to_bytes(bits // 8, "little") for value in row)
        data += line.ljust((len(line) + 3) // 4 * 4, b"\0")
    kind = 6 if header == 40 and len(masks) > 3 else 3
    head = struct.pack("<IiiHHIIiiII", header, width, height if flip else -height, 1, bits, kind, len(data), 0, 0, 0, 0)
    fields = struct.pack(f"<{len(masks)}I", *masks)
    whole = head + fields if header == 40 else (head + fields).ljust(header, b"\0")
    return b"BM" + struct.pack("<IHHI", 14 + len(whole) + len(data), 0, 0, 14 + len(whole)) + whole + data


def decompression_bomb(width: int, height: int) -> bytes:
    """A PNG of a few kilobytes that says it is huge, and is."""
    packer = zlib.compressobj(9)
    row = b"\0" + bytes((width + 7) // 8)
    rows = b"".join([*(packer.compress(row) for _ in range(min(height, 3000))), packer.flush()])
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def with_compressed_text(content: bytes, size: int) -> bytes:
    """A PNG with a text that unpacks to `size` bytes."""
    text = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(size), 9))
    return content[:33] + text + content[33:]


@lru_cache
def audio_file(seconds: float, form: str = "mp3", codec: str = "libmp3lame", rate: int = _RATE) -> bytes:
    """A tone of 441 Hz."""
    file = BytesIO()
    with av.open(file, "w", format=form) as container:
        stream: Any = container.add_stream(codec, rate=rate)
        stream.layout = "mono"
        second = array("h", (round(12_000 * math.sin(2 * math.pi * n * 441 / rate)) for n in range(rate)))
        wave = (second * math.ceil(seconds))[: round(seconds * rate)]
        wanted = stream.codec_context.format
        at_once = 1152 if "mp3" in codec else 1024
        resampler = av.AudioResampler(wanted.name if wanted else "s16", "mono", rate, frame_size=at_once)
        frame = av.AudioFrame(format="s16", layout="mono", samples=len(wave))
        frame.planes[0].update(wave.tobytes().ljust(frame.planes[0].buffer_size, b"\0"))
        frame.sample_rate, frame.pts = rate, 0
        for each in (*resampler.resample(frame), *resampler.resample(None)):
            container.mux(stream.encode(each))
        container.mux(stream.encode(None))
    return file.getvalue()

"""Looks at files by their bytes, whatever their name says: pictures by Pillow, sounds by PyAV (the extra `media`)."""

import struct
import warnings
from contextlib import suppress
from io import BytesIO

import av
from av.error import FFmpegError, InvalidDataError
from PIL import Image, ImageOps, UnidentifiedImageError

from evolink_mock.media.acceptance import AudioInfo, ImageInfo, Seen, TooManyPixels, Unreadable
from evolink_mock.media.frame_size import Size

_DECODED = ("JPEG", "PNG", "BMP", "WEBP")
_NAMED = ("GIF", "TIFF")
"""Formats that are told apart to name what is not supported, and looked into no further."""
_MOST_PIXELS = 2000 * 2000
"""A picture of more is too large whatever is in it, and is not decoded."""
SOUNDS = {"format_whitelist": "mp3,wav,aac,flac,ogg,mov,matroska"}
"""Kinds of files that hold a sound themselves; others name places where it would be fetched or waited for."""
_UNREADABLE = (
    OSError,
    SyntaxError,
    ValueError,
    MemoryError,
    EOFError,
    ArithmeticError,
    LookupError,
    TypeError,
    struct.error,
)
"""What Pillow's readers raise for files that are cut off or made to do harm."""
_LONGEST = 60.0
"""Seconds of sound that are decoded at most; twice as many as any that is accepted."""


def probe_image(content: bytes) -> Seen:
    """Decodes all of it, unless it is too large for that anyway."""
    try:
        with warnings.catch_warnings():
            # Pillow warns of much that is odd, and all of it shows in what is found.
            warnings.simplefilter("ignore")
            with Image.open(BytesIO(content), formats=(*_DECODED, *_NAMED)) as picture:
                return _picture(picture, content)
    except Image.DecompressionBombError:
        return TooManyPixels()
    except UnidentifiedImageError:
        return Unreadable("is no picture, whatever its name says")
    except _UNREADABLE as error:
        return Unreadable(f"cannot be read: {str(error)[:100] or type(error).__name__}")


def _picture(picture: Image.Image, content: bytes) -> Seen:
    kind = str(picture.format).lower()
    if picture.format in _NAMED:
        return ImageInfo(kind, Size(*picture.size), transparent=False, frames=1, length=len(content))
    # What a telephone adds to its jpeg, such as a map of how bright it is, does not make it move.
    frames = 1 if kind == "mpo" else int(getattr(picture, "n_frames", 1))
    clear = False
    if picture.width * picture.height <= _MOST_PIXELS:
        picture.load()
        clear = picture.has_transparency_data and min(picture.convert("RGBA").getchannel("A").tobytes()) < 255
    size = Size(*(picture.size[::-1] if _turned(picture) >= 5 else picture.size))
    return ImageInfo("jpeg" if kind == "mpo" else kind, size, clear, frames, len(content))


def apply_orientation(content: bytes) -> Image.Image:
    """A picture that was found good, as it is meant to be seen, on white where anything shines through."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(BytesIO(content), formats=_DECODED) as picture:
            turned = ImageOps.exif_transpose(picture) if _turned(picture) > 1 else picture
            if not turned.has_transparency_data:
                return turned.convert("RGB")
            white = Image.new("RGBA", turned.size, "white")
            return Image.alpha_composite(white, turned.convert("RGBA")).convert("RGB")


def _turned(picture: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; what cannot be read turns nothing."""
    try:
        way = picture.getexif().get(0x0112, 1)
    except _UNREADABLE:
        return 1
    return way if way in range(1, 9) else 1


def probe_audio(content: bytes) -> Seen:
    """Decodes as much as tells whether it is too long."""
    try:
        with av.open(BytesIO(content), "r", options=SOUNDS) as container:
            stream = next(iter(container.streams.audio), None)
            # Of a codec that nobody knows there is no context.
            if stream is None or stream.codec_context is None:
                return Unreadable("has no sound in it that can be read")
            samples, rate = 0, stream.rate or 1
            for packet in container.demux(stream):
                # As a player does, which goes on after what it cannot read.
                with suppress(InvalidDataError):
                    samples += sum(frame.samples for frame in packet.decode())
                if samples / rate > _LONGEST:
                    break
            if not samples:
                return Unreadable("has no sound in it that can be read")
            kind = container.format.name if stream.codec_context.name.startswith("mp3") else stream.codec_context.name
            return AudioInfo(kind.partition(",")[0], samples / rate, len(content))
    except (FFmpegError, ValueError, OSError, EOFError) as error:
        return Unreadable(f"cannot be read: {str(error)[:100]}")

"""Probes input files by their bytes, not their names: images with Pillow, audio with PyAV (the extra `media`)."""

import struct
import warnings
from contextlib import suppress

from av.error import FFmpegError, InvalidDataError
from PIL import Image, UnidentifiedImageError

from evolink_mock.media.acceptance import AudioInfo, ImageInfo, Seen, TooManyPixels, Unreadable
from evolink_mock.media.frame_size import Size
from evolink_mock.media.image_decoder import DECODED, DecodedImage
from evolink_mock.media.jpeg_scans import MOST_SCANS, has_too_many_scans
from evolink_mock.media.mp3_frames import audio_container, film_format

_NAMED = ("GIF", "TIFF")
"""Unsupported formats that are recognised for the message alone, and not decoded."""
_MOST_PIXELS = 2000 * 2000
"""An image of more is too large in any case, and is not decoded."""
_UNREADABLE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    ArithmeticError,
    LookupError,
    TypeError,
    struct.error,
)
"""Exceptions of Pillow's readers for truncated or malicious files."""
_TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""The operation that makes an image upright, by its EXIF orientation (EXIF 2.3, 4.6.4). `ImageOps.exif_transpose`
serializes the EXIF again, which raises where another entry has a value of the wrong type."""
_LONGEST = 60.0
"""Seconds of audio that are decoded at most; twice the longest that is accepted."""


def probe_image(content: bytes) -> Seen:
    """Facts of an image, which is decoded whole unless it has too many pixels. May raise `MemoryError`."""
    if has_too_many_scans(content):
        return Unreadable(f"cannot be read: it has more than {MOST_SCANS} scans")
    try:
        with warnings.catch_warnings():
            # Pillow warns of much that is odd, and all of it shows in the result.
            warnings.simplefilter("ignore")
            return _image_facts(DecodedImage(content, (*DECODED, *_NAMED)), len(content))
    except Image.DecompressionBombError:
        return TooManyPixels()
    except UnidentifiedImageError:
        return Unreadable("is not an image, whatever its name says")
    except _UNREADABLE as error:
        return Unreadable(f"cannot be read: {str(error)[:100] or type(error).__name__}")


def _image_facts(image: DecodedImage, length: int) -> Seen:
    opened = image.opened
    kind = str(opened.format).lower()
    if opened.format in _NAMED:
        return ImageInfo(kind, Size(*opened.size), transparent=False, frames=1, length=length)
    # Images that phones add to a jpeg, such as a brightness map, are no animation.
    frames = 1 if kind == "mpo" else int(getattr(opened, "n_frames", 1))
    few = opened.width * opened.height <= _MOST_PIXELS
    transparent = few and image.pixels().mode == "RGBA"
    size = Size(*(opened.size[::-1] if _orientation(image.opened) >= 5 else opened.size))
    return ImageInfo("jpeg" if kind == "mpo" else kind, size, transparent, frames, length)


def apply_orientation(content: bytes) -> Image.Image:
    """An accepted image as it is meant to be seen, on white where it is transparent."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image = DecodedImage(content)
        pixels, orientation = image.pixels(), _orientation(image.opened)
        turned = pixels.transpose(_TRANSPOSE[orientation]) if orientation in _TRANSPOSE else pixels
        if turned.mode == "RGB":
            return turned
        return Image.alpha_composite(Image.new("RGBA", turned.size, "white"), turned).convert("RGB")


def _orientation(picture: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; 1 where it cannot be read."""
    try:
        orientation = picture.getexif().get(0x0112, 1)
    except _UNREADABLE:
        return 1
    return orientation if orientation in range(1, 9) else 1


def probe_audio(content: bytes) -> Seen:
    """Facts of an audio file, which is decoded until it has ended or is too long."""
    if (film := film_format(content)) is not None:
        return AudioInfo(film, 0.0, len(content))
    try:
        with audio_container(content) as container:
            stream = next(iter(container.streams.audio), None)
            # An unknown codec has no context.
            if stream is None or stream.codec_context is None:
                return Unreadable("has no audio in it that can be read")
            samples, rate = 0, stream.rate or 1
            for packet in container.demux(stream):
                # A player too goes on after what it cannot read.
                with suppress(InvalidDataError):
                    samples += sum(frame.samples for frame in packet.decode())
                if samples / rate > _LONGEST:
                    break
            if not samples:
                return Unreadable("has no audio in it that can be read")
            kind = container.format.name if stream.codec_context.name.startswith("mp3") else stream.codec_context.name
            return AudioInfo(kind.partition(",")[0], samples / rate, len(content))
    except (FFmpegError, ValueError, OSError, EOFError) as error:
        return Unreadable(f"cannot be read: {str(error)[:100]}")

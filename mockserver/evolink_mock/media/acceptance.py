"""What is seen of a file that a request names, and what a task deserves for it, in the model's own limits."""

from typing import NamedTuple, TypeAlias

from evolink_contracts.spec.fields import Media
from evolink_mock.core.task import Failure
from evolink_mock.media.frame_size import Size

_WRONG = "invalid_parameters"
"""The failure code of a file that can be read and is too large, too small, too long or too short (S1c)."""
_UNREADABLE = "image_processing_error"


class ImageInfo(NamedTuple):
    """`size` as it is meant to be seen; `clear` is whether anything shines through; `frames` above 1 move."""

    format: str
    size: Size
    transparent: bool
    frames: int
    length: int
    """Bytes of the file."""


class AudioInfo(NamedTuple):
    """`seconds` until it ends."""

    format: str
    seconds: float
    length: int


class Unreadable(NamedTuple):
    """Nothing that could be looked at: `why` completes "The image ..."."""

    why: str


class Oversized(NamedTuple):
    """A file of which so many bytes came, and more would have."""

    length: int


class TooManyPixels(NamedTuple):
    """A picture of so many pixels that nobody counts them."""


Seen: TypeAlias = ImageInfo | AudioInfo | Unreadable | Oversized | TooManyPixels


def check_file(seen: Seen, media: Media) -> Failure | None:
    """Why a task fails that was given this file, or `None` where it may have it."""
    match seen:
        case Unreadable(why):
            return Failure(_UNREADABLE if media.noun == "image" else _WRONG, f"The {media.noun} {why}")
        case Oversized(length):
            return _length(length, media)
        case TooManyPixels():
            return _sides("far more", media)
        case ImageInfo():
            return _picture(seen, media)
        case AudioInfo():
            return _sound(seen, media)


def _format(found: str, media: Media) -> Failure | None:
    formats = [suffix.removeprefix(".") for suffix in media.suffixes]
    if found in formats:
        return None
    return Failure(media.failure, f"The {media.noun} has the format {found}; supported: {', '.join(formats)}")


def _length(length: int, media: Media) -> Failure | None:
    most = media.max_bytes
    return Failure(_WRONG, f"file size exceeds {most // 2**20}MB") if length > most else None


def _picture(seen: ImageInfo, media: Media) -> Failure | None:
    if (failure := _length(seen.length, media) or _format(seen.format, media)) is not None:
        return failure
    low, high = media.min_side or 1, media.max_side or max(seen.size)
    if not all(low <= side <= high for side in seen.size):
        return _sides(f"{seen.size.width} x {seen.size.height}", media)
    if seen.frames > 1:
        return Failure(media.failure, f"The image moves: it has {seen.frames} frames, and the first frame is to be one")
    if seen.transparent and seen.format == "png":
        return Failure(media.failure, "The image has the format png with transparency; png must have none")
    return None


def _sides(found: str, media: Media) -> Failure:
    return Failure(_WRONG, f"image dimensions must be between {media.min_side} and {media.max_side}; got {found}")


def _sound(seen: AudioInfo, media: Media) -> Failure | None:
    low, high = media.min_seconds or 0, media.max_seconds or seen.seconds
    if (failure := _length(seen.length, media) or _format(seen.format, media)) is not None:
        return failure
    if not low <= round(seen.seconds, 1) <= high:
        return Failure(_WRONG, f"audio duration must be between {low:g} and {high:g} seconds; got {seen.seconds:.1f}")
    return None

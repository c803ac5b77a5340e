"""Acceptance of input files: the facts found in a file, and the failure they cause under the model's limits."""

from typing import Any, NamedTuple, TypeAlias, get_args

import msgspec

from evolink_contracts.spec.fields import Media
from evolink_mock.core.task import Failure
from evolink_mock.media.frame_size import Size

_WRONG = "invalid_parameters"
"""The failure code of a file that can be read and is too large, too small, too long or too short (S1c)."""
_UNREADABLE = "image_processing_error"


class ImageInfo(NamedTuple):
    """Facts of an image. `size` as it is meant to be found; more than one of `frames` is an animation."""

    format: str
    size: Size
    transparent: bool
    frames: int
    length: int
    """Bytes of the file."""


class AudioInfo(NamedTuple):
    """Facts of an audio file; `seconds` is its duration."""

    format: str
    seconds: float
    length: int


class Unreadable(NamedTuple):
    """A file that cannot be probed: `why` completes "The image ..."."""

    why: str


class Oversized(NamedTuple):
    """A file of more than `length` bytes, whose rest was not read."""

    length: int


class TooManyPixels(NamedTuple):
    """An image with too many pixels to be decoded."""


Seen: TypeAlias = ImageInfo | AudioInfo | Unreadable | Oversized | TooManyPixels
_KINDS: dict[str, Any] = {kind.__name__: kind for kind in get_args(Seen)}


def encode_seen(found: Seen) -> bytes:
    """A result as bytes, which `decode_seen` reads in another process."""
    return msgspec.msgpack.encode((type(found).__name__, found))


def decode_seen(encoded: bytes) -> Seen:
    name, fields = msgspec.msgpack.decode(encoded)
    found: Seen = msgspec.convert(fields, _KINDS[name])
    return found


def check_file(found: Seen, media: Media) -> Failure | None:
    """The failure of a task that is given this file, or `None` where it is accepted."""
    match found:
        case Unreadable(why):
            return Failure(_UNREADABLE if media.noun == "image" else _WRONG, f"The {media.noun} {why}")
        case Oversized(length):
            return _check_length(length, media)
        case TooManyPixels():
            return _wrong_sides("far more", media)
        case ImageInfo():
            return _check_image(found, media)
        case AudioInfo():
            return _check_audio(found, media)


def _check_format(found: str, media: Media) -> Failure | None:
    formats = [suffix.removeprefix(".") for suffix in media.suffixes]
    if found in formats:
        return None
    return Failure(media.failure, f"The {media.noun} has the format {found}; supported: {', '.join(formats)}")


def _check_length(length: int, media: Media) -> Failure | None:
    most = media.max_bytes
    return Failure(_WRONG, f"file size exceeds {most // 2**20}MB") if length > most else None


def _check_image(found: ImageInfo, media: Media) -> Failure | None:
    if (failure := _check_length(found.length, media) or _check_format(found.format, media)) is not None:
        return failure
    low, high = media.min_side or 1, media.max_side or max(found.size)
    if not all(low <= side <= high for side in found.size):
        return _wrong_sides(f"{found.size.width} x {found.size.height}", media)
    if found.frames > 1:
        return Failure(media.failure, f"The image is animated: it has {found.frames} frames, and must have one")
    if found.transparent and found.format == "png":
        return Failure(media.failure, "The image has the format png with transparency; png must have none")
    return None


def _wrong_sides(found: str, media: Media) -> Failure:
    return Failure(_WRONG, f"image dimensions must be between {media.min_side} and {media.max_side}; got {found}")


def _check_audio(found: AudioInfo, media: Media) -> Failure | None:
    low, high = media.min_seconds or 0, media.max_seconds or found.seconds
    if (failure := _check_length(found.length, media) or _check_format(found.format, media)) is not None:
        return failure
    if not low <= round(found.seconds, 1) <= high:
        return Failure(_WRONG, f"audio duration must be between {low:g} and {high:g} seconds; got {found.seconds:.1f}")
    return None

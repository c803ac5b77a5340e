"""Frame size of a video: the pixels of its quality, in the proportions of its input image."""

import math
from collections.abc import Mapping
from typing import NamedTuple


class Size(NamedTuple):
    """In pixels."""

    width: int
    height: int


RESOLUTIONS: Mapping[str, Size] = {"720p": Size(1280, 720), "1080p": Size(1920, 1080)}
"""Frame sizes for an image of 16 to 9; with other proportions a frame has as many pixels (S8)."""


def frame_size(quality: str, picture: Size) -> Size:
    """Even sides, since a sample of colour covers two by two pixels."""
    whole = RESOLUTIONS[quality.lower()]
    scale = math.sqrt(whole.width * whole.height / (picture.width * picture.height))
    return Size(*(max(2, 2 * round(side * scale / 2)) for side in picture))

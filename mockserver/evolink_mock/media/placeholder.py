"""Placeholder encoder in pure Python: one colour, of the right size and length, and no audio."""

from hashlib import sha256

from evolink_mock.media.h264 import Colour, still
from evolink_mock.media.mp4 import movie
from evolink_mock.media.video import RATE, FileLookup, Video


def encode_placeholder(video: Video, files: FileLookup) -> bytes:
    """The video as MP4: the same bytes for the same video, another colour for another task."""
    return movie(still(*video.size, RATE, colour_of(video)), *video.size, RATE, video.frames)


def colour_of(video: Video) -> Colour:
    """The colour of a video, neither black nor white, so that it is visible on any page."""
    digest = sha256(video.name.encode()).digest()
    return Colour(60 + digest[0] % 120, 60 + digest[1] % 136, 60 + digest[2] % 136)

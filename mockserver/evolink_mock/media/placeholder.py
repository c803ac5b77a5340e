"""The maker that needs nothing but Python: one colour, of the right size and length, and no sound."""

from hashlib import sha256

from evolink_mock.media.h264 import Colour, still
from evolink_mock.media.mp4 import movie
from evolink_mock.media.video import RATE, FileLookup, Video


def encode_placeholder(video: Video, files: FileLookup) -> bytes:
    """The same video gives the same bytes, and another task another colour."""
    return movie(still(*video.size, RATE, colour_of(video)), *video.size, RATE, video.frames)


def colour_of(video: Video) -> Colour:
    """Neither black nor white, so that it is seen on any page."""
    drawn = sha256(video.name.encode()).digest()
    return Colour(60 + drawn[0] % 120, 60 + drawn[1] % 136, 60 + drawn[2] % 136)

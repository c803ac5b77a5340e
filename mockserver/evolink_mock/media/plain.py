"""The maker that needs nothing but Python: one colour, of the right size and length, and no sound."""

from hashlib import sha256

from evolink_mock.core.duration import SECOND
from evolink_mock.media.h264 import Colour, still
from evolink_mock.media.mp4 import movie
from evolink_mock.media.video import RATE, Video


def make(video: Video) -> bytes:
    """The same video gives the same bytes, and another task another colour."""
    frames = max(1, round(video.length * RATE / SECOND))
    drawn = sha256(video.name.encode()).digest()
    # Neither black nor white, so that it is seen on any page.
    colour = Colour(60 + drawn[0] % 120, 60 + drawn[1] % 136, 60 + drawn[2] % 136)
    return movie(still(*video.size, RATE, colour), *video.size, RATE, frames)

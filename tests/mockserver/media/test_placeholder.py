"""The maker that needs nothing: what it writes is a film to a decoder of others, of the size and length asked for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolink_mock.core.duration import SECOND
from evolink_mock.media.frame_size import Size
from evolink_mock.media.h264 import Colour, still
from evolink_mock.media.mp4 import movie
from evolink_mock.media.placeholder import encode_placeholder
from evolink_mock.media.video import RATE, Video
from tests.support.media.video_decoder import boxes, decode


def made(video: Video) -> bytes:
    return encode_placeholder(video, lambda digest: None)


SIDES = st.integers(1, 40).map(lambda half: 2 * half)


@pytest.mark.parametrize("size", [Size(1280, 720), Size(1920, 1080), Size(720, 1280), Size(406, 2262)])
@pytest.mark.parametrize("seconds", [2, 3.4, 15])
def test_a_video_has_one_colour_and_the_requested_size_and_length(size: Size, seconds: float) -> None:
    content = made(Video("task-unified-1757169743-7cvnl5zw", size, round(seconds * SECOND)))
    found = decode(content)
    assert (found.codec, found.profile, found.pixels) == ("h264", "Constrained Baseline", "yuv420p")
    assert (found.width, found.height) == size
    assert found.frames == round(seconds * RATE)
    assert abs(found.seconds - seconds) <= 1 / RATE
    assert found.audio_codec is None
    for frame in (found.first, found.last):
        assert (frame == frame[0, 0]).all()
    assert (found.first == found.last).all()
    # The index comes first, so that it can be played while it arrives.
    assert boxes(content) == ["ftyp", "moov", "mdat"]
    assert len(content) <= 50_000


@given(SIDES, SIDES, st.integers(16, 235), st.integers(16, 240), st.integers(16, 240), st.integers(1, 20))
@settings(max_examples=60, deadline=None)
def test_any_size_and_colour_is_decoded_as_encoded(
    width: int, height: int, luma: int, blue: int, red: int, frames: int
) -> None:
    found = decode(movie(still(width, height, RATE, Colour(luma, blue, red)), width, height, RATE, frames))
    assert (found.width, found.height, found.frames) == (width, height, frames)
    expected = np.array(
        [
            1.164 * (luma - 16) + 1.596 * (red - 128),
            1.164 * (luma - 16) - 0.392 * (blue - 128) - 0.813 * (red - 128),
            1.164 * (luma - 16) + 2.017 * (blue - 128),
        ]
    ).clip(0, 255)
    for frame in (found.first, found.last):
        assert np.abs(frame.astype(float) - expected).max() <= 3


def test_the_frame_number_wraps_around() -> None:
    assert decode(movie(still(32, 32, RATE, Colour(100, 128, 128)), 32, 32, RATE, 600)).frames == 600


def test_the_same_video_gives_the_same_bytes_and_another_video_another_colour() -> None:
    several = {made(Video(f"task-{number}", Size(64, 64), SECOND)) for number in range(5)}
    assert len(several) == 5
    assert made(Video("task-1", Size(64, 64), SECOND)) in several

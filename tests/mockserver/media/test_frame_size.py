"""Frames have the proportions of their picture, and the pixels of their quality."""

from hypothesis import given
from hypothesis import strategies as st

from evolink_mock.media.frame_size import RESOLUTIONS, Size, frame_size

SIDES = st.integers(360, 2000)


def test_a_16_to_9_image_gets_the_nominal_sizes() -> None:
    assert frame_size("720p", Size(16, 9)) == (1280, 720)
    assert frame_size("1080P", Size(1600, 900)) == (1920, 1080)
    assert frame_size("720p", Size(1000, 1000)) == (960, 960)


@given(st.sampled_from(sorted(RESOLUTIONS)), SIDES, SIDES)
def test_any_image_keeps_its_proportions(quality: str, width: int, height: int) -> None:
    size = frame_size(quality, Size(width, height))
    assert size.width % 2 == size.height % 2 == 0
    assert abs(size.width / size.height / (width / height) - 1) < 0.01
    assert abs(size.width * size.height / (RESOLUTIONS[quality].width * RESOLUTIONS[quality].height) - 1) < 0.01

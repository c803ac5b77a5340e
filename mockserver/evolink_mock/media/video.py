"""What a video is to be: all that a maker needs to know."""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import msgspec

from evolink_mock.core.duration import Micros
from evolink_mock.core.frame import Size, frame_size
from evolink_mock.core.task import Task

RATE = 30
"""Frames a second; no source says how many there are."""
_UNKNOWN = Size(16, 9)
"""The proportions of a picture that nobody has looked at."""


class Video(NamedTuple):
    """`name` is its task's, which is drawn from the seed."""

    name: str
    size: Size
    length: Micros


Maker: TypeAlias = Callable[[Video], bytes]
"""Gives a whole MP4; the same bytes for the same video."""


def video_of(name: str, task: Task) -> Video:
    """The video of a task that is completed."""
    asked = msgspec.json.decode(task.request)
    return Video(name, frame_size(asked.get("quality", "720p"), _UNKNOWN), task.plan.video)

"""What a video is to be: all that a maker needs to know."""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import msgspec

from evolink_mock.core.duration import Micros
from evolink_mock.core.task import Task
from evolink_mock.media.frame_size import Size, frame_size

RATE = 24
"""Frames a second; no source says how many there are."""
_UNKNOWN = Size(16, 9)
"""The proportions of a picture that nobody has looked at."""


class Video(NamedTuple):
    """`name` is its task's, which is drawn from the seed; files go by their digests. `loud` is whether it has sound."""

    name: str
    size: Size
    length: Micros
    has_audio: bool = True
    image: str | None = None
    audio: str | None = None

    @property
    def seconds(self) -> float:
        return self.length / 1_000_000

    @property
    def frames(self) -> int:
        return max(1, round(self.seconds * RATE))


FileLookup: TypeAlias = Callable[[str], bytes | None]
"""Gives a file by its digest, where it is still there."""
Maker: TypeAlias = Callable[[Video, FileLookup], bytes]
"""Gives a whole MP4; the same bytes for the same video and files."""


def video_of(name: str, task: Task) -> Video:
    """The video of a task that is completed."""
    asked = msgspec.json.decode(task.request)
    files = {each.kind: each for each in task.inputs}
    picture = files.get("picture")
    return Video(
        name,
        frame_size(asked.get("quality", "720p"), Size(picture.width, picture.height) if picture else _UNKNOWN),
        task.plan.video_duration,
        "audio_url" in asked or asked.get("generate_audio") is not False,
        picture.digest if picture else None,
        files["sound"].digest if "sound" in files else None,
    )

"""Description of a result video: all that an encoder needs."""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import msgspec

from evolink_mock.core.duration import Micros
from evolink_mock.core.task import Task
from evolink_mock.media.frame_size import Size, frame_size

RATE = 24
"""Frames a second; no source says how many there are."""
_UNKNOWN = Size(16, 9)
"""Proportions for an image that was not probed."""


class Video(NamedTuple):
    """A video. `name` is its task's, which is drawn from the seed; `image` and `audio` are digests of files."""

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
"""Gives the content of a file by its digest, or `None` where it is no longer kept."""


def video_of(name: str, task: Task) -> Video:
    """The video of a completed task."""
    request = msgspec.json.decode(task.request)
    files = {each.kind: each for each in task.inputs}
    picture = files.get("picture")
    return Video(
        name,
        frame_size(request.get("quality", "720p"), Size(picture.width, picture.height) if picture else _UNKNOWN),
        task.plan.video_duration,
        "audio_url" in request or request.get("generate_audio") is not False,
        picture.digest if picture else None,
        files["sound"].digest if "sound" in files else None,
    )

"""Videos as an independent decoder sees them (FFmpeg's libraries, by PyAV)."""

from io import BytesIO
from typing import Any, NamedTuple

import av
import numpy as np
from av.video.reformatter import Colorspace
from numpy.typing import NDArray


class Film(NamedTuple):
    """What is in a file. `seconds` is what the container says, `first` and `last` are frames in RGB."""

    codec: str
    profile: str
    pixels: str
    width: int
    height: int
    frames: int
    seconds: float
    first: NDArray[np.uint8]
    last: NDArray[np.uint8]
    sound: str | None
    sound_seconds: float
    loudness: list[float]
    """Of each tenth of a second of sound, the greatest amplitude."""


def film(content: bytes) -> Film:
    """Decodes all of it; raises what PyAV raises."""
    with av.open(BytesIO(content), "r") as container:
        video = container.streams.video[0]
        frames = list(container.decode(video))
        seconds = float((video.duration or 0) * (video.time_base or 0))
        codec, profile, pixels = video.codec_context.name, str(video.codec_context.profile), str(video.format.name)
    with av.open(BytesIO(content), "r") as container:
        sounds = [container.streams.audio[0]] if container.streams.audio else []
        decoded = [frame for sound in sounds for frame in container.decode(sound)]
        rate = sounds[0].rate if sounds else 1
        sound = sounds[0].codec_context.name if sounds else None
        heights = [np.abs(frame.to_ndarray()).max(axis=0) for frame in decoded]
        whole = np.concatenate([np.zeros(0), *heights])
    tenth = max(1, rate // 10)
    return Film(
        codec=codec,
        profile=profile,
        pixels=pixels,
        width=frames[0].width,
        height=frames[0].height,
        frames=len(frames),
        seconds=seconds,
        first=_rgb(frames[0]),
        last=_rgb(frames[-1]),
        sound=sound,
        sound_seconds=len(whole) / rate,
        loudness=[float(whole[start : start + tenth].max()) for start in range(0, len(whole), tenth)],
    )


def _rgb(frame: av.VideoFrame) -> NDArray[np.uint8]:
    # As the file says that its colours are meant.
    told = frame.colorspace if frame.colorspace == Colorspace.ITU709 else None
    return frame.reformat(format="rgb24", src_colorspace=told).to_ndarray().astype(np.uint8)


def boxes(content: bytes) -> list[str]:
    """The names of the outermost boxes, in order."""
    names, place = [], 0
    while place < len(content):
        size = int.from_bytes(content[place : place + 4], "big")
        names.append(content[place + 4 : place + 8].decode())
        place += size
    assert place == len(content)
    return names


def likeness(one: NDArray[Any], other: NDArray[Any]) -> float:
    """Peak signal-to-noise ratio in dB; 100 for the same."""
    error = float(np.mean((one.astype(float) - other.astype(float)) ** 2))
    return 100.0 if error == 0 else 10 * float(np.log10(255**2 / error))

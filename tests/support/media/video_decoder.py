"""Decodes videos independently of the emulator (FFmpeg, by PyAV)."""

from io import BytesIO
from typing import Any, NamedTuple

import av
import numpy as np
from av.video.reformatter import Colorspace
from numpy.typing import NDArray


class DecodedVideo(NamedTuple):
    """A decoded video. `seconds` as the container states it; `first` and `last` are frames in RGB."""

    codec: str
    profile: str
    pixels: str
    width: int
    height: int
    frames: int
    seconds: float
    first: NDArray[np.uint8]
    last: NDArray[np.uint8]
    audio_codec: str | None
    audio_seconds: float
    loudness: list[float]
    """The greatest amplitude in each tenth of a second of audio."""


def decode(content: bytes) -> DecodedVideo:
    """Decode a whole video. Raises the errors of PyAV."""
    with av.open(BytesIO(content), "r") as container:
        video = container.streams.video[0]
        frames = list(container.decode(video))
        seconds = float((video.duration or 0) * (video.time_base or 0))
        codec, profile, pixels = video.codec_context.name, str(video.codec_context.profile), str(video.format.name)
    with av.open(BytesIO(content), "r") as container:
        streams = [container.streams.audio[0]] if container.streams.audio else []
        decoded = [frame for stream in streams for frame in container.decode(stream)]
        rate = streams[0].rate if streams else 1
        audio_codec = streams[0].codec_context.name if streams else None
        heights = [np.abs(frame.to_ndarray()).max(axis=0) for frame in decoded]
        whole = np.concatenate([np.zeros(0), *heights])
    tenth = max(1, rate // 10)
    return DecodedVideo(
        codec=codec,
        profile=profile,
        pixels=pixels,
        width=frames[0].width,
        height=frames[0].height,
        frames=len(frames),
        seconds=seconds,
        first=_rgb(frames[0]),
        last=_rgb(frames[-1]),
        audio_codec=audio_codec,
        audio_seconds=len(whole) / rate,
        loudness=[float(whole[start : start + tenth].max()) for start in range(0, len(whole), tenth)],
    )


def _rgb(frame: av.VideoFrame) -> NDArray[np.uint8]:
    # With the colour space that the file states.
    colorspace = frame.colorspace if frame.colorspace == Colorspace.ITU709 else None
    return frame.reformat(format="rgb24", src_colorspace=colorspace).to_ndarray().astype(np.uint8)


def boxes(content: bytes) -> list[str]:
    """The names of the outermost boxes, in order."""
    names, place = [], 0
    while place < len(content):
        size = int.from_bytes(content[place : place + 4], "big")
        names.append(content[place + 4 : place + 8].decode())
        place += size
    assert place == len(content)
    return names


def psnr(one: NDArray[Any], other: NDArray[Any]) -> float:
    """Peak signal-to-noise ratio in dB; 100 for the same."""
    error = float(np.mean((one.astype(float) - other.astype(float)) ** 2))
    return 100.0 if error == 0 else 10 * float(np.log10(255**2 / error))

"""Encodes the result video with PyAV (the extra `media`): a slow zoom over the input image, with optional audio.

FFmpeg's libraries run on one thread and leave no marks of their own, so that the same video gives the same bytes.
"""

import math
from array import array
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from typing import Any

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.error import InvalidDataError
from av.filter import Graph
from av.video.reformatter import ColorRange, Colorspace
from PIL import Image

from evolink_mock.media.mp3_frames import audio_container
from evolink_mock.media.placeholder import colour_of
from evolink_mock.media.probe import apply_orientation
from evolink_mock.media.video import RATE, FileLookup, Video
from evolink_mock.scratch_file import scratch_file

_BT709 = 1
"""Number of BT.709 in ITU-T H.273."""
_ZOOM = 0.08
"""Zoom of the last frame over the first."""
_SOUND_RATE = 44_100
_CHUNK = 1024
"""Samples that AAC encodes at once."""
_SAMPLE = 4
"""Bytes: sixteen bits for each of two channels."""
_TONE, _AMPLITUDE = 441, 3000
"""Frequency in hertz, whose period is a whole number of samples; and the amplitude."""
_CONTAINER = {"movflags": "faststart", "fflags": "bitexact"}
_ENCODER = {"preset": "ultrafast", "crf": "24", "threads": "1", "flags": "bitexact", "g": str(2 * RATE)}


def encode(video: Video, files: FileLookup) -> bytes:
    """The video as MP4. Without its input image it has one colour; without its input audio, a tone."""
    # FFmpeg puts the index first by reading the file again, so it must be one.
    with scratch_file("video.mp4") as path:
        with av.open(str(path), "w", format="mp4", options=_CONTAINER) as container:
            pictures = container.add_stream("libx264", rate=RATE, options=_ENCODER)
            pictures.width, pictures.height = video.size
            pictures.pix_fmt = "yuv420p"
            # Players assume this of frames this large; it is stated all the same.
            context = pictures.codec_context
            context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
            context.color_primaries = context.color_trc = _BT709
            sounds: list[AudioStream] = []
            if video.has_audio:
                sounds.append(container.add_stream("aac", rate=_SOUND_RATE, options={"flags": "bitexact"}))
                sounds[0].layout = "stereo"
            _write(container, pictures, _frames(video, files))
            for stream in sounds:
                _write(container, stream, _chunks(_audio(video, files)))
        return path.read_bytes()


def _write(container: OutputContainer, stream: Any, frames: Iterator[av.VideoFrame | av.AudioFrame]) -> None:
    for frame in frames:
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def _frames(video: Video, files: FileLookup) -> Iterator[av.VideoFrame]:
    width, height = video.size
    tick = Fraction(1, RATE)
    shown: av.VideoFrame = av.VideoFrame.from_image(_image(video, files))  # type: ignore[no-untyped-call]
    first = shown.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG)
    first.pts, first.time_base = 0, tick
    graph = Graph()
    source = graph.add_buffer(width=width, height=height, format=av.VideoFormat("yuv420p"), time_base=tick)
    zoom = graph.add(
        "zoompan",
        f"z=1+{_ZOOM}*on/{video.frames}:x=iw/2-iw/zoom/2:y=ih/2-ih/zoom/2:d={video.frames}:s={width}x{height}:fps={RATE}",
    )
    sink = graph.add("buffersink")
    source.link_to(zoom)
    zoom.link_to(sink)
    graph.configure()
    graph.push(first)
    graph.push(None)
    for number in range(video.frames):
        frame = graph.pull()
        assert isinstance(frame, av.VideoFrame)
        frame.pts, frame.time_base = number, tick
        yield frame


def _image(video: Video, files: FileLookup) -> Image.Image:
    content = None if video.image is None else files(video.image)
    if content is None:
        return Image.new("YCbCr", video.size, colour_of(video)).convert("RGB")
    return apply_orientation(content).resize(video.size, Image.Resampling.LANCZOS)


def _audio(video: Video, files: FileLookup) -> bytes:
    """Samples for the length of the video: longer audio is trimmed, shorter audio padded with silence (S1a)."""
    length = round(video.seconds * _SOUND_RATE) * _SAMPLE
    content = None if video.audio is None else files(video.audio)
    sound = _tone(length) if content is None else _decoded(content, length)
    return bytes(sound[:length]).ljust(length, b"\0")


def _tone(length: int) -> bytes:
    wave = array("h")
    for place in range(_SOUND_RATE // _TONE):
        height = round(_AMPLITUDE * math.sin(2 * math.pi * place * _TONE / _SOUND_RATE))
        wave.extend((height, height))
    whole = wave.tobytes()
    return whole * (length // len(whole) + 1)


def _decoded(content: bytes, length: int) -> bytearray:
    samples = bytearray()
    with audio_container(content) as container:
        resamplers: dict[tuple[str, str, int], av.AudioResampler] = {}
        for packet in container.demux(container.streams.audio[0]):
            # The probe accepted what can be decoded of it.
            with suppress(InvalidDataError):
                for frame in packet.decode():
                    # A resampler takes frames of one format, and the sample rate of an mp3 may change midway.
                    form = (frame.format.name, frame.layout.name, frame.sample_rate)
                    if form not in resamplers:
                        resamplers = {form: av.AudioResampler(format="s16", layout="stereo", rate=_SOUND_RATE)}
                    for each in resamplers[form].resample(frame):
                        samples += bytes(each.planes[0])[: each.samples * _SAMPLE]
            if len(samples) >= length:
                break
    return samples


def _chunks(sound: bytes) -> Iterator[av.AudioFrame]:
    for start in range(0, len(sound), _CHUNK * _SAMPLE):
        part = sound[start : start + _CHUNK * _SAMPLE]
        frame = av.AudioFrame(format="s16", layout="stereo", samples=len(part) // _SAMPLE)
        frame.planes[0].update(part.ljust(frame.planes[0].buffer_size, b"\0"))
        frame.sample_rate, frame.pts = _SOUND_RATE, start // _SAMPLE
        frame.time_base = Fraction(1, _SOUND_RATE)
        yield frame

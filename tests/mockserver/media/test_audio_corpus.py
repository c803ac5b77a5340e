"""A corpus of generated audio files: tags in any encoding, and what may surround the frames of an MP3."""

import struct
from collections.abc import Callable

import pytest

from evolink_mock.core.duration import SECOND
from evolink_mock.media.acceptance import AudioInfo
from evolink_mock.media.encoder import encode
from evolink_mock.media.frame_size import Size
from evolink_mock.media.probe import probe_audio
from evolink_mock.media.video import Video
from tests.support.media.media_samples import audio_file, jpeg

TEXTS = {
    "Latin-1": "Ünïcödé".encode("latin-1"),
    "GBK": "月亮代表我的心".encode("gbk"),
    "Shift JIS": "さくら".encode("shift_jis"),
    "KOI8-R": "Подмосковные вечера".encode("koi8-r"),
    "Big5": "月亮".encode("big5"),
    "Windows-1251": "вечера".encode("cp1251"),
    "UTF-8 cut off": "é".encode()[:1],
    "no encoding at all": bytes(range(128, 256)),
}


def id3v1(text: bytes) -> bytes:
    return b"TAG" + text[:30].ljust(30, b"\0") + text[:30].ljust(30, b" ") + bytes(65)


def size_of_tag(length: int) -> bytes:
    return bytes(length >> shift & 127 for shift in (21, 14, 7, 0))


def id3v2(text: bytes, encoding: int, version: int = 3) -> bytes:
    """A title, an artist and a comment whose bytes do not fit their declared encoding."""
    frames = b""
    for name in (b"TIT2", b"TPE1", b"COMM", b"TXXX"):
        data = bytes([encoding]) + (b"eng" if name == b"COMM" else b"") + text
        frames += name + struct.pack(">I", len(data)) + b"\0\0" + data
    return b"ID3" + bytes([version, 0, 0]) + size_of_tag(len(frames)) + frames


def ape(text: bytes) -> bytes:
    item = struct.pack("<II", len(text), 0) + b"Title\0" + text
    foot = b"APETAGEX" + struct.pack("<IIII", 2000, len(item) + 32, 1, 0) + bytes(8)
    return item + foot


def cover(content: bytes) -> bytes:
    data = b"\0image/jpeg\0\3\0" + content
    frame = b"APIC" + struct.pack(">I", len(data)) + b"\0\0" + data
    return b"ID3\3\0\0" + size_of_tag(len(frame)) + frame


TAGS: dict[str, Callable[[bytes, bytes], bytes]] = {
    "ID3v1": lambda sound, text: sound + id3v1(text),
    "ID3v2 as Latin-1": lambda sound, text: id3v2(text, 0) + sound,
    "ID3v2 as UTF-16": lambda sound, text: id3v2(text, 1) + sound,
    "ID3v2 as UTF-8": lambda sound, text: id3v2(text, 3, 4) + sound,
    "ID3v2 of an unknown encoding": lambda sound, text: id3v2(text, 9) + sound,
    "APE": lambda sound, text: sound + ape(text),
    "APE and ID3v1": lambda sound, text: sound + ape(text) + id3v1(text),
    "both versions of ID3": lambda sound, text: id3v2(text, 0) + sound + id3v1(text),
}


def assert_whole(content: bytes) -> None:
    found = probe_audio(content)
    assert isinstance(found, AudioInfo), found
    assert (found.format, abs(found.seconds - 4) < 0.06) == ("mp3", True), found


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("tag", TAGS)
def test_tags_do_not_decide(tag: str, text: str) -> None:
    assert_whole(TAGS[tag](audio_file(4), TEXTS[text]))


@pytest.mark.parametrize("content", [b"no image at all", b"", jpeg(64, 64), jpeg(64, 64)[:300]], ids=len)
def test_a_cover_does_not_decide(content: bytes) -> None:
    assert_whole(cover(content) + audio_file(4))


def test_a_cover_of_megabytes_does_not_decide() -> None:
    assert_whole(cover(jpeg(2000, 2000) + bytes(3 * 2**20)) + audio_file(4))


JUNK = {
    "a byte": b"\n",
    "a byte-order mark": b"\xef\xbb\xbf",
    "zeros": bytes(4096),
    "many zeros": bytes(60_000),
    "text": b"junk" * 25,
    "a page": b"<html><body>Not found</body></html>\n",
    "a header of a mail": b"Content-Type: audio/mpeg\r\n\r\n",
    "every byte": bytes(range(256)) * 4,
    "a part of a frame": audio_file(4)[60:160],
}


@pytest.mark.parametrize("junk", JUNK)
def test_junk_before_and_behind_the_frames_does_not_decide(junk: str) -> None:
    sound = audio_file(4)
    for content in (JUNK[junk] + sound, sound + JUNK[junk], JUNK[junk] + id3v2(b"\xfc", 0) + sound + id3v1(b"\xfc")):
        assert_whole(content)


@pytest.mark.parametrize("rate", [8000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000])
def test_frames_of_each_rate_are_found_behind_junk(rate: int) -> None:
    assert_whole(JUNK["text"] + audio_file(4, rate=rate))


@pytest.mark.parametrize(
    ("form", "codec", "name"), [("wav", "pcm_s16le", "pcm_s16le"), ("flac", "flac", "flac"), ("mp4", "aac", "mp4")]
)
def test_the_tags_of_another_format_do_not_decide_either(form: str, codec: str, name: str) -> None:
    """The message names the format instead of the encoding of a tag."""
    content = audio_file(5, form, codec)
    if form == "wav":
        info = b"INFOINAM" + struct.pack("<I", 4) + b"\xfc\xfd\xfe\0"
        content += b"LIST" + struct.pack("<I", len(info)) + info
    found = probe_audio(content + id3v1(b"\xfc"))
    assert isinstance(found, AudioInfo), found
    assert found.format == name


def test_audio_with_such_tags_is_in_the_video() -> None:
    sound = JUNK["text"] + id3v2(b"\xfc", 0) + audio_file(4) + id3v1(b"\xfc\xe4")
    video = Video("task", Size(64, 64), 2 * SECOND, audio="0")
    silent = encode(video, {"0": audio_file(4)}.get)
    assert encode(video, {"0": sound}.get) == silent

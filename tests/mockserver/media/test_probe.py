"""A corpus of pictures and sounds, good and bad: what is seen of each by its bytes, and what a task deserves for it."""

import struct
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext, suppress
from functools import cache
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from evolink_contracts.spec import fields
from evolink_mock.media.acceptance import check_file
from evolink_mock.media.probe import apply_orientation, probe_audio, probe_image
from tests.support.media.media_samples import (
    audio_file,
    decompression_bomb,
    encoded,
    jpeg,
    photo,
    rotated_jpeg,
    with_compressed_text,
)

IMAGE, AUDIO = fields.IMAGE_URLS.media, fields.AUDIO_URL.media
UNREADABLE, WRONG = "image_processing_error", "invalid_parameters"
Case = tuple[str, Callable[[], bytes], str | None, str]


def moving(form: str) -> bytes:
    others = [photo().rotate(90), photo().rotate(180)]
    return encoded(photo(), form, save_all=True, append_images=others, duration=100)


def clear(form: str, alpha: int = 100) -> bytes:
    picture = photo().convert("RGBA")
    picture.putpixel((5, 5), (1, 2, 3, alpha))
    return encoded(picture, form)


def palette(transparent: bool) -> bytes:
    return encoded(photo().quantize(16), "PNG", **({"transparency": 3} if transparent else {}))


def padded(content: bytes, size: int) -> bytes:
    return content + bytes(size - len(content))


def with_exif(form: str, content: bytes) -> bytes:
    return encoded(photo(), form, exif=content)


HTML = b"<!doctype html><html><body>Not found</body></html>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="640" height="480"><rect width="9" height="9"/></svg>'
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(2000)
MEGABYTE = 2**20

PICTURES: tuple[Case, ...] = (
    ("jpeg", jpeg, None, ""),
    ("progressive jpeg", lambda: jpeg(progressive=True), None, ""),
    ("grey jpeg", lambda: encoded(photo().convert("L"), "JPEG"), None, ""),
    ("CMYK jpeg", lambda: encoded(photo().convert("CMYK"), "JPEG"), None, ""),
    ("jpeg with bytes behind it", lambda: jpeg() + b"more", None, ""),
    ("jpeg with a second picture, as telephones make", lambda: moving("MPO"), None, ""),
    ("png", lambda: encoded(photo(), "PNG"), None, ""),
    ("grey png", lambda: encoded(photo().convert("L"), "PNG"), None, ""),
    ("png of sixteen bits", lambda: encoded(photo().convert("I;16"), "PNG"), None, ""),
    ("black and white png", lambda: encoded(photo().convert("1"), "PNG"), None, ""),
    ("png with an alpha channel that hides nothing", lambda: clear("PNG", 255), None, ""),
    (
        "png with one pixel to see through",
        lambda: clear("PNG"),
        UNREADABLE,
        "with transparency; png must have none",
    ),
    ("png with a palette", lambda: palette(False), None, ""),
    ("png with a clear colour", lambda: palette(True), UNREADABLE, "transparency"),
    ("moving png", lambda: moving("PNG"), UNREADABLE, "is animated: it has 3 frames"),
    ("packed text", lambda: with_compressed_text(encoded(photo(), "PNG"), 50 * MEGABYTE), None, ""),
    *(
        (
            f"{form} with EXIF that is cut off after {len(head)}",
            lambda form=form, head=head: with_exif(form, head),
            None,
            "",
        )
        for form in ("PNG", "WEBP", "JPEG")
        for head in (b"II*\0", b"II*\0\x08", b"MM\0*")
    ),
    ("bmp", lambda: encoded(photo(), "BMP"), None, ""),
    ("bmp of 32 bits", lambda: encoded(photo().convert("RGBA"), "BMP"), None, ""),
    ("webp", lambda: encoded(photo(), "WEBP"), None, ""),
    ("lossless webp", lambda: encoded(photo(), "WEBP", lossless=True), None, ""),
    ("webp to see through", lambda: clear("WEBP"), None, ""),
    ("moving webp", lambda: moving("WEBP"), UNREADABLE, "is animated"),
    ("gif", lambda: encoded(photo(), "GIF"), UNREADABLE, "format gif; supported: jpeg, jpg, png, bmp, webp"),
    ("moving gif", lambda: moving("GIF"), UNREADABLE, "format gif"),
    ("tiff", lambda: encoded(photo(), "TIFF"), UNREADABLE, "format tiff"),
    ("ico", lambda: encoded(photo(), "ICO"), UNREADABLE, "is not an image"),
    ("heic", lambda: HEIC, UNREADABLE, "is not an image"),
    ("svg", lambda: SVG, UNREADABLE, "is not an image"),
    ("pdf", lambda: encoded(photo(), "PDF"), UNREADABLE, "is not an image"),
    ("html", lambda: HTML, UNREADABLE, "is not an image, whatever its name says"),
    ("a sound", lambda: audio_file(3), UNREADABLE, "is not an image"),
    ("nothing", lambda: b"", UNREADABLE, "is not an image"),
    ("a byte", lambda: b"\xff", UNREADABLE, "is not an image"),
    ("text", lambda: b"a cat playing piano" * 99, UNREADABLE, "is not an image"),
    ("the head of a jpeg", lambda: jpeg()[:200], UNREADABLE, ""),
    ("half a jpeg", lambda: jpeg()[: len(jpeg()) // 2], UNREADABLE, "cannot be read"),
    ("half a png", lambda: encoded(photo(), "PNG")[:9000], UNREADABLE, "cannot be read"),
    ("half a bmp", lambda: encoded(photo(), "BMP")[:9000], UNREADABLE, "cannot be read"),
    ("half a webp", lambda: encoded(photo(), "WEBP")[:3000], UNREADABLE, ""),
    ("the head of a png", lambda: encoded(photo(), "PNG")[:33], UNREADABLE, ""),
    (
        "a bomb",
        lambda: decompression_bomb(20_000, 20_000),
        WRONG,
        "image dimensions must be between 360 and 2000; got far more",
    ),
    ("a bomb that is wide", lambda: decompression_bomb(60_000, 360), WRONG, "got 60000 x 360"),
    ("359 wide", lambda: jpeg(359, 480), WRONG, "got 359 x 480"),
    ("359 high", lambda: jpeg(480, 359), WRONG, "got 480 x 359"),
    ("360 by 360", lambda: jpeg(360, 360), None, ""),
    ("2000 by 2000", lambda: jpeg(2000, 2000), None, ""),
    ("2001 wide", lambda: jpeg(2001, 480), WRONG, "got 2001 x 480"),
    ("2001 high", lambda: jpeg(480, 2001), WRONG, "got 480 x 2001"),
    ("10 MB", lambda: padded(jpeg(), 10 * MEGABYTE), None, ""),
    ("10 MB and a byte", lambda: padded(jpeg(), 10 * MEGABYTE + 1), WRONG, "file size exceeds 10MB"),
    *(
        (f"turned {orientation}", lambda orientation=orientation: rotated_jpeg(orientation), None, "")
        for orientation in range(1, 9)
    ),
)
SOUNDS: tuple[Case, ...] = (
    ("3 s", lambda: audio_file(3), None, ""),
    ("30 s", lambda: audio_file(30), None, ""),
    ("2.9 s", lambda: audio_file(2.9), WRONG, "audio duration must be between 3 and 30 seconds; got 2.9"),
    ("30.2 s", lambda: audio_file(30.2), WRONG, "got 30.2"),
    ("ten minutes", lambda: audio_file(3) * 200, WRONG, "got 60."),
    ("8 kHz", lambda: audio_file(4, rate=8000), None, ""),
    ("mp3 with bytes before it", lambda: b"ID3\x03\0\0\0\0\0\x0a" + bytes(10) + audio_file(4), None, ""),
    ("15 MB and a byte", lambda: padded(audio_file(4), 15 * MEGABYTE + 1), WRONG, "file size exceeds 15MB"),
    ("wav", lambda: audio_file(5, "wav", "pcm_s16le"), WRONG, "supported: mp3"),
    ("aac", lambda: audio_file(5, "adts", "aac"), WRONG, "format aac; supported: mp3"),
    ("flac", lambda: audio_file(5, "flac", "flac"), WRONG, "format flac"),
    ("opus", lambda: audio_file(5, "ogg", "libopus", 48_000), WRONG, "format"),
    ("a picture", jpeg, WRONG, ""),
    ("html", lambda: HTML, WRONG, "read"),
    ("nothing", lambda: b"", WRONG, "cannot be read"),
    ("noise", lambda: bytes(range(256)) * 40, WRONG, ""),
    ("half of an mp3 that is long enough", lambda: audio_file(12)[: len(audio_file(12)) // 2], None, ""),
    ("the head of an mp3", lambda: audio_file(5)[:300], WRONG, ""),
)


def test_the_corpus_is_large() -> None:
    assert len(PICTURES) + len(SOUNDS) >= 60


@pytest.mark.parametrize(("make", "code", "says"), [case[1:] for case in PICTURES], ids=[case[0] for case in PICTURES])
def test_an_image_is_probed_by_its_bytes(make: Callable[[], bytes], code: str | None, says: str) -> None:
    assert IMAGE is not None
    failure = check_file(probe_image(make()), IMAGE)
    assert (None if failure is None else failure.code) == code, failure
    assert says in (failure.message if failure else "")


@pytest.mark.parametrize(("make", "code", "says"), [case[1:] for case in SOUNDS], ids=[case[0] for case in SOUNDS])
def test_audio_is_probed_by_its_bytes(make: Callable[[], bytes], code: str | None, says: str) -> None:
    assert AUDIO is not None
    failure = check_file(probe_audio(make()), AUDIO)
    assert (None if failure is None else failure.code) == code, failure
    assert says in (failure.message if failure else "")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_rotated_image_is_measured_and_shown_upright(orientation: int) -> None:
    content = rotated_jpeg(orientation)
    size = (480, 640) if orientation >= 5 else (640, 480)
    assert probe_image(content).size == size  # type: ignore[union-attr]  # A picture.
    assert apply_orientation(content).size == size
    expected = ImageOps.exif_transpose(Image.open(BytesIO(content))).convert("RGB")
    assert apply_orientation(content).tobytes() == expected.tobytes()


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(("tag", "kind"), [(0x0100, 2), (0x010E, 11), (0x011A, 1)])
def test_a_turned_picture_is_shown_whatever_else_its_exif_holds(form: str, tag: int, kind: int) -> None:
    """Two entries: the orientation, 6, and a width, description or resolution whose value has the wrong type."""
    assert IMAGE is not None
    entries = struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0) + struct.pack("<HHI4s", tag, kind, 1, b"ab")
    content = with_exif(form, b"Exif\0\0II*\0" + struct.pack("<IH", 8, 2) + entries + bytes(4))
    assert check_file(probe_image(content), IMAGE) is None
    assert apply_orientation(content).size == (480, 640)


def test_a_transparent_image_is_shown_on_white() -> None:
    shown = apply_orientation(clear("WEBP", 0))
    assert shown.mode == "RGB"
    glass = encoded(Image.new("RGBA", (400, 400), (0, 0, 0, 0)), "WEBP")
    assert apply_orientation(glass).getpixel((9, 9)) == (255, 255, 255)


SEEDS: tuple[Callable[[], bytes], ...] = (
    jpeg,
    lambda: rotated_jpeg(6),
    lambda: with_exif("PNG", b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0"),
    lambda: encoded(photo(400, 400), "PNG"),
    lambda: encoded(photo(400, 400), "WEBP"),
    lambda: encoded(photo(400, 400), "BMP"),
    lambda: audio_file(3),
)


@cache
def seeds() -> list[bytes]:
    return [make() for make in SEEDS]


BMP = 5
"""The place in SEEDS of the one whose height is in four bytes from the 22nd on."""


@given(
    st.sampled_from(range(len(SEEDS))),
    # The head says most of what could do harm.
    st.lists(st.tuples(st.integers(0, 300) | st.integers(0, 2**20), st.integers(0, 255)), min_size=1, max_size=8),
    st.integers(1, 2**20),
)
@example(BMP, [(25, 1)], 2**20)
@settings(max_examples=150)
def test_no_mutation_of_a_file_does_harm(seed: int, changes: list[tuple[int, int]], length: int) -> None:
    assert IMAGE is not None
    content = bytearray(seeds()[seed])
    for place, value in changes:
        content[place % len(content)] = value
    cut = bytes(content[: length % len(content) + 1])
    for each in (bytes(content), cut):
        good = check_file(probe_image(each), IMAGE) is None
        probe_audio(each)
        # A picture that was found good can be shown; any other is refused as Pillow refuses it.
        with nullcontext() if good else suppress(OSError, SyntaxError, ValueError, Image.DecompressionBombError):
            apply_orientation(each)


HARM = """
import random, resource, sys, time
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
from evolink_mock.media.probe import probe_image, probe_audio
rng = random.Random(int(sys.argv[1]))
for name in sys.argv[2:]:
    whole = open(name, "rb").read()
    for _ in range(40):
        content = bytearray(whole)
        for _ in range(rng.randint(1, 12)):
            content[rng.randrange(min(len(content), rng.choice((64, 400, len(content)))))] = rng.randrange(256)
        began = time.process_time()
        probe_image(bytes(content))
        probe_audio(bytes(content))
        assert time.process_time() - began < 20, name
"""


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_memory_and_time_are_bounded_for_any_file(tmp_path: Path, seed: int) -> None:
    """In a process of its own, which is given 2 GiB and no more."""
    names = []
    for number, content in enumerate(
        [*seeds(), decompression_bomb(1900, 1900), with_compressed_text(encoded(photo(), "PNG"), 20 * MEGABYTE)]
    ):
        (tmp_path / str(number)).write_bytes(content)
        names.append(str(tmp_path / str(number)))
    ran = subprocess.run([sys.executable, "-c", HARM, str(seed), *names], capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr[-2000:]

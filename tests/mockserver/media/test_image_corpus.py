"""A corpus of generated images: each colour type, bit depth and header, and what may surround an image."""

import struct
import zlib
from collections.abc import Callable
from io import BytesIO

import pytest
from PIL import Image

from evolink_mock.media.acceptance import ImageInfo
from evolink_mock.media.probe import apply_orientation, probe_image
from tests.support.media.media_samples import chunk, encoded, jpeg, masked_bmp, photo, png

GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
MEGABYTE = 2**20
SIDE = 9


def facts(content: bytes) -> ImageInfo:
    found = probe_image(content)
    assert isinstance(found, ImageInfo), found
    return found


def in_eight_bits(sample: int, depth: int) -> int:
    return sample >> 8 if depth == 16 else sample * 255 // ((1 << depth) - 1)


def ramp(depth: int, channels: int, alpha: int | None = None) -> list[list[list[int]]]:
    """From 0 to the largest sample, in each row; the last value appears once a row."""
    most = (1 << depth) - 1
    pixel = [[min(most, x * most // (SIDE - 1) + shift) for shift in range(channels)] for x in range(SIDE)]
    return [[each + ([] if alpha is None else [alpha]) for each in pixel] for _ in range(SIDE)]


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_grey_of_each_depth_is_scaled_to_eight_bits(depth: int, interlaced: bool) -> None:
    content = png(ramp(depth, 1), depth, GREY, interlaced=interlaced)
    assert not facts(content).transparent
    shown = apply_orientation(content)
    for x, (sample,) in enumerate(ramp(depth, 1)[0]):
        assert shown.getpixel((x, SIDE - 1)) == (in_eight_bits(sample, depth),) * 3


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("high", [0, 0xABC0])
@pytest.mark.parametrize("present", [True, False])
@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_a_transparent_grey_counts_where_a_pixel_has_it(depth: int, present: bool, high: int, interlaced: bool) -> None:
    """A sample of fewer than 16 bits has the low bits of its two bytes alone."""
    most = (1 << depth) - 1
    used = [most] if depth == 1 else [*range(1, most, max(1, most // 7))]
    for key in used[:3] if present else [0 if depth == 1 else most]:
        rows = [[[used[x % len(used)]] for x in range(SIDE)] for _ in range(SIDE)]
        rows[SIDE // 2][3] = [key] if present else [used[0]]
        value = key | (high & ~most if depth < 16 else 0)
        content = png(rows, depth, GREY, chunk(b"tRNS", struct.pack(">H", value)), interlaced)
        assert facts(content).transparent is present, key


def test_a_transparent_grey_of_sixteen_bits_is_compared_in_all_bits() -> None:
    rows = [[[0x1234]] * SIDE for _ in range(SIDE)]
    for key, present in ((0x1234, True), (0x1235, False), (0x1334, False), (0x12, False), (0x34, False)):
        content = png(rows, 16, GREY, chunk(b"tRNS", struct.pack(">H", key)))
        assert facts(content).transparent is present, key


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("depth", [8, 16])
def test_a_transparent_colour_is_compared_in_all_bits(depth: int, interlaced: bool) -> None:
    most = (1 << depth) - 1
    pixel = [most // 3, most // 5, most // 7]
    rows = [[[1, 2, 3]] * SIDE for _ in range(SIDE)]
    rows[5][2] = pixel
    keys = [(pixel, True)]
    keys += [([*pixel[:place], pixel[place] ^ 1, *pixel[place + 1 :]], False) for place in range(3)]
    keys += [([each >> 8 for each in pixel], False), ([most] * 3, False)]
    for key, present in keys:
        content = png(rows, depth, RGB, chunk(b"tRNS", struct.pack(">3H", *key)), interlaced)
        assert facts(content).transparent is present, key
        assert apply_orientation(content).getpixel((0, 0)) == tuple(in_eight_bits(each, depth) for each in (1, 2, 3))


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
@pytest.mark.parametrize(
    ("alphas", "used", "transparent"),
    [(b"\0", 0, True), (b"\0", 1, False), (b"\x80", 0, True), (b"\xff\x7f", 1, True), (b"\xff\xff", 1, False)],
)
def test_a_palette_counts_where_a_pixel_has_the_entry(depth: int, alphas: bytes, used: int, transparent: bool) -> None:
    palette = chunk(b"PLTE", bytes((255, 0, 0, 0, 255, 0))) + chunk(b"tRNS", alphas)
    content = png([[[used]] * SIDE for _ in range(SIDE)], depth, PALETTE, palette)
    assert facts(content).transparent is transparent
    if not transparent:
        assert apply_orientation(content).getpixel((4, 4)) == ((255, 0, 0), (0, 255, 0))[used]


def test_an_image_without_its_palette_is_refused() -> None:
    assert "palette" in probe_image(png(ramp(2, 1), 2, PALETTE)).why  # type: ignore[union-attr]


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("colour", [GREY_ALPHA, RGBA])
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_an_alpha_channel_counts_where_a_pixel_is_not_opaque(depth: int, colour: int, share: float) -> None:
    channels, most = (1, 3)[colour == RGBA], (1 << depth) - 1
    content = png(ramp(depth, channels, round(share * most)), depth, colour)
    assert facts(content).transparent is (share < 1)
    if share == 1:
        x, sample = 4, ramp(depth, channels)[0][4]
        expected = [in_eight_bits(each, depth) for each in sample] * (3 // channels)
        assert apply_orientation(content).getpixel((x, 4)) == tuple(expected)


@pytest.mark.parametrize("key", [b"", b"\0", b"\0\1\0", bytes(6)])
def test_an_invalid_transparent_colour_is_ignored(key: bytes) -> None:
    assert not facts(png(ramp(8, 1), 8, GREY, chunk(b"tRNS", key))).transparent


def with_chunks(*chunks: bytes) -> bytes:
    content = encoded(photo(400, 400), "PNG")
    return content[:33] + b"".join(chunks) + content[33:]


NOISE = zlib.compress(bytes(3 * MEGABYTE), 9)
BESIDE: dict[str, Callable[[], bytes]] = {
    "a profile of 3 MB": lambda: chunk(b"iCCP", b"profile\0\0" + NOISE),
    "a compressed text": lambda: chunk(b"zTXt", b"Comment\0\0" + NOISE),
    "a compressed international text": lambda: chunk(b"iTXt", b"workflow\0\1\0\0\0" + NOISE),
    "compressed XMP": lambda: chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + NOISE),
    "compressed EXIF as text": lambda: chunk(b"zTXt", b"Raw profile type exif\0\0" + NOISE),
    "a plain text of 4 MB": lambda: chunk(b"tEXt", b"parameters\0" + b"x" * 4 * MEGABYTE),
    "many compressed texts": lambda: chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(MEGABYTE - 1), 9)) * 70,
    "a profile of an unknown method": lambda: chunk(b"iCCP", b"profile\0\1abc"),
    "a broken profile": lambda: chunk(b"iCCP", b"profile"),
    "a text without a keyword": lambda: chunk(b"tEXt", b""),
    "short chunks": lambda: b"".join(
        chunk(kind, b"") for kind in (b"gAMA", b"cHRM", b"sRGB", b"pHYs", b"iTXt", b"zTXt")
    ),
    "a wrong checksum": lambda: chunk(b"tEXt", b"Title\0a")[:-4] + b"oops",
    "a wrong checksum of a transparent colour": lambda: chunk(b"tRNS", bytes(6))[:-4] + b"oops",
    "chunks that no standard names": lambda: chunk(b"prVt", b"anything") * 999,
}


@pytest.mark.parametrize("kind", BESIDE)
def test_chunks_beside_the_image_do_not_decide(kind: str) -> None:
    plain, content = with_chunks(), with_chunks(BESIDE[kind]())
    assert facts(content)[:4] == facts(plain)[:4]
    assert apply_orientation(content).tobytes() == apply_orientation(plain).tobytes()


@pytest.mark.parametrize("form", ["JPEG", "WEBP"])
def test_a_profile_of_any_size_does_not_decide(form: str) -> None:
    content = encoded(photo(400, 400), form, icc_profile=bytes(3 * MEGABYTE), xmp=b"<x>" + bytes(40_000))
    assert apply_orientation(content).tobytes() == apply_orientation(encoded(photo(400, 400), form)).tobytes()


@pytest.mark.parametrize("orienting", ["exif", "text", "xmp"])
def test_an_orientation_is_kept_beside_what_is_left_out(orienting: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    raw = exif.tobytes()
    as_text = f"\nexif\n{len(raw):8}\n{raw.hex()}\n".encode()
    part = {
        "exif": chunk(b"eXIf", raw.removeprefix(b"Exif\0\0")),
        "text": chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(as_text)),
        "xmp": chunk(b"iTXt", b'XML:com.adobe.xmp\0\0\0\0\0<rdf tiff:Orientation="6"/>'),
    }[orienting]
    content = encoded(photo(640, 480), "PNG")
    content = content[:33] + BESIDE["a compressed text"]() + part + content[33:]
    assert facts(content).size == (480, 640)
    assert apply_orientation(content).size == (480, 640)


IMAGES: dict[str, Callable[[], bytes]] = {
    "jpeg": lambda: jpeg(400, 400),
    "progressive jpeg": lambda: jpeg(400, 400, progressive=True),
    "png": lambda: encoded(photo(400, 400), "PNG"),
    "webp": lambda: encoded(photo(400, 400), "WEBP"),
    "bmp": lambda: encoded(photo(401, 400), "BMP"),
}
JUNK = {
    "empty lines": b"\r\n\r\n",
    "a byte-order mark": b"\xef\xbb\xbf",
    "a warning of a script": b"<br />\n<b>Warning</b>: Undefined variable in <b>/srv/image.php</b> on line 3<br />\n",
    "zeros": bytes(512),
    "a header of a mail": b"Content-Type: image/any\r\nContent-Transfer-Encoding: binary\r\n\r\n",
    "text": b"junk",
    "fill bytes": b"\xff",
}


@pytest.mark.parametrize("image", IMAGES)
@pytest.mark.parametrize("junk", JUNK)
def test_junk_before_and_behind_an_image_does_not_decide(image: str, junk: str) -> None:
    content = IMAGES[image]()
    expected = apply_orientation(content).tobytes()
    for each in (JUNK[junk] + content, content + JUNK[junk] * 9, JUNK[junk] + content + JUNK[junk]):
        assert facts(each).format == facts(content).format
        assert apply_orientation(each).tobytes() == expected


ENDS = {
    "jpeg": (b"\xff\xd9", b"\xd9"),
    "progressive jpeg": (b"\xff\xd9", b"\xd9"),
    "png": (b"\0\0\0\0IEND\xaeB`\x82", b"IEND\xaeB`\x82", b"\x82"),
}


@pytest.mark.parametrize("image", ENDS)
def test_a_missing_end_marker_does_not_decide(image: str) -> None:
    content = IMAGES[image]()
    for end in ENDS[image]:
        assert content.endswith(end)
        cut = content[: -len(end)]
        assert facts(cut).format == facts(content).format
        assert apply_orientation(cut).tobytes() == apply_orientation(content).tobytes()
    whole = content.removesuffix(ENDS[image][0])
    for junk in (b"\n", b"junk", bytes(9)):
        assert apply_orientation(whole + junk).tobytes() == apply_orientation(content).tobytes()


def test_an_image_of_which_pixels_are_missing_is_still_refused() -> None:
    for image in IMAGES:
        content = IMAGES[image]()
        for share in (0.5, 0.9, 0.98):
            assert not isinstance(probe_image(content[: int(len(content) * share)]), ImageInfo), (image, share)


def test_a_png_without_the_checksum_of_its_data_is_whole() -> None:
    content = IMAGES["png"]()
    for missing in (12, 14, 16):
        assert apply_orientation(content[:-missing]).tobytes() == apply_orientation(content).tobytes()


def test_a_webp_with_a_wrong_length_is_whole() -> None:
    content = IMAGES["webp"]()
    for wrong in (b"\xff\xff\xff\xff", struct.pack("<I", len(content) + 100)):
        each = content[:4] + wrong + content[8:]
        assert apply_orientation(each).tobytes() == apply_orientation(content).tobytes()


@pytest.mark.parametrize("missing", [1, 2, 3])
def test_a_bmp_without_the_padding_of_its_last_row_is_whole(missing: int) -> None:
    content = encoded(photo(399 + missing, 400), "BMP")
    padding = -3 * (399 + missing) % 4
    assert apply_orientation(content[: len(content) - padding]).tobytes() == apply_orientation(content).tobytes()


MASKS: dict[str, tuple[int, tuple[int, ...]]] = {
    "5-5-5": (16, (0x7C00, 0x3E0, 0x1F)),
    "5-6-5": (16, (0xF800, 0x7E0, 0x1F)),
    "5-6-5 in reverse": (16, (0x1F, 0x7E0, 0xF800)),
    "4-4-4": (16, (0xF00, 0xF0, 0xF)),
    "8-8-8": (32, (0xFF0000, 0xFF00, 0xFF)),
    "8-8-8 in reverse": (32, (0xFF, 0xFF00, 0xFF0000)),
    "8-8-8 in the high bytes": (32, (0xFF000000, 0xFF0000, 0xFF00)),
    "10-10-10": (32, (0x3FF00000, 0xFFC00, 0x3FF)),
    "11-11-10": (32, (0xFFE00000, 0x1FFC00, 0x3FF)),
    "green alone": (32, (0, 0xFF00, 0)),
}
WITH_ALPHA: dict[str, tuple[int, tuple[int, ...]]] = {
    "8-8-8-8": (32, (0xFF0000, 0xFF00, 0xFF, 0xFF000000)),
    "8-8-8-8 in reverse": (32, (0xFF000000, 0xFF0000, 0xFF00, 0xFF)),
    "10-10-10-2": (32, (0x3FF00000, 0xFFC00, 0x3FF, 0xC0000000)),
    "4-4-4-4": (16, (0xF00, 0xF0, 0xF, 0xF000)),
    "5-5-5-1": (16, (0x7C00, 0x3E0, 0x1F, 0x8000)),
}
COLOURS = [(0, 0, 0), (255, 255, 255), (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (0, 255, 255)]


def packed(colour: tuple[int, ...], masks: tuple[int, ...]) -> int:
    """A pixel of full or no share of each mask."""
    return sum(mask for share, mask in zip(colour, masks, strict=False) if share)


@pytest.mark.parametrize("header", [40, 52, 56, 108, 124])
@pytest.mark.parametrize("masks", MASKS)
@pytest.mark.parametrize("flip", [True, False])
def test_a_bmp_of_any_header_and_masks_is_shown(header: int, masks: str, flip: bool) -> None:
    bits, values = MASKS[masks]
    content = masked_bmp(header, bits, values, [[packed(each, values) for each in COLOURS], [0] * 7], flip)
    assert (facts(content).size, facts(content).transparent) == ((7, 2), False)
    shown = apply_orientation(content)
    for x, colour in enumerate(COLOURS):
        assert shown.getpixel((x, 0)) == tuple(share if mask else 0 for share, mask in zip(colour, values, strict=True))
        assert shown.getpixel((x, 1)) == (0, 0, 0)


@pytest.mark.parametrize("header", [40, 56, 108, 124])
@pytest.mark.parametrize("masks", WITH_ALPHA)
def test_the_alpha_of_a_bmp_counts_only_where_it_is_used(header: int, masks: str) -> None:
    bits, values = WITH_ALPHA[masks]
    unused = masked_bmp(header, bits, values, [[packed(each, values) for each in COLOURS]])
    opaque = masked_bmp(header, bits, values, [[packed((*each, 1), values) for each in COLOURS]])
    for content in (unused, opaque):
        assert not facts(content).transparent
        shown = apply_orientation(content)
        assert [shown.getpixel((x, 0)) for x in range(7)] == COLOURS
    mixed = masked_bmp(header, bits, values, [[packed((0, 0, 0, x), values) for x in (0, 1)]])
    assert facts(mixed).transparent
    assert [apply_orientation(mixed).getpixel((x, 0)) for x in (0, 1)] == [(255, 255, 255), (0, 0, 0)]


def test_a_bmp_in_shades_is_scaled() -> None:
    for bits, mask, most in ((16, 0x1F, 31), (32, 0x3FF, 1023), (32, 0xFFFF, 65535), (32, 0xFFFFFF, 0xFFFFFF)):
        values = [most * step // 8 for step in range(9)]
        shown = apply_orientation(masked_bmp(108, bits, (mask, 0, 0), [values]))
        for x, value in enumerate(values):
            found = shown.getpixel((x, 0))
            assert isinstance(found, tuple)
            assert abs(found[0] - 255 * value / most) <= 1


@pytest.mark.parametrize("masks", [(0xF0F, 0, 0), (0xFF00FF, 0xFF00, 0)])
def test_masks_that_no_reader_knows_are_refused(masks: tuple[int, ...]) -> None:
    assert "mask" in probe_image(masked_bmp(108, 32, masks, [[1, 2], [3, 4]])).why  # type: ignore[union-attr]


def test_a_bmp_that_says_it_is_huge_is_not_decoded() -> None:
    content = bytearray(masked_bmp(124, 32, WITH_ALPHA["8-8-8-8"][1], [[1]]))
    content[18:26] = struct.pack("<ii", 60_000, 60_000)
    assert facts(bytes(content)).size == (60_000, 60_000)
    content[18:26] = struct.pack("<ii", 1999, 1999)
    assert "truncated" in probe_image(bytes(content)).why  # type: ignore[union-attr]


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_one_transparent_pixel_among_many_is_found(form: str) -> None:
    picture = photo(400, 400).convert("RGBA")
    picture.putpixel((399, 399), (1, 2, 3, 0))
    assert facts(encoded(picture, form, **({"lossless": True} if form == "WEBP" else {}))).transparent
    assert Image.open(BytesIO(encoded(picture, form))).size == (400, 400)

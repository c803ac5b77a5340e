"""Image decoder: opens an image without what surrounds it, and gives its transparency and its colours in eight bits."""

from array import array
from io import BytesIO

from PIL import Image, ImageChops, ImageFile

from evolink_mock.core.upload import image_start
from evolink_mock.media.bmp_masks import MaskedBmp, is_masked_bmp
from evolink_mock.media.png_chunks import SIGNATURE, essential_chunks

DECODED = ("JPEG", "PNG", "BMP", "WEBP")
_EOI = b"\xff\xd9"
_FILLING = b"\x55" * 64
"""Entropy-coded data that no image ends with: it changes the pixels of one that is not whole."""
_RGB_16 = ("RGB;16B", "RGB;16L")
"""Pillow's names of the high and of the low bytes of RGB in 16 bits, of which it keeps eight."""


class DecodedImage:
    """One image. Raises Pillow's exceptions where it cannot be opened or decoded."""

    def __init__(self, content: bytes, formats: tuple[str, ...] = DECODED) -> None:
        self._content = _normalized(content[image_start(content) :])
        self._formats = formats
        self.opened = self._open(self._content)
        """As Pillow opens it: the format, size and EXIF are known, and no pixel is."""

    def _open(self, content: bytes) -> Image.Image:
        if is_masked_bmp(content):
            return MaskedBmp(BytesIO(content))
        return Image.open(BytesIO(content), formats=self._formats)

    def pixels(self) -> Image.Image:
        """Every pixel decoded: RGB, or RGBA where one of them is transparent."""
        loaded = self._loaded()
        if loaded.mode == "P" and loaded.palette is None:
            raise SyntaxError("the palette is missing")
        if loaded.mode.startswith("I;16"):
            # The high bytes, as for colours of sixteen bits; Pillow's own conversion clips instead.
            grey = Image.frombytes("L", loaded.size, loaded.tobytes()[1::2])
            return _with_alpha(grey, _grey_key(loaded))
        if (
            loaded.format == "PNG"
            and loaded.mode == "RGB"
            and "transparency" in loaded.info
            and self._content[24] == 16
        ):
            return _with_alpha(loaded, self._deep_key(loaded))
        if not loaded.has_transparency_data:
            return loaded.convert("RGB")
        whole = loaded.convert("RGBA")
        low, high = whole.getchannel("A").getextrema()
        # A BMP has four bytes for each pixel also where nothing uses the fourth, which is 0 then.
        unused = loaded.format == "BMP" and high == 0
        return whole.convert("RGB") if low == 255 or unused else whole

    def _loaded(self) -> Image.Image:
        try:
            self.opened.load()
        except OSError:
            whole = None if self.opened.format not in ("JPEG", "MPO") else self._without_end()
            if whole is None:
                raise
            self.opened = whole
        return self.opened

    def _without_end(self) -> Image.Image | None:
        """A JPEG that lacks no more than its end marker: where it is whole, further data changes no pixel."""
        body = self._content.rstrip(b"\xff")
        whole, other = (self._open(body + filling + _EOI) for filling in (b"", _FILLING))
        return whole if whole.tobytes() == other.tobytes() else None

    def _deep_key(self, high: Image.Image) -> Image.Image:
        """Where RGB of 16 bits has the transparent colour, compared in all its bits."""
        low = self._open(self._content)
        assert isinstance(low, ImageFile.ImageFile)
        low.tile = [tile._replace(args=_RGB_16[1]) for tile in low.tile]
        low.load()
        found = Image.new("L", high.size, 255)
        for place, value in enumerate(high.info["transparency"]):
            for part, wanted in ((high, value >> 8), (low, value & 255)):
                same = part.getchannel(place).point([255 * (each == wanted) for each in range(256)])
                found = ImageChops.darker(found, same)
        return ImageChops.invert(found)


def _normalized(content: bytes) -> bytes:
    """The file with what a lenient reader does without."""
    if content.startswith(SIGNATURE):
        return essential_chunks(content)
    if content.startswith(b"RIFF") and int.from_bytes(content[4:8], "little") + 8 > len(content):
        padded = content + b"\0" * (len(content) % 2)
        return padded[:4] + (len(padded) - 8).to_bytes(4, "little") + padded[8:]
    # The bytes that fill up the last row may be missing.
    return content + bytes(3) if content.startswith(b"BM") else content


def _grey_key(picture: Image.Image) -> Image.Image | None:
    key = picture.info.get("transparency")
    if key is None:
        return None
    values = array("H", picture.tobytes())
    if key not in values:
        return None
    return Image.frombytes("L", picture.size, bytes(0 if each == key else 255 for each in values))


def _with_alpha(picture: Image.Image, alpha: Image.Image | None) -> Image.Image:
    shown = picture.convert("RGB")
    if alpha is not None and alpha.getextrema() != (255, 255):
        shown.putalpha(alpha)
    return shown

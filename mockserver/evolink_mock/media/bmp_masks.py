"""BMP with colour masks: any contiguous ones, of 16 or 32 bits, in headers of all versions; Pillow knows a few."""

import struct
from typing import Any, NamedTuple

from PIL import Image, ImageFile, ImageMath

_BITFIELDS, _ALPHA_BITFIELDS = 3, 6
_HEADERS = (40, 52, 56, 108, 124)
_HEAD = struct.Struct("<2sIHHIIiiHHI")


class _Layout(NamedTuple):
    size: tuple[int, int]
    bits: int
    upside_down: bool
    offset: int
    masks: tuple[int, ...]
    """Red, green, blue and alpha."""


class MaskedBmp(ImageFile.ImageFile):
    """A BMP that is opened without decoding it, as Pillow's own readers do."""

    format = "BMP"
    format_description = "Windows Bitmap with colour masks"

    def _open(self) -> None:
        assert self.fp is not None
        self._content: bytes = self.fp.read()
        self._layout = _layout(self._content)
        self._size = self._layout.size
        self._mode = "RGBA" if self._layout.masks[3] else "RGB"

    def load(self) -> Any:
        """Decode the pixels. Raises `OSError`."""
        if self._content:
            decoded = _decode(self._content, self._layout)
            self.im, self._content = decoded.im, b""
        return Image.Image.load(self)


def is_masked_bmp(content: bytes) -> bool:
    """Whether a file is a BMP whose pixels have colour masks."""
    return (
        len(content) >= 54
        and content[:2] == b"BM"
        and int.from_bytes(content[14:18], "little") in _HEADERS
        and int.from_bytes(content[30:34], "little") in (_BITFIELDS, _ALPHA_BITFIELDS)
        and int.from_bytes(content[28:30], "little") in (16, 32)
    )


def _layout(content: bytes) -> _Layout:
    _, _, _, _, offset, header, width, height, _, bits, compression = _HEAD.unpack_from(content)
    if width <= 0 or height == 0:
        raise SyntaxError("the BMP has no pixels")
    # Masks stand behind a header of 40 bytes, and in longer ones at the same place.
    has_alpha = header >= 56 or compression == _ALPHA_BITFIELDS
    masks = struct.unpack_from("<4I" if has_alpha else "<3I", content, 54)
    least = 14 + header + (4 * len(masks) if header == 40 else 0)
    return _Layout((width, abs(height)), bits, height > 0, offset or least, (*masks, 0)[:4])


def _decode(content: bytes, layout: _Layout) -> Image.Image:
    width, height = layout.size
    stride = (width * layout.bits + 31) // 32 * 4
    data = content[layout.offset : layout.offset + stride * height]
    if len(data) < stride * height:
        raise OSError(f"image file is truncated ({len(data)} bytes of {stride * height})")
    mode = "I" if layout.bits == 32 else "I;16"
    pixels = Image.frombytes(mode, layout.size, data, "raw", mode, stride, -1 if layout.upside_down else 1)
    values = pixels.convert("I")
    bands = [_band(values, mask) for mask in (layout.masks if layout.masks[3] else layout.masks[:3])]
    return Image.merge("RGBA" if len(bands) == 4 else "RGB", bands)


def _band(values: Image.Image, mask: int) -> Image.Image:
    """One colour, scaled to eight bits."""
    if not mask:
        return Image.new("L", values.size)
    shift = (mask & -mask).bit_length() - 1
    most = mask >> shift
    if most & (most + 1):
        raise OSError(f"the BMP has a colour mask with a gap: {mask:#010x}")
    # More bits than that show nowhere, and their products would not fit.
    spare = max(0, most.bit_length() - 16)
    shift, most = shift + spare, most >> spare
    found = ImageMath.lambda_eval(
        lambda args: (((args["values"] >> shift) & most) * 255 + most // 2) / most, values=values
    )
    assert isinstance(found, Image.Image)
    return found.convert("L")

"""Minimal H.264 encoder (ITU-T H.264, 08/2021): a still of one colour, written bit by bit.

Hand-written, since no small encoder exists and results must play without the extra `media`; nothing else depends on it
but `mp4` and `placeholder`.

The first macroblock carries its samples as they are, each other one of the frame is predicted from its neighbours, and
every further frame is one word: skip all macroblocks.
"""

from typing import NamedTuple

MACROBLOCK = 16
_FRAME_NUMBERS = 256
"""Range of the eight bits of `log2_max_frame_num_minus4` = 4."""
_LIMITS = ((1620, 40500, 30), (3600, 108000, 31), (5120, 216000, 32), (8192, 245760, 40), (36864, 983040, 51))
"""Macroblocks of a frame and of a second at most, and ten times the level that allows them (table A-1)."""


class Colour(NamedTuple):
    """Limited range: luma from 16 to 235, chroma from 16 to 240."""

    luma: int
    blue: int
    red: int


class _Bits:
    """A string of bits, the first of them the highest."""

    def __init__(self) -> None:
        self._value = 1
        """Behind a leading one, so that zeros at the start count."""

    def put(self, value: int, width: int) -> None:
        self._value = (self._value << width) | value

    def ue(self, *values: int) -> None:
        """Unsigned Exp-Golomb codes (9.1)."""
        for value in values:
            self.put(value + 1, 2 * (value + 1).bit_length() - 1)

    def fill(self, code: int, width: int, times: int) -> None:
        """Write the same code `times` times, without a step for each."""
        word, bytes_of = code, width
        while times:
            if times & 1:
                self.put(word, bytes_of)
            word, bytes_of, times = (word << bytes_of) | word, 2 * bytes_of, times >> 1

    def align(self) -> None:
        self.put(0, -self.length % 8)

    @property
    def length(self) -> int:
        return self._value.bit_length() - 1

    def payload(self) -> bytes:
        """Ended by a one, and zeros up to the next byte."""
        self.put(1, 1)
        self.align()
        return self._value.to_bytes((self.length + 8) // 8, "big")[1:]


def _unit(kind: int, bits: _Bits) -> bytes:
    """A NAL unit: its type, and the payload, in which no start code may be seen (7.4.1.1)."""
    escaped, zeros = bytearray((kind,)), 0
    for byte in bits.payload():
        if zeros >= 2 and byte <= 3:
            escaped.append(3)
            zeros = 0
        escaped.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return bytes(escaped)


class Still(NamedTuple):
    """Parameter sets, the first frame, and what shows it again; `again(n)` is the n-th of those, from 1."""

    level: int
    sequence: bytes
    picture: bytes
    first: bytes
    macroblocks: int

    def again(self, number: int) -> bytes:
        """A frame of which every macroblock is skipped."""
        bits = _Bits()
        bits.ue(0, 5, 0)  # first_mb_in_slice, slice_type P, the picture parameter set
        bits.put(number % _FRAME_NUMBERS, 8)
        bits.put(0, 3)  # No override of references, no reordering, no adaptive marking.
        bits.ue(0, 1)  # slice_qp_delta, and no deblocking
        bits.ue(self.macroblocks)  # mb_skip_run
        return _unit(0x41, bits)


def still(width: int, height: int, rate: int, colour: Colour) -> Still:
    """Even sizes in pixels, frames a second."""
    across, down = (-(-size // MACROBLOCK) for size in (width, height))
    count = across * down
    level = next((level for frame, second, level in _LIMITS if count <= frame and count * rate <= second), 51)
    return Still(
        level,
        _sequence(level, across, down, width, height),
        _picture(),
        _first(across, down, colour),
        count,
    )


def _sequence(level: int, across: int, down: int, width: int, height: int) -> bytes:
    bits = _Bits()
    bits.put(66, 8)  # Constrained baseline:
    bits.put(0b1100_0000, 8)
    bits.put(level, 8)
    bits.ue(0, 4, 2, 1)  # its id, eight bits of frame_num, frames shown as they come, one reference
    bits.put(0, 1)  # No gaps in frame_num.
    bits.ue(across - 1, down - 1)
    bits.put(0b11, 2)  # Frames only, and direct_8x8_inference.
    right, below = across * MACROBLOCK - width, down * MACROBLOCK - height
    bits.put(int(bool(right or below)), 1)
    if right or below:
        bits.ue(0, right // 2, 0, below // 2)
    bits.put(0, 1)  # No usability information.
    return _unit(0x67, bits)


def _picture() -> bytes:
    bits = _Bits()
    bits.ue(0, 0)
    bits.put(0b00, 2)  # CAVLC, and nothing of fields.
    bits.ue(0, 0, 0)  # One slice group, and one reference.
    bits.put(0, 3)  # No weights.
    bits.ue(0, 0, 0)  # No offsets of quantisers.
    bits.put(0b100, 3)  # Deblocking is said by each slice; intra prediction from anything; no redundant slices.
    return _unit(0x68, bits)


def _first(across: int, down: int, colour: Colour) -> bytes:
    bits = _Bits()
    bits.ue(0, 7, 0)  # first_mb_in_slice, slice_type I, the picture parameter set
    bits.put(0, 8)  # frame_num
    bits.ue(0)  # idr_pic_id
    bits.put(0, 2)  # No marking.
    bits.ue(0, 1)  # slice_qp_delta, and no deblocking
    bits.ue(25)  # I_PCM
    bits.align()
    for sample, samples in ((colour.luma, 256), (colour.blue, 64), (colour.red, 64)):
        bits.fill(sample, 8, samples)
    # I_16x16 predicted from the mean (00100), chroma too (1), no change of quantiser (1), no coefficients (1); the
    # number of coefficients is coded in six bits beside the macroblock that has them all (table 9-5).
    plain, beside, width = 0b00100_1_1_1, 0b00100_1_1_000011, 13
    row = across - 1
    if row:
        bits.put(beside, width)
        bits.fill(plain, 8, row - 1)
    if down > 1:
        bits.put(beside, width)
        bits.fill(plain, 8, across * (down - 1) - 1)
    return _unit(0x65, bits)

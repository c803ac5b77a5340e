"""Seeds: ids that never repeat within a world, and random numbers that any process can repeat."""

from hashlib import blake2b
from struct import Struct
from typing import NamedTuple

from evolink_contracts.spec.wire import TASK_ID_PREFIX
from evolink_mock.core.duration import SECOND, Micros

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
_PAIRS = [a + b for a in _ALPHABET for b in _ALPHABET]
_SUFFIXES = 36**8
_FOUR_INTEGERS = Struct(">4I")


class Seed(NamedTuple):
    """Source of a world's ids and random numbers.

    `step` has no factor in common with 36, so `offset + n × step` visits each of the 36⁸ suffixes once before any
    repeats: distinct tasks of one world get distinct ids even where its clock stands still.
    """

    secret: bytes
    offset: int
    step: int
    request_prefix: str
    """Prefix of the world's request ids."""


def derive_seed(server_seed: int, key: str) -> Seed:
    """The seed of the world that belongs to `key`; other keys and other server seeds give unrelated ones."""
    digest = blake2b(key.encode(), key=b"world %d" % server_seed, digest_size=32).digest()
    offset = int.from_bytes(digest[:8], "big") % _SUFFIXES
    step = int.from_bytes(digest[8:16], "big") % (_SUFFIXES // 6) * 6 + 1
    return Seed(digest[16:], offset, step, f"req_{digest[8:12].hex()}")


def _suffix(seed: Seed, n: int) -> str:
    rest, d = divmod((seed.offset + n * seed.step) % _SUFFIXES, 1296)
    rest, c = divmod(rest, 1296)
    a, b = divmod(rest, 1296)
    return _PAIRS[a] + _PAIRS[b] + _PAIRS[c] + _PAIRS[d]


def task_id(seed: Seed, n: int, created: Micros) -> str:
    """The id of a world's n-th task: `task-unified-<unix seconds>-<8 × [a-z0-9]>`."""
    return f"{TASK_ID_PREFIX}{created // SECOND}-{_suffix(seed, n)}"


def request_id(seed: Seed, n: int) -> str:
    """The value of `X-Request-Id` for a world's n-th request."""
    return f"{seed.request_prefix}{n:08x}"


def world_token(seed: Seed, epoch: int) -> str:
    """Token of a world in links: reveals nothing of its key, and changes with every reset."""
    return blake2b(b"%d" % epoch, key=seed.secret, digest_size=12).hexdigest()


def task_random_units(seed: Seed, n: int) -> tuple[float, float, float, float]:
    """Four numbers in [0, 1) for a world's n-th task: a function of both, so no order of calls matters."""
    return _units(seed.secret + b"%d" % n)


def random_unit(seed: Seed, name: str) -> float:
    """A number in [0, 1) for a named draw."""
    return random_units(seed, name)[0]


def random_units(seed: Seed, name: str) -> tuple[float, float, float, float]:
    """Four numbers in [0, 1) for a named draw."""
    return _units(seed.secret + name.encode())


def _units(source: bytes) -> tuple[float, float, float, float]:
    a, b, c, d = _FOUR_INTEGERS.unpack_from(blake2b(source).digest())
    return a / 2**32, b / 2**32, c / 2**32, d / 2**32

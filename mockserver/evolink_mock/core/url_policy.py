"""Callback-URL policy (SSRF): which callback URLs production would call. Pure: the caller passes resolved addresses in.

The documented rules are HTTPS only, at most 2,048 characters, no internal address. An address is
recognised in any spelling that a URL parser or a resolver would understand: dotted, decimal, octal, hexadecimal or
short IPv4, IPv6 with an IPv4 address inside, and Unicode look-alikes that IDNA folds to digits and dots.
"""

import re
import unicodedata
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Literal, NamedTuple, Protocol, TypeAlias

from evolink_contracts.spec.timing import EVOLINK_CALLBACKS

Scope: TypeAlias = Literal["all", "listed"]
PolicyRule: TypeAlias = Literal["length", "characters", "scheme", "credentials", "host", "port", "internal"]


class PolicyViolation(NamedTuple):
    """The rule that a URL breaks, and a message that completes "callback_url …"."""

    rule: PolicyRule
    message: str


_LISTED = tuple(IPv4Network(net) for net in ("127.0.0.1/32", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
"""The ranges that the page names (S1a)."""

# The IANA special-purpose registries: none of these is reached over the public Internet. The contract kit has the same
# ranges written on its own, since it judges this module.
_NOT_PUBLIC_4 = tuple(
    IPv4Network(net)
    for net in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
_PUBLIC_6 = IPv6Network("2000::/3")
_NOT_PUBLIC_6 = tuple(IPv6Network(net) for net in ("2001::/23", "2001:db8::/32", "3fff::/20"))
_NAT64 = IPv6Network("64:ff9b::/96")
_COMPATIBLE = IPv6Network("::/96")
_ISATAP = (0x0000_5EFE, 0x0200_5EFE)

_FORBIDDEN = re.compile(r"[\x00-\x20\x7f\\\s]")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):(?://([^/?#]*))?", re.IGNORECASE | re.ASCII)
_AUTHORITY = re.compile(r"(?P<host>\[[^\[\]]*\]|[^:\[\]]*)(?P<colon>:(?P<port>.*))?")
_IDEOGRAPHIC_DOT = "。"
# The default-ignorable code points of Unicode. UTS 46 refuses some of them, which resolvers may drop all the same.
_IGNORABLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_PLAIN_HOST = re.compile(r"[a-z0-9._-]*")
_NUMBER = re.compile(r"0[xX][0-9a-fA-F]*|[0-9]+", re.ASCII)
_PORT = re.compile(r"[0-9]{1,5}", re.ASCII)
_NAMES_OF_THIS_HOST = (
    *("localhost", "localhost4", "localhost6", "ip6-localhost", "ip6-loopback"),
    *("localhost.localdomain", "localhost4.localdomain4", "localhost6.localdomain6"),
)


class UrlCheck(Protocol):
    """The policy as a function of a URL that is not resolved."""

    def __call__(self, url: str, *, scope: Scope, max_length: int) -> PolicyViolation | None: ...


def check_callback_url(
    url: str,
    addresses: Iterable[str] = (),
    scope: Scope = "all",
    max_length: int = EVOLINK_CALLBACKS.max_url_length,
) -> PolicyViolation | None:
    """The first rule that `url` breaks, or `None` where production would call it.

    `addresses` are what the host's name resolved to, if it was resolved.
    """
    if len(url) > max_length:
        return PolicyViolation("length", f"must have at most {max_length} characters; it has {len(url)}")
    if _FORBIDDEN.search(url):
        return PolicyViolation("characters", "must not contain spaces, control characters or backslashes")
    match = _SCHEME.match(url)
    if match is None or match[1].lower() != "https":
        scheme = "missing" if match is None else repr(match[1][:20])
        hint = _route_hint(match[2] or "") if match is not None and match[1].lower() == "http" else ""
        return PolicyViolation("scheme", f"must start with https://; its scheme is {scheme}{hint}")
    authority = match[2] or ""
    if "@" in authority:
        return PolicyViolation("credentials", "must not contain a user name or password")
    parts = _AUTHORITY.fullmatch(authority)
    if parts is None or not parts["host"]:
        return _NO_HOST
    if parts["colon"] and not _is_port(parts["port"]):
        return PolicyViolation("port", "must have a port from 1 to 65535")
    if parts["host"].startswith("["):
        return _check_address(parts["host"][1:-1], scope)
    host = folded_host(parts["host"])
    return _NO_HOST if host is None else _check_host(host, addresses, scope)


_LOCAL_ADDRESS = re.compile(r"[A-Za-z0-9.:\[\]-]{1,60}", re.ASCII)
"""Addresses that a message may repeat as an option of a shell."""

_NO_HOST = PolicyViolation("host", "must name a host, such as https://your-domain.com/webhooks")


def _is_port(text: str) -> bool:
    # An empty port is the scheme's own.
    return not text or (_PORT.fullmatch(text) is not None and 0 < int(text) <= 65535)


def _check_address(text: str, scope: Scope) -> PolicyViolation | None:
    """Check a host in brackets, which can only be an IPv6 address."""
    try:
        # Python would take a zone after the address, which URLs do not have.
        address = IPv6Address(text.replace("%", "?"))
    except ValueError:
        return PolicyViolation("host", f"has a host that is not a valid address: {_printable(text)}")
    return _internal(f"[{text}]") if is_internal(address, scope) else None


def _check_host(host: str, addresses: Iterable[str], scope: Scope) -> PolicyViolation | None:
    try:
        literal = parse_ipv4(host)
    except ValueError:
        return PolicyViolation("host", f"has a host that is not a valid address: {_printable(host)}")
    if literal is not None:
        return _internal(host) if is_internal(literal, scope) else None
    if scope == "all" and (host in _NAMES_OF_THIS_HOST or host.endswith(".localhost")):
        return _internal(host)
    for address in addresses:
        if is_internal(ip_address(address.partition("%")[0]), scope):
            return _internal(host)
    return None


def _route_hint(authority: str) -> str:
    """The option for an application at http://localhost:3000, the first callback URL that most people try."""
    address = authority.rpartition("@")[2]
    parts = _AUTHORITY.fullmatch(address)
    if parts is None or check_callback_url(f"https://{address}/") is None or not _LOCAL_ADDRESS.fullmatch(address):
        return ""
    return (
        ". Give the public https URL of production, such as https://app.example.com/callback: "
        f"--callback-route https://app.example.com=http://{address} sends its callbacks to your application"
    )


def _internal(host: str) -> PolicyViolation:
    return PolicyViolation(
        "internal",
        f"must not point to an internal address; {_printable(host)} is one. Give the public https URL of production: "
        "--callback-route ORIGIN=http://127.0.0.1:PORT sends its callbacks to a receiver on this machine",
    )


def _printable(host: str) -> str:
    return f"'{ascii(host)[1:-1][:60]}'"


def folded_host(host: str) -> str | None:
    """The host as IDNA's mapping (UTS 46) leaves it, or `None` for what is no host.

    Look-alike digits and dots become plain, and ignorable characters vanish; one dot at the end is dropped.
    """
    mapped = host.lower() if host.isascii() else _mapped(host)
    if mapped is None:
        return None
    name = mapped.removesuffix(".")
    if any(character.isascii() for character in _PLAIN_HOST.sub("", name)):
        return None
    return name if 0 < len(name) <= 253 and "" not in name.split(".") else None


def _mapped(host: str) -> str | None:
    # Nearly all hosts are ASCII, and the tables of UTS 46 take a while to import.
    from idna import IDNAError, uts46_remap

    compatible = _IGNORABLE.sub("", unicodedata.normalize("NFKC", host))
    if not all(character.isascii() or _can_stand_in_a_host(character) for character in compatible):
        return None
    try:
        return uts46_remap(compatible, std3_rules=False).lower()
    except IDNAError:
        return None


def _can_stand_in_a_host(character: str) -> bool:
    # Letters, marks, numbers and symbols: emoji are names in some domains. Not the replacement character.
    letter = unicodedata.category(character)[0] in "LMNS" and character != "\ufffd"
    return letter or character == _IDEOGRAPHIC_DOT


def parse_ipv4(host: str) -> IPv4Address | None:
    """The address that a URL's host spells, or `None` for a name. Raises `ValueError` for what is neither.

    Follows the WHATWG URL rule: a host whose last label is a number is an IPv4 address or invalid.
    """
    labels = host.split(".")
    if not _NUMBER.fullmatch(labels[-1]):
        return None
    if len(labels) > 4:
        raise ValueError("more than four numbers")
    numbers = [_number(label) for label in labels]
    *high, low = numbers
    if any(number > 255 for number in high) or low >= 256 ** (5 - len(numbers)):
        raise ValueError("a number is too large")
    return IPv4Address(sum(number << (24 - 8 * place) for place, number in enumerate(high)) + low)


def _number(label: str) -> int:
    if not _NUMBER.fullmatch(label):
        raise ValueError("a label is not a number")
    if label[:2] in ("0x", "0X"):
        return int(label[2:] or "0", 16)
    return int(label, 8) if label[0] == "0" else int(label)


def is_internal(address: IPv4Address | IPv6Address, scope: Scope = "all") -> bool:
    """Whether an address is internal: under `listed` the page's four ranges, under `all` whatever is not public."""
    if isinstance(address, IPv6Address):
        if any(is_internal(inner, scope) for inner in _inner_addresses(address)):
            return True
        if scope == "listed":
            return False
        if address in _NAT64 or address.ipv4_mapped:
            return False
        return address not in _PUBLIC_6 or any(address in net for net in _NOT_PUBLIC_6)
    return any(address in net for net in (_LISTED if scope == "listed" else _NOT_PUBLIC_4))


def _inner_addresses(address: IPv6Address) -> list[IPv4Address]:
    """Every IPv4 address that a gateway or a stack would take an IPv6 address for."""
    inner = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    low = int(address) & 0xFFFF_FFFF
    if address in _NAT64 or address in _COMPATIBLE or (int(address) >> 32) & 0xFFFF_FFFF in _ISATAP:
        inner.append(IPv4Address(low))
    return [found for found in inner if found is not None]

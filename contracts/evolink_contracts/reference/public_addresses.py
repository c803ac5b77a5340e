"""Classification of a URL's host as public, internal or unsure, by its spelling alone.

The emulator has a table of its own on purpose (`evolink_mock.core.url_policy`): one checks the other.
"""

import re
import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

# The registries of special-purpose addresses (IANA, RFC 6890). Not `is_private`, which changes with Python's version.
_INTERNAL_4 = tuple(
    IPv4Network(net)
    for net in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.2.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
_UNSURE_4 = tuple(
    IPv4Network(net)
    for net in ("192.0.0.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.175.48.0/24")
)
_UNICAST = IPv6Network("2000::/3")
_INTERNAL_6 = tuple(IPv6Network(net) for net in ("2001:db8::/32", "3fff::/20"))
_UNSURE_6 = tuple(
    IPv6Network(net) for net in ("2001::/23", "2620:4f:8000::/48", "64:ff9b::/96", "64:ff9b:1::/48", "::/96")
)


def is_internal(url: str) -> bool | None:
    """Whether the host of an https URL is not on the public internet; `None` where reasonable readers differ."""
    try:
        host = (urlsplit(url).hostname or "").removesuffix(".")
    except ValueError:
        return None
    if not host or not host.isascii():
        return None
    if host == "localhost" or host.endswith(".localhost"):
        return True
    address = _address(host)
    if address is None:
        # A last label that is a number makes the host an address, and this is not a valid one.
        return None if re.fullmatch(r"(0x[0-9a-f]*|[0-9]+)", host.rpartition(".")[2]) else False
    return _is_internal_6(address) if isinstance(address, IPv6Address) else _is_internal_4(address)


def _is_internal_4(address: IPv4Address) -> bool | None:
    if any(address in net for net in _INTERNAL_4):
        return True
    return None if any(address in net for net in _UNSURE_4) else False


def _is_internal_6(address: IPv6Address) -> bool | None:
    inner = address.ipv4_mapped or address.sixtofour
    if inner is not None:
        return _is_internal_4(inner) or None
    if address.is_loopback or address.is_unspecified or any(address in net for net in _INTERNAL_6):
        return True
    # Forms that may carry another address, such as ISATAP's, can be read either way.
    if any(address in net for net in _UNSURE_6) or (int(address) >> 32) & 0xFFFF_FFFF in (0x5EFE, 0x0200_5EFE):
        return None
    return address not in _UNICAST


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        pass
    try:
        # Every spelling that a resolver accepts: 127.1, 0x7f000001, 017700000001.
        return IPv4Address(socket.inet_aton(host))
    except OSError:
        return None

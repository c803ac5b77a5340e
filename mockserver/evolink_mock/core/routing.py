"""Where the bytes of a callback go: the URL is production's, the way is the user's."""

import re
from collections.abc import Mapping
from typing import Literal, NamedTuple, TypeAlias

from evolink_mock.core.verdict import folded_host

SINK = "sink.mock"
"""The host of the scripted receiver inside the emulator."""

_CALLBACK = re.compile(r"https://([^/?#]*)([^#]*)(?:#.*)?", re.IGNORECASE | re.DOTALL)
_PLACE = re.compile(r"(https?)://(\[[0-9a-f:.]+\]|[^\s/?#@:\[\]]+)(?::([0-9]{1,5}))?/?", re.IGNORECASE)
_UNSAFE = re.compile(r"[^!-~]")
"""What cannot stand in a request line. All else is left as it is, since receivers keep secrets in their URLs."""

_PORTS = {"http": 80, "https": 443}


class CallbackUrl(NamedTuple):
    """A callback URL taken apart: `authority` is what `Host` says, `target` the path and query, byte for byte."""

    host: str
    port: int
    authority: str
    target: str

    @property
    def origin(self) -> str:
        """As a route names it."""
        return f"https://{self.authority}"


Kind: TypeAlias = Literal["network", "public", "receiver", "sink"]


class Way(NamedTuple):
    """How one callback travels: to `place`, asking for `url`. `server_name` is whom TLS must prove to be there."""

    kind: Kind
    place: str
    url: str
    authority: str
    server_name: str


class Routing(NamedTuple):
    """The user's routes by origin; `forward_to` takes what no route names, `deliver_public` lets the rest go out."""

    routes: Mapping[str, str]
    forward_to: str = ""
    deliver_public: bool = False
    receivers: frozenset[str] = frozenset()
    """Origins whose receiver is an application in this process."""

    def way(self, url: str) -> Way | None:
        """The way of a callback URL that the verdict has passed, or `None` where none leads there."""
        there = take_apart(url)
        direct = f"{there.origin}{there.target}"
        if there.host == SINK:
            return Way("sink", there.origin, direct, there.authority, there.host)
        if there.origin in self.receivers:
            return Way("receiver", there.origin, direct, there.authority, there.host)
        place = self.routes.get(there.origin) or self.forward_to
        if place:
            return Way("network", place, f"{place}{there.target}", there.authority, there.host)
        if self.deliver_public:
            return Way("public", there.origin, direct, there.authority, there.host)
        return None

    def advice(self, url: str) -> str:
        """What would give a URL its way."""
        origin = take_apart(url).origin
        return (
            f"no route leads to {origin}; start the emulator with --callback-route {origin}=http://127.0.0.1:3000 "
            "(or --forward-to for everything, or --deliver-public to let it out)"
        )


def take_apart(url: str) -> CallbackUrl:
    """Raises `ValueError` for what is no https URL with a host."""
    match = _CALLBACK.fullmatch(url)
    if match is None:
        raise ValueError(f"{url[:80]!r} is not an https URL")
    host, port = _host_and_port(match[1], "https")
    path = match[2] if match[2].startswith("/") else f"/{match[2]}"
    return CallbackUrl(host, port, host if port == _PORTS["https"] else f"{host}:{port}", _UNSAFE.sub(_escaped, path))


def read_origin(text: str) -> str:
    """The left side of a route: `https://app.example.com`, in one spelling. Raises `ValueError`."""
    there = take_apart(text)
    if there.target != "/":
        raise ValueError(f"{text[:80]!r} has a path; a route is for a whole origin, such as https://app.example.com")
    return there.origin


def read_place(text: str) -> str:
    """The right side of a route, or what everything is forwarded to: `http://127.0.0.1:3000`. Raises `ValueError`."""
    match = _PLACE.fullmatch(text.strip())
    if match is None or (match[3] is not None and not 0 < int(match[3]) <= 65535):
        raise ValueError(
            f"{text[:80]!r} is no place to send callbacks to; write http://HOST:PORT or https://HOST:PORT, without a "
            "path: each callback keeps its own"
        )
    port = "" if match[3] is None else f":{int(match[3])}"
    return f"{match[1].lower()}://{match[2].lower()}{port}"


def _host_and_port(authority: str, scheme: str) -> tuple[str, int]:
    host, colon, port = authority.rpartition(":")
    if not colon or port.endswith("]"):
        host, port = authority, ""
    name = host.lower() if host.startswith("[") else folded_host(host)
    if not name or (port and not (port.isascii() and port.isdigit() and 0 < int(port) <= 65535)):
        raise ValueError(f"{authority[:80]!r} is not a host that can be called")
    if not name.isascii():
        try:
            name = name.encode("idna").decode("ascii")
        except UnicodeError:
            raise ValueError(f"{authority[:80]!r} is not a host that can be called") from None
    return name, int(port) if port else _PORTS[scheme]


def _escaped(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode("utf-8", "surrogatepass"))

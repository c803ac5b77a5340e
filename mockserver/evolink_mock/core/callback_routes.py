"""Routes of callbacks: from the origin of a production URL to the destination that the user names."""

import re
from collections.abc import Collection, Mapping
from ipaddress import IPv6Address
from typing import Literal, NamedTuple, TypeAlias

from evolink_mock.core.url_policy import folded_host, parse_ipv4

SINK = "sink.mock"
"""The host of the scripted receiver inside the emulator."""

_CALLBACK = re.compile(r"https://([^/?#]*)([^#]*)(?:#.*)?", re.IGNORECASE | re.ASCII | re.DOTALL)
_AUTHORITY = re.compile(r"(\[[^\[\]@]*\]|[^:@\[\]]+)(?::([0-9]{0,5}))?", re.ASCII)
_PLACE = re.compile(r"(https?|https\+insecure)://([^/?#]+)/?", re.IGNORECASE | re.ASCII)
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
_SUCH_AS = "a route takes a whole origin, such as https://app.example.com"
_UNSAFE = re.compile(r"[^!-~]")
"""Characters that a request line cannot hold. All others are kept, since receivers keep secrets in their URLs."""

_INSECURE = "https+insecure://"
"""For development servers with a certificate of their own, which is not verified."""
_PORTS = {"http": 80, "https": 443}


class CallbackUrl(NamedTuple):
    """A parsed callback URL: `authority` is the value of `Host`, `target` the path and query, byte for byte."""

    host: str
    port: int
    authority: str
    target: str

    @property
    def origin(self) -> str:
        """The origin, as a route names it."""
        return f"https://{self.authority}"


Kind: TypeAlias = Literal["network", "public", "receiver", "sink"]


class Destination(NamedTuple):
    """Destination of one callback: the address `place`, the request `url`, and the name that TLS verifies parsed."""

    kind: Kind
    place: str
    url: str
    authority: str
    server_name: str

    @property
    def insecure(self) -> bool:
        """Whether the certificate of the receiver is not verified."""
        return self.place.startswith(_INSECURE)


class CallbackRoutes(NamedTuple):
    """Routes by origin. `forward_to` takes all other callbacks; `deliver_public` lets the rest go to the Internet."""

    routes: Mapping[str, str]
    forward_to: str = ""
    deliver_public: bool = False
    receivers: Collection[str] = frozenset()
    """Origins whose receiver is an application in this process."""
    in_process: bool = False
    """Whether the emulator runs in the process of a test, where applications can be receivers."""

    def destination(self, url: str) -> Destination | None:
        """The destination of a callback URL that the policy allows, or `None` where no route leads there."""
        parsed = parse_callback_url(url)
        direct, name = f"{parsed.origin}{parsed.target}", parsed.host.strip("[]")
        if parsed.host == SINK:
            # Each script is a receiver of its own, so the whole URL is the place.
            return Destination("sink", direct, direct, parsed.authority, name)
        if parsed.origin in self.receivers:
            return Destination("receiver", parsed.origin, direct, parsed.authority, name)
        place = self.routes.get(parsed.origin) or self.forward_to
        if place:
            url = f"{place.replace(_INSECURE, 'https://', 1)}{parsed.target}"
            return Destination("network", place, url, parsed.authority, name)
        if self.deliver_public:
            return Destination("public", parsed.origin, direct, parsed.authority, name)
        return None

    def hint(self, url: str) -> str:
        """The options or calls that would route a URL."""
        origin = parse_callback_url(url).origin
        if self.in_process:
            return (
                f"no receiver for the callbacks of {origin}; add your ASGI or WSGI application: "
                f'evolink_mock.receive("{origin}", app), or receivers={{"{origin}": app}} where the emulator is made'
            )
        return (
            f"no route leads to {origin}; start the emulator with --callback-route {origin}=http://127.0.0.1:3000 "
            "(or --forward-to for everything, or --deliver-public to send it to its public address)"
        )


def parse_callback_url(url: str) -> CallbackUrl:
    """Parse any URL that the policy allows. Raises `ValueError` for what is no https URL with a host."""
    match = _CALLBACK.fullmatch(url)
    found = match and _host_and_port(match[1])
    if match is None or found is None:
        raise ValueError(f"{_cut(url)} is not an https URL with a public host")
    host, port = found
    path = match[2] if match[2].startswith("/") else f"/{match[2]}"
    port = port or _PORTS["https"]
    return CallbackUrl(host, port, host if port == _PORTS["https"] else f"{host}:{port}", _UNSAFE.sub(_escaped, path))


def parse_origin(text: str) -> str:
    """The left side of a route: `https://app.example.com`, in one spelling. Raises `ValueError`."""
    try:
        parsed = parse_callback_url(text.strip())
    except ValueError:
        raise ValueError(f"{_cut(text)} is not an https URL with a public host; {_SUCH_AS}") from None
    if parsed.target != "/" or "?" in text or "#" in text:
        raise ValueError(f"{_cut(text)} has a path; {_SUCH_AS}")
    return parsed.origin


def parse_host(text: str) -> str:
    """A host alone, in one spelling. Raises `ValueError`."""
    found = _host_and_port(text)
    if found is None or found[1] or ":" in text.rpartition("]")[2] or not _is_callable(found[0]):
        raise ValueError(f"{_cut(text)} is not the host of a callback URL, such as app.example.com")
    return found[0]


def parse_destination(text: str) -> str:
    """The right side of a route, or what everything is forwarded to: `http://127.0.0.1:3000`. Raises `ValueError`."""
    match = _PLACE.fullmatch(text.strip())
    found = match and _host_and_port(match[2])
    if match is None or found is None or match[2].endswith(":") or not _is_callable(found[0]):
        raise ValueError(
            f"{_cut(text)} is not a target for callbacks; write http://HOST:PORT or https://HOST:PORT, without a "
            "path: each callback keeps its own; https+insecure://HOST:PORT verifies no certificate"
        )
    host, port = found
    return f"{match[1].lower()}://{host}{f':{port}' if port else ''}"


def _host_and_port(authority: str) -> tuple[str, int] | None:
    """The host in one ASCII spelling, and the port, 0 where none is given."""
    match = _AUTHORITY.fullmatch(authority)
    if match is None or not int(match[2] or 1) or int(match[2] or 0) > 65535:
        return None
    if match[1].startswith("["):
        try:
            return f"[{IPv6Address(match[1][1:-1])}]", int(match[2] or 0)
        except ValueError:
            return None
    name = folded_host(match[1])
    if name is None:
        return None
    try:
        # In the one spelling that is not ambiguous.
        name = str(parse_ipv4(name) or name)
    except ValueError:
        return None
    return ".".join(map(_ascii, name.split("."))), int(match[2] or 0)


def _ascii(label: str) -> str:
    # A label that IDNA would refuse gets a name too: one that no resolver knows.
    return label if label.isascii() else f"xn--{label.encode('punycode').decode('ascii')}"


def _is_callable(host: str) -> bool:
    """Whether a resolver could be asked for it."""
    return host.startswith("[") or (len(host) <= 253 and all(map(_LABEL.fullmatch, host.split("."))))


def _cut(text: str) -> str:
    return repr(text if len(text) <= 80 else f"{text[:80]}…")


def _escaped(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode("utf-8", "surrogatepass"))

"""Hosts of an emulator that only its own machine can reach: a defence against names that are rebound to loopback."""

from collections.abc import Callable
from ipaddress import ip_address
from urllib.parse import unquote_to_bytes, urlsplit

from evolink_mock.worlds.config import sent_host

_CONTROL = b"__mock"
_PROBES = (b"/__mock/health", b"/__mock/ready")
"""Open to everyone, since orchestrators call them."""


class OwnHosts:
    """Validates the `Host` of requests.

    A page whose name was rebound to 127.0.0.1 is of the same origin as the emulator for its browser, which then sends
    neither `Origin` nor `Sec-Fetch-Site` with a GET. Its name alone shows it: it is neither a name of loopback, nor an
    address, nor the host of the public URL.
    """

    def __init__(self, public_url: Callable[[], str]) -> None:
        self._public_url = public_url

    def is_own(self, host: bytes) -> bool:
        """Whether a `Host` can belong to this machine."""
        try:
            name = (urlsplit(f"//{host.decode('ascii')}").hostname or "").removesuffix(".")
        except ValueError:
            return False
        if name in ("", "localhost") or name.endswith(".localhost"):
            return True
        try:
            ip_address(name)
        except ValueError:
            return name == sent_host(self._public_url())
        return True

    @staticmethod
    def is_open(url: bytes, *, has_origin: bool) -> bool:
        """Whether a request is answered whatever host it names: no control call, and sent by no page."""
        if has_origin:
            return False
        path = unquote_to_bytes(url.partition(b"?")[0])
        return _CONTROL not in path or path in _PROBES

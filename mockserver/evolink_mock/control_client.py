"""Client of a running emulator's control API, for the commands that ask it."""

import json
import os
import re
from collections.abc import Mapping
from ipaddress import ip_address
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import anyio
import httpx
import msgspec

from evolink_mock.pem_files import marked_authorities

_CONTROL_ERROR = "mock_control_error"
_CAUSES: Mapping[str, str] = MappingProxyType(
    {
        "certificate is not valid for": "use a host name that the certificate is for",
        "CERTIFICATE_VERIFY_FAILED": "SSL_CERT_FILE names a file with the certificate authorities to trust",
        "WRONG_VERSION_NUMBER": "it speaks plain HTTP: write http://",
        "RECORD_LAYER_FAILURE": "it speaks plain HTTP: write http://",
    }
)
"""The likely cause by a part of the error's text."""
_NOT_HTTP = ("Server disconnected", "Connection reset", "illegal status line")
"""The errors that a port of HTTPS causes to a request by HTTP, and others too."""
_PROXY = "the proxy of the environment (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY) cannot be used"
_UNCOMPRESSED = {b"Accept-Encoding": b"identity"}
MAX_ANSWER = 16 * 1024 * 1024
"""In bytes; an explanation has a few thousand, since repeated queries are one line."""
_ELSEWHERE = "say where the emulator is with --url or EVOLINK_BASE_URL"


def inert(text: str) -> str:
    """The text without characters that control a terminal, or that no encoding has."""
    return re.sub(r"[^\n\x20-\x7e\xa0-\ud7ff\ue000-\U0010ffff]", "�", text)


def inert_json(value: object) -> str:
    """JSON in which such characters are escaped."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return re.sub(r"[\x7f-\x9f\ud800-\udfff]", lambda found: f"\\u{ord(found[0]):04x}", text)


def without_secrets(url: str) -> str:
    """A base URL without credentials, query, fragment and trailing slash, to be called and shown."""
    scheme, mark, rest = url.partition("#")[0].partition("?")[0].partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{mark}{host.rpartition('@')[2]}{slash}{path}".rstrip("/")


def is_base_url(url: str) -> bool:
    """Whether a request can be sent to the URL."""
    try:
        parts, port = urlsplit(url), urlsplit(url).port
        host = httpx.URL(url).host
    except (ValueError, httpx.InvalidURL):
        return False
    return parts.scheme in ("http", "https") and bool(host) and port != 0 and not re.search(r"\s", parts.netloc)


def is_sendable(secret: str) -> bool:
    """Whether a header can carry a key or token, in UTF-8."""
    return secret == secret.strip() and not re.search(r"[\x00-\x1f\x7f]", secret)


class Unreachable(Exception):
    """No emulator answers at the URL; the message has the reason, and what to change."""


class ControlClient:
    """Calls of one emulator. Calls to this machine never go through a proxy."""

    def __init__(
        self,
        base_url: str,
        key: str | None = None,
        token: str | None = None,
        *,
        verify: bool = True,
        timeout: float = 30,
    ) -> None:
        self._base_url = base_url
        self._verify = verify
        self._timeout = timeout
        self._headers = {b"Authorization": os.fsencode(f"Bearer {key}")} if key else {}
        self._headers |= {b"X-Mock-Token": os.fsencode(token)} if token else {}

    def get(self, path: str) -> tuple[int, dict[str, Any]]:
        """The status and the JSON of a response; of an error, one of the control API. Raises `Unreachable`.

        It ends within the time-out, whatever arrives meanwhile, and takes at most `MAX_ANSWER` bytes. No event loop may
        run in this thread.
        """
        status, content = anyio.run(self._exchange, path)
        return self._checked(path, status, content)

    async def _exchange(self, path: str) -> tuple[int, bytes]:
        """The status and the body of a response, on an event loop, since only that can end a read that has begun."""
        try:
            with anyio.fail_after(self._timeout):
                async with self._open() as client, client.stream("GET", self._base_url + path) as response:
                    return response.status_code, await self._body(response, path)
        except TimeoutError:
            raise Unreachable(self._reason(f"it took longer than {self._timeout:g} s")) from None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise Unreachable(self._reason(str(error) or type(error).__name__)) from None

    async def _body(self, response: httpx.Response, path: str) -> bytes:
        if response.headers.get("content-encoding", "identity") != "identity":
            raise self.foreign(f"its response to {path} is compressed, which was not requested")
        content = bytearray()
        async for chunk in response.aiter_raw():
            content += chunk
            if len(content) > MAX_ANSWER:
                raise self.foreign(f"its response to {path} has more than {MAX_ANSWER:,} bytes")
        return bytes(content)

    def _open(self) -> httpx.AsyncClient:
        try:
            # With a transport of its own a client asks neither the environment nor the system for proxies.
            verify = self._verify and (marked_authorities() or True)
            direct = httpx.AsyncHTTPTransport(verify=verify) if _is_local(self._base_url) else None
            return httpx.AsyncClient(
                headers=self._headers | _UNCOMPRESSED, transport=direct, verify=verify, timeout=self._timeout
            )
        except OSError as error:
            raise Unreachable(f"the certificate authorities of SSL_CERT_FILE cannot be read: {error}") from None
        except ImportError as error:
            raise Unreachable(f"{_PROXY}: {error}") from None
        except (ValueError, httpx.InvalidURL):
            # The error may show a password that is part of a proxy's URL.
            raise Unreachable(f"{_PROXY}: a proxy is such as http://127.0.0.1:3128") from None

    def _checked(self, path: str, status: int, content: bytes) -> tuple[int, dict[str, Any]]:
        try:
            found = msgspec.json.decode(content)
        except (msgspec.DecodeError, RecursionError):
            raise self.foreign(f"its response to {path} is not JSON") from None
        if status != 200 and not _is_control_error(found):
            raise self.foreign(f"it answered {status} to {path}")
        if not isinstance(found, dict):
            raise self.foreign(f"its response to {path} is not a JSON object")
        return status, found

    def foreign(self, why: str) -> Unreachable:
        """The error for a response that no emulator sends."""
        return Unreachable(f"{self._base_url} is not an emulator: {why}; {_ELSEWHERE}")

    def _reason(self, why: str) -> str:
        if cause := next((cause for part, cause in _CAUSES.items() if part in why), ""):
            return f"no connection to {self._base_url}: {why}; {cause}"
        mixed_up = self._base_url.startswith("http://") and any(part in why for part in _NOT_HTTP)
        hint = "if it speaks HTTPS, write https://" if mixed_up else _ELSEWHERE
        return f"no emulator answers at {self._base_url}: {why}; {hint}"


def _is_control_error(found: object) -> bool:
    error = found.get("error") if isinstance(found, dict) else None
    if not isinstance(error, dict) or error.get("type") != _CONTROL_ERROR:
        return False
    return isinstance(error.get("code"), str) and isinstance(error.get("message"), str)


def _is_local(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
        if host.rstrip(".") == "localhost" or host.rstrip(".").endswith(".localhost"):
            return True
        address = ip_address(host)
        return (getattr(address, "ipv4_mapped", None) or address).is_loopback or address.is_unspecified
    except ValueError:
        return False

"""Client of a running emulator's control API, for the commands that ask it."""

from collections.abc import Mapping
from ipaddress import ip_address
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import httpx

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
_ELSEWHERE = "say where the emulator is with --url or EVOLINK_BASE_URL"


class Unreachable(Exception):
    """No emulator answers at the URL; the message has the reason, and what to change."""


class ControlClient:
    """Calls of one emulator. Calls to this machine never go through a proxy."""

    def __init__(self, base_url: str, key: str | None = None, token: str | None = None) -> None:
        self._base_url = base_url
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._headers |= {"X-Mock-Token": token} if token else {}

    def get(self, path: str) -> tuple[int, dict[str, Any]]:
        """The status and the JSON of a response; of an error, one of the control API. Raises `Unreachable`."""
        direct = {"http://": None, "https://": None} if _is_local(self._base_url) else {}
        try:
            with httpx.Client(headers=self._headers, mounts=direct, timeout=30) as client:
                answer = client.get(self._base_url + path)
            found = answer.json()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unreachable(self._reason(str(error) or type(error).__name__)) from None
        except ValueError:
            raise Unreachable(
                f"{self._base_url} is not an emulator: its response to {path} is not JSON; {_ELSEWHERE}"
            ) from None
        if answer.status_code != 200 and not _is_control_error(found):
            raise Unreachable(
                f"{self._base_url} is not an emulator: it answered {answer.status_code} to {path}; {_ELSEWHERE}"
            )
        return answer.status_code, found

    def _reason(self, why: str) -> str:
        if cause := next((cause for part, cause in _CAUSES.items() if part in why), ""):
            return f"no connection to {self._base_url}: {why}; {cause}"
        mixed_up = self._base_url.startswith("http://") and any(part in why for part in _NOT_HTTP)
        hint = "if it speaks HTTPS, write https://" if mixed_up else _ELSEWHERE
        return f"no emulator answers at {self._base_url}: {why}; {hint}"


def _is_control_error(found: object) -> bool:
    error = found.get("error") if isinstance(found, dict) else None
    return isinstance(error, dict) and error.get("type") == _CONTROL_ERROR


def _is_local(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False

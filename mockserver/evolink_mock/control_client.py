"""Client of a running emulator's control API, for the commands that ask it."""

from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import httpx

_CONTROL_ERROR = "mock_control_error"


class Unreachable(Exception):
    """No emulator answers at the URL; the message has the reason."""


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
            raise Unreachable(f"no emulator answers at {self._base_url}: {error}") from None
        except ValueError:
            raise Unreachable(f"{self._base_url} is no emulator: its response to {path} is not JSON") from None
        if answer.status_code != 200 and not _is_control_error(found):
            raise Unreachable(f"{self._base_url} is no emulator: it answered {answer.status_code} to {path}")
        return answer.status_code, found


def _is_control_error(found: object) -> bool:
    error = found.get("error") if isinstance(found, dict) else None
    return isinstance(error, dict) and error.get("type") == _CONTROL_ERROR


def _is_local(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False

"""Client configuration: arguments, else environment variables, else the documented defaults."""

import os
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from evolink_client._create import SENDABLE
from evolink_client._errors import NotConfigured
from evolink_client._flows import Request

BASE_URL = "https://api.evolink.ai"


@dataclass(frozen=True)
class Config:
    """The base URL and the API key, which is left out of the `repr`."""

    api_key: str = field(repr=False)
    base_url: str = BASE_URL

    def asks(self, request: Request) -> dict[str, Any]:
        """The arguments with which httpx sends the request."""
        own = {"Authorization": f"Bearer {self.api_key}", "Accept": "application/json", "User-Agent": "evolink-client"}
        if request.content is not None:
            own["Content-Type"] = "application/json"
        return {
            "method": request.method,
            "url": f"{self.base_url}{request.path}",
            "content": request.content,
            "headers": {**own, **request.headers},
            "timeout": request.timeout,
            "follow_redirects": False,
        }


def configure(api_key: str | None, base_url: str | None) -> Config:
    """The configuration from arguments and environment. Raises `NotConfigured`."""
    key = os.environ.get("EVOLINK_API_KEY", "") if api_key is None else api_key
    if not key.strip():
        raise NotConfigured("there is no API key: set EVOLINK_API_KEY, or pass api_key")
    if not SENDABLE.fullmatch(key):
        raise NotConfigured("the API key has a character in it that no header can carry, such as a space")
    url = (base_url or os.environ.get("EVOLINK_BASE_URL") or BASE_URL).rstrip("/")
    parts = urlsplit(url)
    # Credentials in the URL would displace the key, and a query would swallow the path.
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or parts.query:
        raise NotConfigured(f"the base URL must be such as {BASE_URL}; got {_shown(url)!r}")
    return Config(key, url)


def _shown(url: str) -> str:
    scheme, mark, rest = url.partition("://")
    return f"{scheme}{mark}{rest.rpartition('@')[2]}"[:80]

"""Where requests go and who sends them: arguments, else environment, else the documented defaults."""

import os
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from evolink_client._errors import NotConfigured
from evolink_client._flows import Request

BASE_URL = "https://api.evolink.ai"
_KEY = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True)
class Config:
    """The key is shown by nothing."""

    api_key: str = field(repr=False)
    base_url: str = BASE_URL

    def asks(self, request: Request) -> dict[str, Any]:
        """A request as httpx takes it."""
        own = {"Authorization": f"Bearer {self.api_key}", "Accept": "application/json", "User-Agent": "evolink-client"}
        return {
            "method": request.method,
            "url": f"{self.base_url}{request.path}",
            "json": request.json,
            "headers": {**own, **request.headers},
            "timeout": request.timeout,
            "follow_redirects": False,
        }


def configure(api_key: str | None, base_url: str | None) -> Config:
    """Raises `NotConfigured`."""
    key = os.environ.get("EVOLINK_API_KEY", "") if api_key is None else api_key
    if not key.strip():
        raise NotConfigured("there is no API key: set EVOLINK_API_KEY, or pass api_key")
    if not _KEY.fullmatch(key):
        raise NotConfigured("the API key has a character in it that no header can carry, such as a space")
    url = (base_url or os.environ.get("EVOLINK_BASE_URL") or BASE_URL).rstrip("/")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise NotConfigured(f"the base URL must be such as {BASE_URL}; got {url[:80]!r}")
    return Config(key, url)

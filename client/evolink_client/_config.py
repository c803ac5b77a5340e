"""Client configuration: arguments, else environment variables, else the documented defaults."""

import os
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx

from evolink_client._create import SENDABLE
from evolink_client._errors import NotConfigured
from evolink_client._flows import Request
from evolink_client._http.body import IDENTITY
from evolink_client._models import Seconds

BASE_URL = "https://api.evolink.ai"


@dataclass(frozen=True)
class Config:
    """The base URL and the API key, which is left out of the `repr`."""

    api_key: str = field(repr=False)
    base_url: str = BASE_URL

    def asks(self, request: Request) -> dict[str, Any]:
        """The arguments with which httpx sends the request."""
        own = {"Authorization": f"Bearer {self.api_key}", "Accept": "application/json", "User-Agent": "evolink-client"}
        own |= IDENTITY
        if request.content is not None:
            own["Content-Type"] = "application/json"
        return {
            "method": request.method,
            "url": f"{self.base_url}{request.path}",
            "content": request.content,
            "headers": {**own, **request.headers},
            "timeout": time_outs(request.timeout),
        }


def time_outs(seconds: Seconds) -> httpx.Timeout:
    """Time-outs of one exchange. Those before it is sent come a little earlier, so that they are known as such."""
    before = seconds - min(0.05, seconds / 20)
    return httpx.Timeout(seconds, connect=before, pool=before)


def configure(api_key: str | None, base_url: str | None) -> Config:
    """The configuration from arguments and environment. Raises `NotConfigured`."""
    key = os.environ.get("EVOLINK_API_KEY", "") if api_key is None else api_key
    if not key.strip():
        raise NotConfigured("there is no API key: set EVOLINK_API_KEY, or pass api_key")
    if not SENDABLE.fullmatch(key):
        raise NotConfigured("the API key has a character in it that no header can carry, such as a space")
    # An empty argument is refused, since a variable of a script that was not set would lead to the paid service.
    url = (os.environ.get("EVOLINK_BASE_URL") or BASE_URL) if base_url is None else base_url
    if not url.strip():
        raise NotConfigured(f"the base URL is empty: give one such as {BASE_URL}, or leave it out")
    url = url.rstrip("/")
    if not _is_base_url(url):
        raise NotConfigured(f"the base URL must be such as {BASE_URL}; got {_shown(url)!r}")
    return Config(key, url)


def _is_base_url(url: str) -> bool:
    """Whether a path can follow the URL, and the key be sent to it."""
    try:
        parts, port = urlsplit(url), urlsplit(url).port
        sendable = httpx.URL(url)
        scheme, _ = sendable.scheme, sendable.host  # The host is decoded, which may fail.
    except (ValueError, httpx.InvalidURL):
        return False
    # Credentials in the URL would displace the key; a query or a fragment would swallow the path.
    odd = "@" in parts.netloc or "?" in url or "#" in url or port == 0 or re.search(r"\s", parts.netloc)
    return scheme in ("http", "https") and bool(parts.hostname) and not odd


def _shown(url: str) -> str:
    """The URL without what may be a secret: credentials, a query, a fragment."""
    scheme, mark, rest = url.partition("://") if "://" in url else ("", "", url)
    place = rest.rpartition("@")[2]
    shown = re.split("[?#]", place, maxsplit=1)[0]
    sign = place[len(shown) : len(shown) + 1]
    return f"{scheme}{mark}{shown}"[:80] + (f"{sign}…" if sign else "")

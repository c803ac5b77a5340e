"""Diagnosis of a service that cannot be checked: a wrong base URL, a refused key, a missing token, or no emulator."""

import json
import re
from urllib.parse import urlsplit

from evolink_contracts.target.transports import Response
from evolink_contracts.trace.events import decoded
from evolink_contracts.trace.header import without_secrets
from evolink_contracts.trace.history import CREDITS_PATH

KEY_REFUSED = "it refused the API key: is --api-key or EVOLINK_API_KEY right?"
_CLOCK = frozenset({"now", "mode", "next_event", "attempts_in_flight"})
_EXCERPT = 100


NOT_SENDABLE = "is empty, or has a character that no header can carry, such as a line break or a space at its end"


def is_sendable(key: str) -> bool:
    """Whether a header can carry a key, in UTF-8."""
    return bool(key) and key == key.strip() and not re.search(r"[\x00-\x1f\x7f]", key)


def is_base_url(url: str) -> bool:
    """Whether requests can be sent to a URL."""
    import httpx

    plain = without_secrets(url)
    try:
        parts, port = urlsplit(plain), urlsplit(plain).port
        host = httpx.URL(plain).host
    except (ValueError, httpx.InvalidURL):
        return False
    return parts.scheme in ("http", "https") and bool(host) and port != 0 and not re.search(r"\s", parts.netloc)


def wrong_base_url(base_url: str, what: str = "the base URL") -> str:
    """A sentence about a URL that ends in the path of an API; empty for any other. `what` names the URL."""
    shown = without_secrets(base_url)
    found = re.search(r"/(v1|__mock)$", urlsplit(shown).path)
    if not found:
        return ""
    return f"{what} ends in {found[0]}, which the kit adds itself: write {shown.removesuffix(found[0])}"


def control_trouble(response: Response, what: str) -> str:
    """Why the answer to `GET /__mock/clock` is not that of an emulator; empty if it is. `what` names the call.

    Some services answer 200 to anything, but only an emulator shows the state of its clock.
    """
    found = decoded(response.text)
    body = found if isinstance(found, dict) else {}
    if response.status == 200 and body.keys() >= _CLOCK:
        return ""
    error = body.get("error")
    code, message = (error.get("code"), error.get("message")) if isinstance(error, dict) else (None, None)
    if code == "key_refused":
        return f"it refused the API key: {message}"
    if code == "token_required":
        return "its control API needs a token: set EVOLINK_MOCK_CONTROL_TOKEN"
    if response.status == 401:
        return KEY_REFUSED
    return f"it has no control API, as an emulator has: {what} answered {describe(response)}"


def keys_trouble(response: Response, what: str) -> str:
    """Why an emulator refuses the keys that the kit makes from the given one; empty if it accepts them."""
    trouble = control_trouble(response, what)
    if not trouble:
        return ""
    return (
        "the emulator accepts only some API keys, and the kit needs a new one for each probe: "
        "start it without --keys and without only_keys"
    )


def credits_trouble(response: Response, base_url: str) -> str:
    """Why an answer to `GET /v1/credits` shows a wrong base URL; empty if it does not."""
    wrong = wrong_base_url(base_url)
    return f"{wrong} (GET {CREDITS_PATH} answered {describe(response)})" if wrong and response.status == 404 else ""


def describe(response: Response) -> str:
    """The status and the beginning of an answer; of a page only that it is one."""
    kind = response.headers.get("content-type", "").partition(";")[0].strip()
    if kind == "text/html" or re.match(r"\s*<(!doctype|html)", response.text, re.IGNORECASE):
        return f"{response.status} with an HTML page"
    text = " ".join(response.text.split())
    shown = text if len(text) <= _EXCERPT else f"{text[:_EXCERPT]}…"
    return f"{response.status} {shown if shown.isprintable() else json.dumps(shown)}" if shown else f"{response.status}"

"""Diagnosis of a service that cannot be checked: a wrong base URL, a refused key, a missing token, or no emulator."""

import json
import re
from urllib.parse import urlsplit

from evolink_contracts.target.transports import Response
from evolink_contracts.trace.events import decoded
from evolink_contracts.trace.header import without_secrets
from evolink_contracts.trace.history import CREDITS_PATH

_CLOCK = frozenset({"now", "mode", "next_event", "attempts_in_flight"})
_EXCERPT = 100


def wrong_base_url(base_url: str) -> str:
    """A sentence about a base URL that ends in the version of the API; empty for any other."""
    shown = without_secrets(base_url)
    if not re.search(r"/v1$", urlsplit(shown).path):
        return ""
    return f"the base URL ends in /v1, which the kit adds itself: write {shown.removesuffix('/v1')}"


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
        return "it refused the API key: is --api-key or EVOLINK_API_KEY right?"
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

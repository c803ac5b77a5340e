"""A curl command that repeats a recorded call."""

import re
import shlex

from evolink_contracts.trace.events import Call

_EXCERPT = 300
_LONGEST_BODY = 4000
"""Enough for a prompt that is one character too long, or a URL."""
_WHOLE_URL = re.compile("https?://")
_ASSUMED = {"content-type": "application/json"}
"""Headers of a request with a body, if its headers were not recorded."""
_SERVICE_PATH = re.compile("/(?!/)")
"""A path that is certainly on the service, whatever the recording says."""


def curl(call: Call, base_url: str | None) -> str:
    """A shell command that repeats a call. The key comes from EVOLINK_API_KEY, and is sent to the service only.

    If the service is unknown, its base URL comes from EVOLINK_BASE_URL.
    """
    # The method that curl uses by itself.
    usual = "GET" if call.sent is None else "POST"
    words = ["curl", "-s", "-i", "-g", *(["-X", call.method] if call.method != usual else [])]
    line = f"{shlex.join(words)} {_url(call.path, base_url)}"
    if call.access == "granted" and _SERVICE_PATH.match(call.path):
        line += ' -H "Authorization: Bearer $EVOLINK_API_KEY"'
    elif call.access == "wrong":
        line += ' -H "Authorization: Bearer sk-invalid-key"'
    sent_headers = _ASSUMED if call.sent_headers is None and call.sent is not None else call.sent_headers or {}
    for name, value in sent_headers.items():
        line += f" -H {shlex.quote(f'{name}: {value}')}"
    if call.sent is not None:
        # Otherwise curl would send the content type of a form.
        line += "" if "content-type" in sent_headers else " -H content-type:"
        line += f" --data-raw {shlex.quote(_shortened(call.sent))}"
    return line


def _url(path: str, base_url: str | None) -> str:
    if _WHOLE_URL.match(path):
        return shlex.quote(path)
    if base_url is None:
        return f'"$EVOLINK_BASE_URL"{shlex.quote(path) if path else ""}'
    return shlex.quote(f"{base_url.rstrip('/')}{path}")


def _shortened(body: str) -> str:
    if len(body) <= _LONGEST_BODY:
        return body
    return f"{body[:_EXCERPT]}… (shortened: it does not repeat the call as it is)"

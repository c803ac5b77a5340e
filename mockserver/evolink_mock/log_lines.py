"""Log lines: a request, or a text of any origin, as one line of printable characters without secrets."""

import json
import logging
import re

from evolink_mock.core.redaction import LONGEST_SPELLING, REDACTED, masked_key, redact

log = logging.getLogger("evolink_mock")

_LONGEST_TARGET = 300
"""Characters of a path and its query in a line."""
_LONGEST_REASON = 400


_NAMES = "key|token|secret|passw|auth|cookie|credential"
_SECRET_NAME = re.compile(_NAMES, re.IGNORECASE)
_SECRET_PARAMETER = re.compile(rf"([?&;](?=[^=&;#?]*?(?:{_NAMES}))[^=&;#?]*+=)[^&;#]+", re.IGNORECASE)
_OPEN_HEADERS = frozenset({"idempotency-key"})
_LIKELY_KEY = re.compile(r"\b(sk|Bearer)(-|%20|\+)[\w.~%-]{3,}", re.IGNORECASE)


def without_secrets(target: str) -> str:
    """A path and its query where the key of the request is not known: parameters with a name as of secrets, and what
    begins like a key, are redacted."""
    return _LIKELY_KEY.sub(rf"\1\2{REDACTED}", _SECRET_PARAMETER.sub(rf"\1{REDACTED}", target))


def without_secret_header(name: str, value: str) -> str:
    """The value of a header as it is shown: redacted where the name is as of secrets, and without those of a URL."""
    if name not in _OPEN_HEADERS and _SECRET_NAME.search(name):
        return REDACTED
    return without_secrets(value) if name == "referer" else value


def one_line(text: str, limit: int) -> str:
    """A text whose line breaks, control characters and other characters that cannot be seen are escaped."""
    shown = text if text.isprintable() else "".join(map(_visible, text))
    return shown if len(shown) <= limit else f"{shown[:limit]}…"


def _visible(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape", "surrogatepass").decode()


def request_line(
    method: str,
    target: bytes,
    status: int,
    seconds: float,
    *,
    key: str,
    task: str | None = None,
    scenario: str = "",
    fault: str | None = None,
    error: bytes = b"",
    remark: str = "",
) -> str:
    """`POST /v1/videos/generations 200 1.2 ms sk-t…our task-unified-… [scenario: header create=…]`.

    `error` is the body of an error response; its code and message are shown.
    """

    def safe(raw: bytes, limit: int) -> str:
        beginning = raw[: 4 * limit + 4 + LONGEST_SPELLING * len(key)]
        return one_line(redact(beginning, key).decode("utf-8", "backslashreplace"), limit)

    parts = [
        one_line(method, 20),
        without_secrets(safe(target, _LONGEST_TARGET)),
        str(status) if status else "no response",
        f"{seconds * 1000:.1f} ms",
        one_line(masked_key(key), 20) if key else "-",
        *([one_line(task, 100)] if task else []),
        *([safe(_reason(error).encode("utf-8", "surrogatepass"), _LONGEST_REASON)] if error else []),
        *([f"[{one_line(remark, _LONGEST_REASON)}]"] if remark else []),
        *([f"[scenario: {safe(scenario.encode(), _LONGEST_REASON)}]"] if scenario else []),
        *([f"[fault: {fault}]"] if fault else []),
    ]
    return " ".join(part for part in parts if part)


def _reason(body: bytes) -> str:
    try:
        error = json.loads(body)["error"]
        return f"{error['code']}: {error['message']}"
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""

"""Response parsing: the typed value of a 200, or the error for any other response."""

from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import NamedTuple, TypeVar
from urllib.parse import urlsplit

from evolink_client._errors import ApiError, UnexpectedAnswer, error_class
from evolink_client._json import Unusable, decode
from evolink_client._models import Malformed, Seconds

_SHOWN = 500
MAX_ANSWER = 4 * 1024 * 1024
"""In bytes; a response of the API has about one thousand."""

Value = TypeVar("Value")


class Answer(NamedTuple):
    """A complete HTTP response; its header names are in lower case. `base_url` is that of the client, for messages."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    base_url: str = ""

    @property
    def request_id(self) -> str | None:
        return self.headers.get("x-request-id") or self.headers.get("x-oneapi-request-id")


def read(answer: Answer, reader: Callable[[object], Value], now: Seconds) -> Value:
    """The value of a 200. Raises `ApiError` for an error response and `UnexpectedAnswer` for anything else."""
    if answer.status != 200:
        raise refusal(answer, now)
    try:
        return reader(decode(answer.content))
    except Unusable as error:
        raise UnexpectedAnswer(f"the answer {error}", answer.status, _excerpt(answer), _foreign(answer)) from None
    except ValueError:
        kind = answer.headers.get("content-type", "no content type")
        raise UnexpectedAnswer(
            f"the answer is no JSON ({kind})", answer.status, _excerpt(answer), _foreign(answer)
        ) from None
    except Malformed as error:
        raise UnexpectedAnswer(str(error), answer.status, _excerpt(answer), _foreign(answer)) from None


_NAMED = frozenset({"code", "message", "type", "param", "request_id"})


def refusal(answer: Answer, now: Seconds) -> ApiError | UnexpectedAnswer:
    """The error for a response other than 200; `now` is the date in Unix seconds."""
    if answer.status < 400:
        return UnexpectedAnswer(
            "the API neither answered nor refused", answer.status, _excerpt(answer), _foreign(answer)
        )
    try:
        body = decode(answer.content)
    except ValueError:
        body = None
    error = body.get("error") if isinstance(body, dict) else None
    found = error if isinstance(error, dict) else {}
    code, message = found.get("code"), found.get("message")
    return error_class(answer.status)(
        answer.status,
        message if isinstance(message, str) else _excerpt(answer),
        # In the documented error of the credits call the code is the status as a number; an upstream's body had it too.
        None if code is None or isinstance(code, dict | list) else str(code),
        _text(found.get("type")),
        _text(found.get("param")),
        answer.request_id or _text(found.get("request_id")),
        retry_after(answer.headers.get("retry-after"), now),
        {name: value for name, value in found.items() if name not in _NAMED},
        _likely_cause(answer, of_the_api=bool(found)),
    )


def _unexpected(what: str, answer: Answer) -> UnexpectedAnswer:
    return UnexpectedAnswer(what, answer.status, _excerpt(answer), _foreign(answer))


def _likely_cause(answer: Answer, *, of_the_api: bool) -> str:
    """The likely cause of an error response, if it is a wrong base URL or key; else empty."""
    if not answer.base_url:
        return ""
    if answer.status == 404 and urlsplit(answer.base_url).path.endswith("/v1"):
        return _doubled(answer.base_url)
    if answer.status == 401:
        return f"is the API key right for {answer.base_url}?"
    return "" if of_the_api else _foreign(answer)


def _foreign(answer: Answer) -> str:
    """The likely cause of a response that is not one of the API."""
    if not answer.base_url:
        return ""
    if urlsplit(answer.base_url).path.endswith("/v1"):
        return _doubled(answer.base_url)
    return f"is {answer.base_url} the base URL of EvoLink's API, or of an emulator of it?"


def _doubled(base_url: str) -> str:
    return f"the base URL {base_url} ends in /v1, which the client adds itself: write {base_url.removesuffix('/v1')}"


def retry_after(text: str | None, now: Seconds) -> Seconds | None:
    """Seconds to wait, from a `Retry-After` header in seconds or as a date; `None` if it is neither."""
    if text is None:
        return None
    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(parsedate_to_datetime(text).timestamp() - now, 0.0)
    except (ValueError, OverflowError, OSError):
        return None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _excerpt(answer: Answer) -> str:
    return answer.content[: 4 * _SHOWN].decode("utf-8", "replace")[:_SHOWN]

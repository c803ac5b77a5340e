"""Transport to receivers that are applications in the same process."""

import logging
import traceback
from pathlib import PurePath

import httpx

from evolink_mock.clock import wall_micros
from evolink_mock.core.callback_routes import parse_callback_url
from evolink_mock.core.delivery import AttemptResult
from evolink_mock.core.redaction import redact
from evolink_mock.delivery.receivers import Receivers
from evolink_mock.delivery.transport import AttemptRequest, excerpt, is_cancelled

log = logging.getLogger("evolink_mock")

_LOGGED = 100
"""Places of exceptions that are remembered, so that each is logged once."""
_STATUSES = range(100, 1000)


class ApplicationTransport:
    """Sends to the application that takes the callbacks of an origin. Its owner runs its lifespan."""

    def __init__(self, receivers: Receivers) -> None:
        self._receivers = receivers
        self._logged: set[tuple[str, str, str]] = set()

    async def send(self, request: AttemptRequest) -> AttemptResult:
        began = wall_micros()
        url = request.destination.url
        transport = self._receivers.transport(parse_callback_url(url).origin)
        try:
            response = await transport.handle_async_request(
                httpx.Request("POST", url, headers=request.headers, content=request.body)
            )
            status = _checked_status(response.status_code)
            body = b"".join([part async for part in response.aiter_raw()])
        except GeneratorExit:
            raise
        except BaseException as error:  # `pytest.fail` and `sys.exit` raise what is no `Exception`.
            if is_cancelled(error):
                raise
            place = _place(error)
            self._log(error, place, request)
            detail = excerpt(f"{_shown(error)}{place}".encode("utf-8", "backslashreplace"), request)
            return AttemptResult(error="crashed", detail=detail, latency=wall_micros() - began)
        return AttemptResult(status, excerpt=excerpt(body, request), latency=wall_micros() - began)

    def _log(self, error: BaseException, place: str, request: AttemptRequest) -> None:
        """Log the traceback of an exception, once for each receiver, type and place, and not for each attempt."""
        origin = parse_callback_url(request.destination.url).origin
        known = (origin, type(error).__name__, place)
        if not place or known in self._logged or len(self._logged) >= _LOGGED:
            return
        self._logged.add(known)
        shown = _traceback(error)
        if request.world is not None:
            shown = redact(shown.encode("utf-8", "backslashreplace"), request.world.key).decode("utf-8", "replace")
        log.error("the receiver of %s raised an exception\n%s", origin, shown)

    async def close(self) -> None:
        """Nothing is open."""


def _checked_status(status: object) -> int:
    """The status of a response, which an ASGI application may give as a value of any type."""
    if isinstance(status, bool) or not isinstance(status, int) or status not in _STATUSES:
        raise ValueError(f"the status of a response must be an integer from 100 to 999; got {repr(status)[:40]}")
    return int(status)


def _place(error: BaseException) -> str:
    """The innermost line that raised an error, without the directory of its file; empty for a check of this module."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames or frames[-1].filename == __file__:
        return ""
    return f" at {PurePath(frames[-1].filename).name}:{frames[-1].lineno}, in {frames[-1].name}"


def _traceback(error: BaseException) -> str:
    try:
        return "".join(traceback.format_exception(error)).rstrip()
    except Exception:  # The text of an error is the application's code, too.
        return "".join(traceback.format_tb(error.__traceback__)) + type(error).__name__


def _shown(error: BaseException) -> str:
    """An error with its type: the representation of some is their message alone."""
    kind = type(error).__name__
    try:
        shown = repr(error)
    except Exception:  # It is the application's code, too.
        return kind
    return shown if shown.startswith(kind) else f"{kind}: {shown}"

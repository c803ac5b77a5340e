"""Transport to receivers that are applications in the same process."""

import httpx

from evolink_mock.clock import wall_micros
from evolink_mock.core.callback_routes import parse_callback_url
from evolink_mock.core.delivery import AttemptResult
from evolink_mock.delivery.receivers import Receivers
from evolink_mock.delivery.transport import AttemptRequest, excerpt, is_cancelled

_STATUSES = range(100, 1000)


class ApplicationTransport:
    """Sends to the application that takes the callbacks of an origin. Its owner runs its lifespan."""

    def __init__(self, receivers: Receivers) -> None:
        self._receivers = receivers

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
            detail = excerpt(_shown(error).encode("utf-8", "backslashreplace"), request)
            return AttemptResult(error="crashed", detail=detail, latency=wall_micros() - began)
        return AttemptResult(status, excerpt=excerpt(body, request), latency=wall_micros() - began)

    async def close(self) -> None:
        """Nothing is open."""


def _checked_status(status: object) -> int:
    """The status of a response, which an ASGI application may give as a value of any type."""
    if isinstance(status, bool) or not isinstance(status, int) or status not in _STATUSES:
        raise ValueError(f"the status of a response must be an integer from 100 to 999; got {repr(status)[:40]}")
    return int(status)


def _shown(error: BaseException) -> str:
    """An error with its type: the representation of some is their message alone."""
    kind = type(error).__name__
    try:
        shown = repr(error)
    except Exception:  # It is the application's code, too.
        return kind
    return shown if shown.startswith(kind) else f"{kind}: {shown}"

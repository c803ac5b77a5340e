"""One exchange over httpx, as far as it is the same for both shells: what is sent, how much is read, what failed."""

from collections.abc import Mapping

import httpx

from evolink_client._answers import MAX_ANSWER, Answer
from evolink_client._clock import Clock
from evolink_client._errors import ConnectionFailed, RequestTimedOut, UnexpectedAnswer
from evolink_client._flows import Request


class Reading:
    """The body of an answer as it comes: bounded in size, and in the time that the whole of it may take."""

    def __init__(self, request: Request, clock: Clock) -> None:
        self._request = request
        self._clock = clock
        self._until = clock.now() + request.timeout
        self._content = bytearray()

    def over(self, chunk: bytes) -> bool:
        """Take a piece; whether the time is over. httpx's own limits are for each piece alone."""
        self._content += chunk
        if len(self._content) > MAX_ANSWER:
            beginning = bytes(self._content[:500]).decode("utf-8", "replace")
            raise UnexpectedAnswer(f"the answer has more than {MAX_ANSWER} bytes", 200, beginning)
        return self._clock.now() > self._until

    def answer(self, status: int, headers: Mapping[str, str]) -> Answer:
        return Answer(status, headers, bytes(self._content))

    def timed_out(self) -> RequestTimedOut:
        return _timed_out(self._request)


def lost(request: Request, error: httpx.HTTPError) -> ConnectionFailed:
    """Why no answer came, without what httpx knows of the request, which has the key in it."""
    if isinstance(error, httpx.TimeoutException):
        return _timed_out(request)
    why = str(error) or type(error).__name__
    return ConnectionFailed(f"{request.method} {request.path} got no answer: {why}")


def _timed_out(request: Request) -> RequestTimedOut:
    return RequestTimedOut(f"{request.method} {request.path} took longer than {request.timeout:g} s")

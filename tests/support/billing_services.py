"""Services that bill creates in ways of their own, whatever they say about it."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from evolink_contracts.reference.errors import NoResponse
from evolink_contracts.target.transports import Response
from evolink_contracts.trace.events import decoded
from evolink_contracts.trace.history import CREATE_PATH, CREDITS_PATH

LOST = 0
"""The status of a response that never arrives."""
KEY = "sk-live"
"""The key of the account that is billed."""
REFUSALS = (400, 401, 402, 403)


class Billed(NamedTuple):
    """The treatment of one create: the status of its answer, the credits that it says, and those that it bills."""

    status: int
    says: object
    bills: float
    replayed: bool = False


class BillingService:
    """Answers each create by the next treatment, and the last one goes on. `shows` makes the answer of the credits
    call from what was really billed, and `wanted` says what a create may cost at most."""

    def __init__(
        self,
        treatments: Iterable[Billed],
        shows: Callable[[float], tuple[int, Any]],
        wanted: Callable[[Mapping[str, Any]], float],
    ) -> None:
        self._treatments: Iterator[Billed] = iter(treatments)
        self._current = Billed(400, 0, 0)
        self._shows = shows
        self._wanted = wanted
        self.billed = 0.0
        self.highest = 0.0
        """The most that would have been billed if each create had cost its highest price."""

    def send(self, method: str, path: str, headers: Mapping[str, str], content: bytes | None) -> Response:
        if (method, path) == ("GET", CREDITS_PATH):
            status, body = self._shows(self.billed)
            if status == LOST:
                raise NoResponse("the balance was lost")
            return Response(status, {}, body if isinstance(body, bytes) else json.dumps(body).encode())
        if (method, path) != ("POST", CREATE_PATH):
            return Response(404, {}, b"{}")
        if headers.get("authorization") != f"Bearer {KEY}":
            return Response(401, {}, b"{}")
        body = decoded((content or b"").decode())
        self._current = next(self._treatments, self._current)
        self.highest = max(self.highest, self.billed + self._wanted(body if isinstance(body, dict) else {}))
        self.billed += self._current.bills
        if self._current.status == LOST:
            raise NoResponse("the response was lost")
        answer = {"id": "t", "status": "pending", "usage": {"credits_reserved": self._current.says}}
        return Response(
            self._current.status,
            {"idempotency-replayed": "true"} if self._current.replayed else {},
            json.dumps(answer).encode(),
        )

    def close(self) -> None:
        """Does nothing."""


def credits_of(used: object, remaining: object) -> dict[str, Any]:
    figures = {"used_credits": used, "remaining_credits": remaining}
    return {"data": {"token": {**figures, "unlimited_credits": False}, "user": figures}}


def truthful(billed: float) -> tuple[int, Any]:
    return 200, credits_of(100 + billed, 1000 - billed)

"""Answers of the control API as typed values, which a service that is no emulator cannot give in any way it likes."""

from collections.abc import Iterator
from typing import NamedTuple

from evolink_contracts.reference.numbers import finite_number
from evolink_contracts.spec.wire import Seconds

_LATEST = 1e11
"""In Unix seconds, of the year 5138."""
_MOST_IN_FLIGHT = 1_000_000


class ClockState(NamedTuple):
    """The clock of a key: the time, when something happens next, and the attempts to deliver callbacks under way."""

    now: Seconds
    next_event: Seconds | None
    attempts_in_flight: int


class RecordedAttempt(NamedTuple):
    """An attempt to deliver a callback; `status` is `None` if the receiver gave none."""

    started: Seconds
    finished: Seconds
    status: int | None


class RecordedDelivery(NamedTuple):
    """A callback, and the attempts to deliver it."""

    url: str
    attempts: tuple[RecordedAttempt, ...]


def clock_state(body: object) -> ClockState | None:
    """The state of a clock; `None` if the body shows none that is possible."""
    fields = body if isinstance(body, dict) else {}
    now, following, under_way = _time(fields.get("now")), fields.get("next_event"), fields.get("attempts_in_flight")
    when = None if following is None else _time(following)
    if now is None or (following is not None and when is None):
        return None
    if type(under_way) is not int or not 0 <= under_way <= _MOST_IN_FLIGHT:
        return None
    return ClockState(now, when, under_way)


def deliveries(body: object) -> list[RecordedDelivery] | None:
    """The deliveries of a log; `None` if the body is none."""
    rows = body.get("deliveries") if isinstance(body, dict) else None
    if not isinstance(rows, list):
        return None
    found = [_delivery(row) for row in rows]
    whole = [each for each in found if each is not None]
    return whole if len(whole) == len(found) else None


def _delivery(row: object) -> RecordedDelivery | None:
    fields = row if isinstance(row, dict) else {}
    url, attempts = fields.get("url"), fields.get("attempts")
    if not isinstance(url, str) or not isinstance(attempts, list):
        return None
    found = tuple(_attempts(attempts))
    return RecordedDelivery(url, found) if len(found) == len(attempts) else None


def _attempts(rows: list[object]) -> Iterator[RecordedAttempt]:
    """The attempts that are whole."""
    for row in rows:
        fields = row if isinstance(row, dict) else {}
        started, finished, status = _time(fields.get("started")), _time(fields.get("finished")), fields.get("status")
        if started is not None and finished is not None and (status is None or type(status) is int):
            yield RecordedAttempt(started, finished, status)


def _time(value: object) -> Seconds | None:
    time = finite_number(value)
    return time if time is not None and 0 <= time <= _LATEST else None

"""Registry of the promises by number, and the check of a trace by them."""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from evolink_contracts.promises import PROMISES
from evolink_contracts.promises.promise import Judgement, Promise
from evolink_contracts.spec.wire import Seconds
from evolink_contracts.trace.events import Trace
from evolink_contracts.trace.history import TOLERANCE, History

BY_NUMBER: Mapping[str, Promise] = MappingProxyType({promise.number: promise for promise in PROMISES})
"""Every promise by its number, in order."""


def judge(trace: Trace, chosen: Iterable[str] | None = None, tolerance: Seconds = TOLERANCE) -> Iterator[Judgement]:
    """Check a trace by the chosen promises, or by all. Raises `KeyError` for an unknown number."""
    history = History(trace, tolerance)
    for number in BY_NUMBER if chosen is None else chosen:
        yield BY_NUMBER[number].judge(history)

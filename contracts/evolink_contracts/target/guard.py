"""Guards: checks of each create before it is sent, and of its answer."""

from collections.abc import Mapping
from typing import Protocol

from evolink_contracts.reference.errors import FaultyCreateAccepted
from evolink_contracts.reference.oracle import assess_create
from evolink_contracts.trace.events import Call
from evolink_contracts.trace.history import Create


class Guard(Protocol):
    """Each method raises `RunStopped` if the run must end, or `CreateWithheld` if this create must not be sent."""

    def before_create(self, sent: str | None, headers: Mapping[str, str]) -> None: ...
    def after_create(self, call: Call) -> None: ...
    def balance_read(self, status: int, text: str) -> None:
        """Take in a response to GET /v1/credits, from directly before a create or directly after it."""


class NoPurchases:
    """Stops a run at the first create that is accepted, for a run that sends invalid ones alone."""

    def balance_read(self, status: int, text: str) -> None: ...
    def before_create(self, sent: str | None, headers: Mapping[str, str]) -> None: ...

    def after_create(self, call: Call) -> None:
        create = Create(call, assess_create(call.sent, call.sent_headers or {}))
        if create.accepted:
            raise FaultyCreateAccepted(task_name(create))


def task_name(create: Create) -> str:
    """The id of an accepted task as a message names it."""
    return create.task or "a task without an id"

"""Events of a trace: calls of the API and attempts to deliver callbacks, as immutable records."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, TypeAlias

from evolink_contracts.spec.wire import Seconds

Access: TypeAlias = Literal["granted", "missing", "wrong"]
"""The key that a request carried: a valid one, none, or an invalid one."""


Outcome: TypeAlias = int | Literal["timeout", "reset"]
"""The status with which a receiver answered an attempt, or the way in which it did not."""


@dataclass(frozen=True)
class Call:
    """One request to the API and its answer. The key itself is never recorded."""

    at: Seconds
    """When the answer had arrived, on the clock of the service."""
    method: str
    path: str
    """As it was requested; for a result link the whole URL."""
    status: int
    answer: str = ""
    """The body as text; empty for a video."""
    who: str = "a"
    """The owner of the key, by a name that only the recording uses."""
    access: Access = "granted"
    sent: str | None = None
    """The body that was sent."""
    sent_headers: Mapping[str, str] | None = None
    """Names in lower case, `authorization` left out; `None` if they were not recorded."""
    headers: Mapping[str, str] | None = None
    """Headers of the answer, names in lower case; `None` if they were not recorded."""
    notes: Mapping[str, Any] = field(default_factory=dict)
    """Facts that the sender knows beyond the call, such as `{"length": 3}`, the real seconds of the video."""

    @cached_property
    def json(self) -> Any:
        """The answer decoded; `None` if it is no JSON."""
        return decoded(self.answer)

    @cached_property
    def sent_json(self) -> Any:
        """The request's body decoded; `None` if it is no JSON."""
        return None if self.sent is None else decoded(self.sent)

    @property
    def answer_object(self) -> dict[str, Any]:
        """The answer if it is a JSON object, else an empty one."""
        return self.json if isinstance(self.json, dict) else {}

    @property
    def error(self) -> dict[str, Any] | None:
        """The error object of the answer; `None` if it has none."""
        error = self.answer_object.get("error")
        return error if isinstance(error, dict) else None

    @property
    def error_code(self) -> Any:
        """The code of that error, of whatever type; `None` if there is none."""
        return None if self.error is None else self.error.get("code")

    @property
    def task_id(self) -> str:
        """The id of the task in the answer; empty if there is none."""
        return str(self.answer_object.get("id") or "")

    @property
    def task_status(self) -> str:
        """The status of the task in the answer; empty if there is none."""
        return str(self.answer_object.get("status", ""))


@dataclass(frozen=True)
class Attempt:
    """One attempt to deliver a callback, as the receiver saw it."""

    at: Seconds
    """When it began, on the clock of the service."""
    url: str
    """The URL at which it arrived, in the terms of the create call."""
    body: str
    outcome: Outcome
    took: Seconds = 0.0
    """Time that the sender waited for that outcome, on the same clock."""
    method: str = "POST"
    headers: Mapping[str, str] | None = None
    """Names in lower case; `None` if they were not recorded."""

    @cached_property
    def json(self) -> Any:
        """The body decoded; `None` if it is no JSON."""
        return decoded(self.body)


Event: TypeAlias = Call | Attempt
Trace: TypeAlias = tuple[Event, ...]


def decoded(text: str) -> Any:
    """Text decoded as JSON; `None` if it is none, or is nested too deeply."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None

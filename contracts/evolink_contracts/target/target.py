"""Target: a service under test. Sends requests, moves its time, and records the trace of both."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from evolink_contracts.reference.boundary_requests import minimal_request
from evolink_contracts.reference.errors import ServiceUnusable
from evolink_contracts.spec.wire import Seconds
from evolink_contracts.target.capabilities import Capability, emulator_reaches, url_reaches
from evolink_contracts.target.clocks import MAX_STEPS, Clock, ManualClock, WaitingClock
from evolink_contracts.target.connection import Connection
from evolink_contracts.target.control import ControlClient
from evolink_contracts.target.guard import Guard
from evolink_contracts.target.transports import Response, Transport
from evolink_contracts.target.wall_clock import WallClock
from evolink_contracts.target.webhook import Webhook
from evolink_contracts.trace.events import Access, Attempt, Call, Event, Outcome
from evolink_contracts.trace.history import CREATE_PATH, CREDITS_PATH, TASK_PATH

_RECORDED_HEADERS = ("content-type", "x-request-id", "x-oneapi-request-id", "idempotency-replayed", "retry-after")
MAX_POLLS = 180
"""Limit of polls of a task whose next event is not known; at 5 s, a quarter of an hour."""


@dataclass(frozen=True, kw_only=True)
class TargetOptions:
    """Settings of a target."""

    use_control: bool = True
    """Whether to look for an emulator's control API."""
    token: str = ""
    """For the control API of an emulator beyond loopback."""
    callbacks_arrive: bool | None = None
    """Whether callbacks reach the webhook; `None` to find out."""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """Fields of every create that does not set them itself."""
    pause: Seconds = 5.0
    """Time between polls of a task whose next event is not known."""


DEFAULT_OPTIONS = TargetOptions()


class Target:
    """A service behind a transport. `who` names a key; all but `a` need the capability `keys`.

    `webhook` receives its callbacks. `guard` checks each create, and may raise `RunStopped` or `CreateWithheld`.
    Without a control API time passes on `wall`.
    """

    def __init__(
        self,
        transport: Transport,
        key: str,
        options: TargetOptions = DEFAULT_OPTIONS,
        *,
        webhook: Webhook | None = None,
        guard: Guard | None = None,
        wall: WallClock | None = None,
    ) -> None:
        self.trace: list[Event] = []
        self.open_tasks: set[str] = set()
        """Tasks of histories whose end was not observed yet."""
        self.webhook = webhook
        self.pause = options.pause
        self.wall = wall or WallClock()
        self.can: set[Capability] = set()
        self._guard = guard
        self._defaults = options.defaults
        self._connection = Connection(transport, key)
        self.control = ControlClient(self._connection, options.token)
        self._clock: Clock = WaitingClock(self.wall, self._collect)
        if options.use_control and self.control.is_available():
            self.can |= {"control", "keys"}
            self._connection.separate_keys = True
            self._clock = ManualClock(self.control, self._connection, self.wall, self._collect)
        if webhook is not None:
            known = options.callbacks_arrive
            if self._callbacks_arrive(webhook) if known is None else known:
                self.can.add("callbacks")

    def _callbacks_arrive(self, webhook: Webhook) -> bool:
        if "control" in self.can:
            return emulator_reaches(webhook, self._connection, self.control, self.wall, self._defaults)
        return url_reaches(webhook, self.wall)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def begin(self, scope: str) -> None:
        """Use other keys from here on than in any other scope."""
        self._connection.begin(scope)

    def call(
        self,
        method: str,
        path: str,
        *,
        who: str = "a",
        access: Access = "granted",
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        notes: Mapping[str, Any] | None = None,
    ) -> Call:
        """Send a request, and add it to the trace with its answer."""
        own = {**(headers or {}), **self._connection.authorization(who, access)}
        sent = None if content is None else content.decode("utf-8", "replace")
        if self.webhook is not None and sent is not None:
            self.webhook.register(sent)
        recorded = {name.lower(): value for name, value in own.items() if name.lower() != "authorization"}
        guard = self._guard if method == "POST" and path == CREATE_PATH and access == "granted" else None
        if guard is not None:
            guard.before_create(sent, recorded)
        response = self._connection.send(method, path, own, content)
        at = self.now(who)
        self._collect(at)
        call = Call(
            at,
            method,
            path,
            **_answer(response),
            who=self._connection.owner(who),
            access=access,
            sent=sent,
            sent_headers=recorded,
            notes=dict(notes or {}),
        )
        self.trace.append(call)
        if guard is not None:
            guard.after_create(call)
        return call

    def create(
        self,
        fields: Mapping[str, Any] | None = None,
        *,
        who: str = "a",
        access: Access = "granted",
        scenario: str | None = None,
        headers: Mapping[str, str] | None = None,
        notes: Mapping[str, Any] | None = None,
    ) -> Call:
        """Create a task from the smallest request with these fields."""
        own = {"content-type": "application/json", **(headers or {})}
        if scenario is not None:
            own["x-mock-scenario"] = scenario
        content = json.dumps(minimal_request() | dict(self._defaults) | dict(fields or {})).encode()
        return self.call("POST", CREATE_PATH, who=who, access=access, content=content, headers=own, notes=notes)

    def query(self, task: str, *, who: str = "a", access: Access = "granted", **notes: Any) -> Call:
        return self.call("GET", f"{TASK_PATH}{task}", who=who, access=access, notes=notes)

    def credits(self, *, who: str = "a", access: Access = "granted", **notes: Any) -> Call:
        return self.call("GET", CREDITS_PATH, who=who, access=access, notes=notes)

    def now(self, who: str = "a") -> Seconds:
        """The time on the clock of a key, which only `advance` moves; without a control API, on the wall clock."""
        return self._clock.now(who)

    def next_event(self, who: str = "a") -> Seconds | None:
        """When something happens next on the clock of a key; `None` if that is unknown."""
        return self._clock.next_event(who)

    def advance(self, seconds: Seconds, *, who: str = "a") -> None:
        """Let time pass on the clock of a key."""
        self._clock.advance(seconds, who)

    def try_control(self, path: str, change: object = None, *, who: str = "a") -> bool:
        """Post a change to the control API, if there is one, that may be refused; whether it was made."""
        return "control" in self.can and self.control.try_call(path, change, who=who)

    def reset(self, seed: int, *, who: str = "a") -> None:
        """Empty the world of a key, and seed it anew. Raises `ServiceUnusable` without a control API."""
        if not isinstance(self._clock, ManualClock):
            raise ServiceUnusable("it has no control API, so its world cannot be reset")
        self._clock.reset(seed, who)

    def add_recorded_attempts(self, task: str, *, who: str = "a") -> None:
        """Add the attempts that the emulator recorded to the trace, for callbacks that our webhook did not receive."""
        for row in self.control.call(f"deliveries?task={task}", who=who)["deliveries"]:
            body = json.dumps(self.query(task, who=who).json)
            for attempt in row["attempts"]:
                outcome: Outcome = attempt["status"] if attempt["status"] is not None else "timeout"
                took = attempt["finished"] - attempt["started"]
                self.trace.append(Attempt(attempt["started"], row["url"], body, outcome, took))

    def wait_for_silence(self, seconds: Seconds = 30.0) -> None:
        """Let time pass until no callback has arrived for this long."""
        silent = 0.0
        for _ in range(MAX_STEPS):
            if silent >= seconds:
                return
            seen = len(self.trace)
            self.advance(self.pause)
            silent = silent + self.pause if len(self.trace) == seen else 0.0

    def _collect(self, at: Seconds) -> None:
        """Move the attempts that the webhook received into the trace."""
        if self.webhook is not None:
            self.trace.extend(self.webhook.take(at if "control" in self.can else None))


def _answer(response: Response) -> dict[str, Any]:
    """The fields of a call that its response gives; a video is not recorded."""
    return {
        "status": response.status,
        "answer": "" if response.headers.get("content-type", "").startswith("video/") else response.text,
        "headers": {name: response.headers[name] for name in _RECORDED_HEADERS if name in response.headers},
    }

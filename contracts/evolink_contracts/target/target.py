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
from evolink_contracts.target.diagnosis import wrong_base_url
from evolink_contracts.target.guard import Guard
from evolink_contracts.target.trace_limit import TraceLimit
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
    """Whether to use an emulator's control API."""
    base_url: str = ""
    """The base URL of the service, for messages."""
    control_url: str = ""
    """The base URL of its control API, if that has its own address, for messages."""
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
    `control` leads to the emulator itself if `transport` leads to a proxy. Without a control API time passes on `wall`.
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
        control: Transport | None = None,
    ) -> None:
        self.trace: list[Event] = []
        self._limit = TraceLimit(self.trace)
        self.open_tasks: set[str] = set()
        """Tasks of histories whose end was not observed yet."""
        self.webhook = webhook
        self.pause = options.pause
        self.wall = wall or WallClock()
        self.can: set[Capability] = set()
        self._guard = guard
        self._defaults = options.defaults
        self._connection = Connection(transport, key)
        self.control = ControlClient(self._connection, options.token, control)
        self._clock: Clock = WaitingClock(self.wall, self._collect)
        self._missing: dict[Capability, str] = {}
        """Why a capability is missing."""
        if self._find_control(options):
            self._clock = ManualClock(self.control, self._connection, self.wall, self._collect)
        self._find_callbacks(options.callbacks_arrive)

    def _find_control(self, options: TargetOptions) -> bool:
        trouble = self.control.trouble() if options.use_control else "this profile uses none"
        if not trouble:
            self._connection.separate_keys = True
            trouble = self.control.trouble_of_keys()
        if not trouble:
            self.can |= {"control", "keys"}
            return True
        self._connection.separate_keys = False
        wrong = ""
        if options.use_control and self.control.is_apart:
            wrong = wrong_base_url(options.control_url, "the control URL")
        elif options.use_control:
            wrong = wrong_base_url(options.base_url)
        self._missing |= dict.fromkeys(("control", "keys"), wrong or trouble)
        return False

    def _find_callbacks(self, known: bool | None) -> None:
        if self.webhook is None:
            self._missing["callbacks"] = "no receiver is open (evolink-contracts run --listen HOST:PORT opens one)"
        elif known or (known is None and self._callbacks_arrive(self.webhook)):
            self.can.add("callbacks")
        elif known is False:
            self._missing["callbacks"] = "--callbacks no was given"
        else:
            remedy = "; start the emulator with --callback-route, or open a tunnel" if "control" in self.can else ""
            self._missing["callbacks"] = f"callbacks of this service do not reach {self.webhook.address}{remedy}"

    def why_missing(self, *capabilities: Capability) -> str:
        """Why the service lacks these capabilities, of those that it lacks."""
        return "; ".join(dict.fromkeys(self._missing[each] for each in sorted(set(capabilities) - self.can)))

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
        self.control.close()

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
        self._read_balance(guard)
        if guard is not None:
            guard.before_create(sent, recorded)
        response = self._connection.send(method, path, own, content)
        self._read_balance(guard)
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
        self._record(call)
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
        """Create a task from the smallest request with these fields.

        `scenario` is its outcome in an emulator. It is queued through the control API if that has its own address,
        since a proxy may drop the header that says the same.
        """
        own = {"content-type": "application/json", **(headers or {})}
        if scenario is not None and self.control.is_apart:
            self.control.queue(scenario, who)
        elif scenario is not None:
            own["x-mock-scenario"] = scenario
        content = json.dumps(minimal_request() | dict(self._defaults) | dict(fields or {})).encode()
        call = self.call("POST", CREATE_PATH, who=who, access=access, content=content, headers=own, notes=notes)
        if scenario is not None and self.control.is_apart and call.status != 200:
            self.control.clear_queue(who)
        return call

    def query(self, task: str, *, who: str = "a", access: Access = "granted", **notes: Any) -> Call:
        return self.call("GET", f"{TASK_PATH}{task}", who=who, access=access, notes=notes)

    def credits(self, *, who: str = "a", access: Access = "granted", **notes: Any) -> Call:
        return self.call("GET", CREDITS_PATH, who=who, access=access, notes=notes)

    def try_credits(self) -> Response:
        """The answer to a query of the credits that is no part of the trace."""
        return self._connection.send("GET", CREDITS_PATH, self._connection.authorization("a"), None)

    def _read_balance(self, guard: Guard | None) -> None:
        """Show the balance to a guard; the call is no part of the trace."""
        if guard is None:
            return
        try:
            response = self.try_credits()
        except ServiceUnusable:
            guard.balance_read(0, "")
        else:
            guard.balance_read(response.status, response.text)

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
        for row in self.control.deliveries(f"?task={task}", who=who):
            body = json.dumps(self.query(task, who=who).json)
            for started, finished, status in row.attempts:
                outcome: Outcome = "timeout" if status is None else status
                self._record(Attempt(started, row.url, body, outcome, finished - started))

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
            for attempt in self.webhook.take(at if "control" in self.can else None):
                self._record(attempt)

    def _record(self, event: Event) -> None:
        """Add an event to the trace. Raises `RunStopped` if the trace is too large."""
        self.trace.append(event)
        self._limit.added(event)


def _answer(response: Response) -> dict[str, Any]:
    """The fields of a call that its response gives; a video is not recorded."""
    return {
        "status": response.status,
        "answer": "" if response.headers.get("content-type", "").startswith("video/") else response.text,
        "headers": {name: response.headers[name] for name in _RECORDED_HEADERS if name in response.headers},
    }

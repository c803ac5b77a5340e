"""A service under test: what can be done with it, and the trace of all that was."""

import json
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Literal, Self, TypeAlias

from evolink_contracts.carriers import Carrier, NoReply, Reply
from evolink_contracts.edges import valid
from evolink_contracts.history import CREATE_PATH, CREDITS_PATH, TASK_PATH
from evolink_contracts.hook import Hook
from evolink_contracts.spec.wire import Seconds
from evolink_contracts.trace import Access, Attempt, Call, Event, Outcome
from evolink_contracts.wall import wall_seconds

Capability: TypeAlias = Literal["control", "keys", "callbacks"]
"""`control`: it has the emulator's control API. `keys`: any key is good. `callbacks`: they reach our own receiver."""

_KEPT = ("content-type", "x-request-id", "x-oneapi-request-id", "idempotency-replayed", "retry-after")
_CONTROL = "/__mock/"
_STEPS = 400


class Unusable(Exception):
    """A service that cannot be judged; says why, in a sentence."""


class Accepted(Unusable):
    """A service accepted what it had to refuse, which may cost credits; nothing more was sent."""

    def __init__(self, call: Call) -> None:
        task = call.json.get("id") if isinstance(call.json, dict) else None
        super().__init__(
            f"a create without a required field was accepted as {task}; look after that task and its credits"
        )


class Target:
    """A service behind a carrier. `who` names a key; all but `a` need the capability `keys`.

    One that is `harmless` stops by `Accepted` at the first create that is accepted.
    """

    def __init__(
        self,
        carrier: Carrier,
        key: str,
        *,
        hook: Hook | None = None,
        harmless: bool = False,
        wall: Callable[[], Seconds] = wall_seconds,
    ) -> None:
        self._carrier = carrier
        self.trace: list[Event] = []
        self.hook = hook
        self._key = key
        self._wall = wall
        self._harmless = harmless
        self._scope = ""
        self._clocks: dict[str, Seconds] = {}
        self.can: set[Capability] = set()
        if not harmless and self._controls():
            self.can |= {"control", "keys"}
            if hook is not None:
                self.can.add("callbacks")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._carrier.close()

    def begin(self, scope: str) -> None:
        """Let the keys from here on be others than before."""
        self._scope = scope

    # Requests

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
        owner = f"{self._scope}{who}"
        own = dict(headers or {})
        if access != "missing":
            own["authorization"] = f"Bearer {self.key_of(owner) if access == 'granted' else 'sk-invalid-key'}"
        answer = self._send(method, path, content, own)
        at = self.now(who)
        if self.hook is not None:
            self.trace.extend(self.hook.take(at))
        call = Call(
            at=at,
            method=method,
            path=path,
            status=answer.status,
            answer="" if answer.headers.get("content-type", "").startswith("video/") else _text(answer),
            who=owner,
            access=access,
            sent=None if content is None else content.decode("utf-8", "replace"),
            sent_headers={name.lower(): value for name, value in own.items() if name.lower() != "authorization"},
            headers={name: answer.headers[name] for name in _KEPT if name in answer.headers},
            notes=dict(notes or {}),
        )
        self.trace.append(call)
        if self._harmless and path == CREATE_PATH and method == "POST" and 200 <= answer.status < 300:
            raise Accepted(call)
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
        content = json.dumps(valid() | dict(fields or {})).encode()
        return self.call("POST", CREATE_PATH, who=who, access=access, content=content, headers=own, notes=notes)

    def query(self, task: str, *, who: str = "a", access: Access = "granted", **notes: Any) -> Call:
        return self.call("GET", f"{TASK_PATH}{task}", who=who, access=access, notes=notes)

    def credits(self, *, who: str = "a", access: Access = "granted", **notes: Any) -> Call:
        return self.call("GET", CREDITS_PATH, who=who, access=access, notes=notes)

    def key_of(self, owner: str) -> str:
        return f"{self._key}-{owner.replace(' ', '-')}" if "keys" in self.can else self._key

    def _send(self, method: str, path: str, content: bytes | None, headers: Mapping[str, str]) -> Reply:
        try:
            return self._carrier.send(method, path, headers, content)
        except NoReply as error:
            raise Unusable(str(error)) from None

    # The control API

    def control(self, path: str, change: object = None, *, who: str = "a") -> Any:
        """A control call, which is no part of the trace."""
        headers = {"authorization": f"Bearer {self.key_of(f'{self._scope}{who}')}"}
        method = "GET" if change is None else "POST"
        content = None if change is None else json.dumps(change).encode()
        answer = self._send(method, f"{_CONTROL}{path}", content, headers)
        if answer.status != 200:
            raise Unusable(f"{method} {_CONTROL}{path} answered {answer.status}: {_text(answer)[:200]}")
        return json.loads(answer.content)

    def try_control(self, path: str, *, who: str = "a") -> bool:
        """A control call that may be refused, such as to cancel what has ended; whether it was carried out."""
        headers = {"authorization": f"Bearer {self.key_of(f'{self._scope}{who}')}"}
        return "control" in self.can and self._send("POST", f"{_CONTROL}{path}", b"", headers).status == 200

    def now(self, who: str = "a") -> Seconds:
        """The time on the clock of a key, which only `advance` moves."""
        owner = f"{self._scope}{who}"
        if "control" not in self.can:
            return self._wall()
        if owner not in self._clocks:
            self.control("clock", {"mode": "manual"}, who=who)
            self._clocks[owner] = float(self.control("clock", who=who)["now"])
        return self._clocks[owner]

    def next_event(self, who: str = "a") -> Seconds | None:
        """When something happens next on the clock of a key, once no attempt to call back is under way there."""
        return self._settled(self.control("clock", who=who), who)

    def advance(self, seconds: Seconds, *, who: str = "a") -> None:
        """Let time pass, event by event, so that each callback is seen at its instant."""
        goal = self.now(who) + seconds
        following = self.next_event(who)
        for _ in range(_STEPS):
            if following is None or following > goal:
                break
            following = self._move(following - self.now(who), who)
        if goal > self.now(who):
            self._move(goal - self.now(who), who)

    def _move(self, seconds: Seconds, who: str) -> Seconds | None:
        """When something happens next after that."""
        return self._settled(self.control("clock", {"advance": f"{max(seconds, 0):.6f}s"}, who=who), who)

    def _settled(self, clock: Any, who: str) -> Seconds | None:
        for _ in range(_STEPS):
            if not clock["attempts_in_flight"]:
                break
            clock = self.control("clock", who=who)
        self._clocks[f"{self._scope}{who}"] = at = float(clock["now"])
        if self.hook is not None:
            self.trace.extend(self.hook.take(at))
        following = clock["next_event"]
        return None if following is None else float(following)

    def recorded_attempts(self, task: str, *, who: str = "a") -> None:
        """Add what the emulator's own record says of attempts that no receiver of ours saw."""
        for row in self.control(f"deliveries?task={task}", who=who)["deliveries"]:
            body = json.dumps(self.query(task, who=who).json)
            for attempt in row["attempts"]:
                outcome: Outcome = attempt["status"] if attempt["status"] is not None else "timeout"
                took = attempt["finished"] - attempt["started"]
                self.trace.append(Attempt(attempt["started"], row["url"], body, outcome, took))

    def _controls(self) -> bool:
        return self._send("GET", f"{_CONTROL}health", None, {}).status == 200


def _text(reply: Reply) -> str:
    return reply.content.decode("utf-8", "replace")

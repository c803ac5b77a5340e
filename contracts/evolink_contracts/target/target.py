"""A service under test: what can be done with it, and the trace of all that was."""

import json
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Literal, Self, TypeAlias

from evolink_contracts.reference.boundary_requests import valid
from evolink_contracts.spec.timing import EVOLINK_CALLBACKS
from evolink_contracts.spec.wire import Seconds
from evolink_contracts.target.budget import Guard
from evolink_contracts.target.transports import Carrier, Network, NoReply, Reply
from evolink_contracts.target.wall_clock import Wall
from evolink_contracts.target.webhook import Hook
from evolink_contracts.trace.events import Access, Attempt, Call, Event, Outcome, decoded
from evolink_contracts.trace.history import CREATE_PATH, CREDITS_PATH, TASK_PATH

Capability: TypeAlias = Literal["control", "keys", "callbacks"]
"""`control`: it has the emulator's control API. `keys`: any key is good. `callbacks`: they reach our own receiver."""

_KEPT = ("content-type", "x-request-id", "x-oneapi-request-id", "idempotency-replayed", "retry-after")
CONTROL = "/__mock/"
"""Where the emulator is steered; no part of the API."""
_STEPS = 400
_AT_ONCE = 20
_A_MOMENT: Seconds = 0.03
"""Between looks at an attempt that is under way for long, since it ends by the wall's time: 12 s in all."""
_A_LONG_LIFE: Seconds = 3600.0


class Unusable(Exception):
    """A service that cannot be judged; says why, in a sentence."""


class Target:
    """A service behind a carrier. `who` names a key; all but `a` need the capability `keys`.

    `hook` hears its callbacks; whether they reach it is looked at, unless `reached` says so. `guard` looks at each
    create, and may raise `Stopped`. `given` are fields of every create, where it does not say otherwise. `token` is for
    an emulator's control API beyond loopback; `steered` is whether to ask for one at all. Without a control API, time
    passes on `wall`, and somebody who waits for a task looks at it every `pause`.
    """

    def __init__(
        self,
        carrier: Carrier,
        key: str,
        *,
        hook: Hook | None = None,
        reached: bool | None = None,
        guard: Guard | None = None,
        given: Mapping[str, Any] | None = None,
        token: str = "",
        steered: bool = True,
        pause: Seconds = 5.0,
        wall: Wall | None = None,
    ) -> None:
        self._carrier = carrier
        self.trace: list[Event] = []
        self.unfinished: set[str] = set()
        """Tasks of histories that nobody saw end."""
        self.hook = hook
        self.pause = pause
        self.wall = wall or Wall()
        self._key = key
        self._guard = guard
        self._given = given or {}
        self._steering = {"x-mock-token": token} if token else {}
        self._scope = ""
        self._clocks: dict[str, Seconds] = {}
        self.can: set[Capability] = set()
        if steered and self._controls():
            self.can |= {"control", "keys"}
        if hook is not None and (self._reached(hook) if reached is None else reached):
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
        sent = None if content is None else content.decode("utf-8", "replace")
        sent_headers = {name.lower(): value for name, value in own.items() if name.lower() != "authorization"}
        if self.hook is not None and sent is not None:
            self.hook.give(sent)
        creates = method == "POST" and path == CREATE_PATH
        if creates and access == "granted" and self._guard is not None:
            self._guard.before(sent, sent_headers)
        answer = self._send(method, path, content, own)
        at = self.now(who)
        self._hear(at)
        call = Call(
            at=at,
            method=method,
            path=path,
            status=answer.status,
            answer="" if answer.headers.get("content-type", "").startswith("video/") else _text(answer),
            who=owner,
            access=access,
            sent=sent,
            sent_headers=sent_headers,
            headers={name: answer.headers[name] for name in _KEPT if name in answer.headers},
            notes=dict(notes or {}),
        )
        self.trace.append(call)
        if creates and access == "granted" and self._guard is not None:
            self._guard.after(call)
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
        content = json.dumps(valid() | dict(self._given) | dict(fields or {})).encode()
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
        method = "GET" if change is None else "POST"
        content = None if change is None else json.dumps(change).encode()
        answer = self._steer(method, path, content, who)
        if answer.status != 200:
            raise Unusable(f"{method} {CONTROL}{path} answered {answer.status}: {_text(answer)[:200]}")
        found = decoded(_text(answer))
        if not isinstance(found, dict):
            raise Unusable(f"{method} {CONTROL}{path} answered what is no JSON object: {_text(answer)[:200]}")
        return found

    def try_control(self, path: str, change: object = None, *, who: str = "a") -> bool:
        """A control call that may be refused, such as to cancel what has ended; whether it was carried out."""
        content = b"" if change is None else json.dumps(change).encode()
        return "control" in self.can and self._steer("POST", path, content, who).status == 200

    def _steer(self, method: str, path: str, content: bytes | None, who: str = "a") -> Reply:
        headers = {**self._steering, "authorization": f"Bearer {self.key_of(f'{self._scope}{who}')}"}
        return self._send(method, f"{CONTROL}{path}", content, headers)

    def reset(self, seed: int, *, who: str = "a") -> None:
        """Empty the world of a key, once nothing is under way there, and begin it anew with the luck of a seed."""
        self.next_event(who)
        self.control("worlds", {"reset": True, "seed": seed}, who=who)
        self._clocks.pop(f"{self._scope}{who}", None)

    def now(self, who: str = "a") -> Seconds:
        """The time on the clock of a key, which only `advance` moves, or that of the wall."""
        owner = f"{self._scope}{who}"
        if "control" not in self.can:
            return self.wall.now()
        if owner not in self._clocks:
            self.control("clock", {"mode": "manual"}, who=who)
            self._clocks[owner] = float(self.control("clock", who=who)["now"])
        return self._clocks[owner]

    def next_event(self, who: str = "a") -> Seconds | None:
        """When something happens next on the clock of a key, once no attempt to call back is under way there.

        `None` where nobody can know.
        """
        if "control" not in self.can:
            return None
        return self._settled(self.control("clock", who=who), who)

    def advance(self, seconds: Seconds, *, who: str = "a") -> None:
        """Let time pass, event by event, so that each callback is seen at its instant; or wait."""
        if "control" not in self.can:
            self.wall.wait(seconds)
            self._hear(self.wall.now())
            return
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
        for look in range(_STEPS):
            if not clock["attempts_in_flight"]:
                break
            if look > _AT_ONCE:
                self.wall.wait(_A_MOMENT)
            clock = self.control("clock", who=who)
        self._clocks[f"{self._scope}{who}"] = at = float(clock["now"])
        self._hear(at)
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

    def quiet(self, seconds: Seconds = 30.0) -> None:
        """Let time pass until no callback has come for so long."""
        silent = 0.0
        for _ in range(_STEPS):
            if silent >= seconds:
                return
            heard = len(self.trace)
            self.advance(self.pause)
            silent = silent + self.pause if len(self.trace) == heard else 0.0

    def _hear(self, at: Seconds) -> None:
        if self.hook is not None:
            self.trace.extend(self.hook.take(at if "control" in self.can else None))

    # What it can do

    def _controls(self) -> bool:
        """Many a service answers 200 to anything; none but an emulator tells the time of its clock."""
        answer = self._steer("GET", "clock", None)
        clock = decoded(_text(answer)) if answer.status == 200 else None
        return isinstance(clock, dict) and {"now", "mode", "next_event", "attempts_in_flight"} <= clock.keys()

    def _reached(self, hook: Hook) -> bool:
        """An emulator is asked to call back, which costs nothing; else the URL is called from here."""
        url = f"{hook.origin}/{self.wall.nonce()}/204"
        if "control" in self.can:
            self.begin("reach/")
            self.create({"callback_url": url})
            self.advance(_A_LONG_LIFE)
            reached = any(isinstance(event, Attempt) for event in self.trace)
            rows = self.control("deliveries")["deliveries"]
            # One that was sent nowhere, or to nobody; an emulator that sends none at all is to be judged for that.
            lost = [row for row in rows if not any(attempt["status"] for attempt in row["attempts"])]
            self.trace.clear()
            self.begin("")
            return reached or not lost
        hook.give(url)
        network = Network(hook.origin, timeout=EVOLINK_CALLBACKS.timeout)
        try:
            network.send("POST", url.removeprefix(hook.origin), {}, b"{}")
        except NoReply:
            return False
        finally:
            network.close()
            reached = bool(hook.take())
            # Whatever of this comes later is a stranger's.
            hook.forget()
        return reached


def _text(reply: Reply) -> str:
    return reply.content.decode("utf-8", "replace")

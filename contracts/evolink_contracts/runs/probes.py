"""What a run does to a service so that its promises show: each probe leaves its part of the trace."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple, TypeAlias

from evolink_contracts.reference.boundary_requests import edges
from evolink_contracts.reference.numbers import amount
from evolink_contracts.spec.errors import FAILURES
from evolink_contracts.spec.timing import RESULT_LINK
from evolink_contracts.spec.wire import Seconds
from evolink_contracts.target.budget import TooDear
from evolink_contracts.target.target import Capability, Target
from evolink_contracts.trace.events import Call, decoded
from evolink_contracts.trace.history import CREATE_PATH, CREDITS_PATH, TASK_PATH, balance_of, in_trouble

Run: TypeAlias = Callable[[Target], None]
Profile: TypeAlias = Literal["emulator", "live-safe", "live"]
"""A service whose tasks cost nothing; one that is sent nothing that could cost; one that is paid."""
EVERYWHERE: tuple[Profile, ...] = ("emulator", "live-safe", "live")


class Probe(NamedTuple):
    """One of them: what it does in a sentence, what it needs, where it is played, and the creates that it pays for."""

    name: str
    does: str
    run: Run
    needs: frozenset[Capability] = frozenset()
    plays: tuple[Profile, ...] = ("emulator",)
    buys: tuple[Mapping[str, Any], ...] = ()


PROBES: list[Probe] = []


def probe(
    name: str,
    does: str,
    *needs: Capability,
    plays: tuple[Profile, ...] = ("emulator",),
    buys: tuple[Mapping[str, Any], ...] = (),
) -> Callable[[Run], Run]:
    def known(run: Run) -> Run:
        PROBES.append(Probe(name, does, run, frozenset(needs), plays, buys))
        return run

    return known


def played(profile: Profile) -> list[Probe]:
    """The probes of a profile."""
    return [probe for probe in PROBES if profile in probe.plays]


LONG: Seconds = 24 * 3600.0
_OPEN = ("pending", "processing")
_STEPS = 60
LOOKS = 180
"""So often somebody looks at a task who cannot know when it changes; at 5 s, a quarter of an hour."""


def id_of(created: Call) -> str:
    return str(created.json.get("id") or "") if isinstance(created.json, dict) else ""


def status_of(read: Call) -> str:
    return str(read.json.get("status", "")) if isinstance(read.json, dict) else ""


def watch(target: Target, task: str, looks: int = 3, who: str = "a") -> Call:
    """Read a task so many times between any two of its events, or in every pause, until it ends or is no task."""
    read = target.query(task, who=who)
    steered = "control" in target.can
    for _ in range(_STEPS if steered else LOOKS):
        if not in_trouble(read) and status_of(read) not in _OPEN:
            break
        following = target.next_event(who)
        pause = 1.0 if steered else target.pause
        target.advance(pause if following is None else max((following - target.now(who)) / looks, 0.05), who=who)
        read = target.query(task, who=who)
    return target.query(task, who=who, ended=True)


@probe("edges", "sends creates at the edges of every rule", "keys")
def at_the_edges(target: Target) -> None:
    for edge in edges():
        headers = {} if edge.content_type is None else {"content-type": edge.content_type}
        target.call("POST", CREATE_PATH, content=edge.body, headers=headers)


@probe("lives", "watches tasks from their creation to long after their end", "control")
def lives(target: Target) -> None:
    ends: Mapping[str, Mapping[str, Any]] = {
        "": {},
        "cancel=failed": {"fails": "request_cancelled"},
        "slow_finish=30s": {},
        **{f"fail={code}": {"fails": code} for code in FAILURES},
    }
    for scenario, notes in ends.items():
        task = id_of(target.create(scenario=scenario or None, notes=notes))
        watch(target, task, looks=1 if "fail" in scenario else 3)
        target.advance(3600)
        target.query(task)
        target.query(task)


@probe("callbacks", "answers callbacks in every way, and counts what comes", "control", "callbacks")
def callbacks(target: Target) -> None:
    scripts = ("200", "204", "299", "500,200", "404,503,200", "302,200", "301,307,308,200", "500,500,500,500,500")
    hook = "" if target.hook is None else target.hook.origin
    for number, script in enumerate(scripts):
        for scenario in (None, "fail=service_error", "cancel=failed") if number in (0, 3) else (None,):
            url = f"{hook}/{number}-{scenario or 'ok'}/{script}?secret=a%2Fb"
            task = id_of(target.create({"callback_url": url}, scenario=scenario, notes={"listens": True}))
            watch(target, task, looks=1)
            target.advance(60)
            target.query(task)
    silent = id_of(target.create())
    watch(target, silent)
    target.advance(60)


@probe("slow receivers", "lets a callback wait for its answer for ever", "control")
def slow_receivers(target: Target) -> None:
    task = id_of(target.create({"callback_url": "https://sink.mock/timeout,200"}, notes={"listens": True}))
    watch(target, task)
    target.advance(60)
    target.recorded_attempts(task)


@probe("prices", "creates at every price, and looks at the credits before and after", "control")
def prices(target: Target) -> None:
    target.credits(settled=True)
    made = [
        id_of(
            target.create({"duration": duration, "quality": quality, "generate_audio": sound}, notes={"priced": True})
        )
        for duration in (2, 5, 15)
        for quality in ("720p", "1080p")
        for sound in (True, False)
    ]
    with_sound = {"audio_url": "https://example.com/a.mp3", "generate_audio": False}
    made.append(id_of(target.create(with_sound, notes={"priced": True})))
    target.credits(settled=True)
    target.advance(LONG)
    for task in made:
        target.query(task)
    target.credits(settled=True)
    for task in made:
        target.query(task)
    target.credits(settled=True)


@probe("settlement", "lets tasks fail, and videos be shorter than was asked for", "control")
def settlement(target: Target) -> None:
    target.credits(settled=True)
    for scenario, notes in (("fail=service_error", {}), ("cancel=failed", {}), ("actual_duration=3s", {"length": 3})):
        task = id_of(target.create({"duration": 10}, scenario=scenario, notes=notes))
        target.credits(settled=True)
        target.advance(LONG)
        target.query(task)
        target.credits(settled=True)


@probe("last credits", "spends credits until they do not suffice", "control")
def last_credits(target: Target) -> None:
    target.now()
    target.control("worlds", {"balance": 40})
    for duration in (5, 5, 5, 3, 2):
        left = balance_of(target.credits()).get("remaining_credits")
        target.create({"duration": duration}, notes={} if amount(left) is None else {"remaining": left})


@probe("lacking", "sends creates at the edges of every rule that also lack a required field", plays=EVERYWHERE)
def lacking(target: Target) -> None:
    dear: list[TooDear] = []
    for edge in edges():
        body = decoded(edge.body.decode("utf-8", "replace"))
        content = edge.body
        if isinstance(body, dict):
            content = json.dumps({name: value for name, value in body.items() if name != "prompt"}).encode()
        headers = {} if edge.content_type is None else {"content-type": edge.content_type}
        try:
            target.call("POST", CREATE_PATH, content=content, headers=headers)
        except TooDear as reason:
            dear.append(reason)
    if dear:
        raise TooDear(f"{len(dear)} creates were left out, the last because {dear[-1]}")


@probe("strangers", "asks without a key, and with a wrong one", plays=EVERYWHERE)
def strangers(target: Target) -> None:
    for access in ("missing", "wrong"):
        target.create({"prompt": None}, access=access)
        target.call("POST", CREATE_PATH, access=access, content=b"{", headers={"content-type": "application/json"})
        target.query("task-unified-1757169743-7cvnl5zw", access=access)
        target.query("nonsense", access=access)
        target.credits(access=access)


@probe("unknown", "asks for tasks and routes that are not there", plays=EVERYWHERE)
def unknown(target: Target) -> None:
    for name in ("task-unified-1757169743-7cvnl5zw", "task-unified-1757169743-abcdefgh", "task-unified-1-aaaaaaaa"):
        target.query(name, unknown=True)
    for name in ("nonsense", "TASK-UNIFIED-1757169743-7cvnl5zw", "1757169743", "task-unifie"):
        target.query(name)
    for method, path in (("GET", CREATE_PATH), ("POST", CREDITS_PATH), ("DELETE", f"{TASK_PATH}x"), ("GET", "/v1/x")):
        target.call(method, path, notes={"no route": True})
    target.call(
        "POST",
        CREATE_PATH,
        content=b'{"model": "wan2.6-image-to-video-flash"}',
        headers={"content-type": "application/json"},
    )


@probe("apart", "lets one customer ask for another's task", "keys", "control")
def apart(target: Target) -> None:
    target.credits(settled=True)
    task = id_of(target.create(who="b"))
    for who in ("a", "b"):
        target.query(task, who=who)
    target.advance(LONG / 2, who="b")
    target.query(task)
    target.credits(settled=True)


@probe("again", "sends the same create twice, with and without an Idempotency-Key", "control")
def again(target: Target) -> None:
    target.credits(settled=True)
    key = {"idempotency-key": "contract-kit.key_0001"}
    target.create(headers=key)
    target.create(headers=key)
    target.create({"duration": 9}, headers=key)
    target.create()
    target.create()
    for faulty in ("short", "x" * 97, "sixteen letters!"):
        target.create(headers={"idempotency-key": faulty})
    target.credits(settled=True)
    target.advance(3600)
    for call in [event for event in target.trace if isinstance(event, Call) and event.status == 200]:
        if call.path == CREATE_PATH and call.who.startswith("again/"):
            target.query(id_of(call))
    target.create(headers=key)
    target.credits(settled=True)


@probe("links", "follows a result link until it is dead", "control")
def links(target: Target) -> None:
    task = id_of(target.create())
    read = watch(target, task)
    found = read.json.get("results") if isinstance(read.json, dict) else None
    if not isinstance(found, list) or not found:
        return
    follow(target, str(found[0]), 0)
    age = 0.0
    for goal in (RESULT_LINK.seconds - 3600.0, RESULT_LINK.seconds - 5.0, RESULT_LINK.seconds + 5.0):
        target.advance(goal - age)
        follow(target, str(found[0]), goal)
        age = goal


def follow(target: Target, link: str, age: Seconds) -> None:
    target.call("GET", link, access="missing", notes={"age": age})


CHEAP: Mapping[str, Any] = {"duration": 2, "quality": "720p", "generate_audio": False}
"""The least that can be bought."""
LOUD: Mapping[str, Any] = {**CHEAP, "generate_audio": True}


@probe(
    "a purchase",
    "buys the shortest video with and without sound, asks for one twice, and watches both",
    plays=("live",),
    # Twice more, where a service knows no Idempotency-Key.
    buys=(CHEAP, CHEAP, CHEAP, LOUD),
)
def a_purchase(target: Target) -> None:
    target.credits()
    nonce = target.wall.nonce()
    key = {"idempotency-key": f"contract-kit.{nonce}"}
    hook = None if target.hook is None or "callbacks" not in target.can else f"{target.hook.origin}/{nonce}/200"
    silent = {**CHEAP, "callback_url": hook}
    task = id_of(target.create(silent, headers=key, notes={"listens": hook is not None}))
    target.create(silent, headers=key)
    target.create({**silent, "prompt": "Another cat playing piano"}, headers=key)
    loud = id_of(target.create(LOUD))
    for each in (task, loud):
        watch(target, each)
    if hook is not None:
        target.quiet()
    for each in (task, loud):
        target.query(each)
    target.credits()


@probe(
    "a bad receiver",
    "lets a callback time out, redirects the next, and refuses what else comes",
    "callbacks",
    plays=("live",),
    buys=(CHEAP,),
)
def a_bad_receiver(target: Target) -> None:
    hook = "" if target.hook is None else target.hook.origin
    url = f"{hook}/{target.wall.nonce()}/timeout,302,500,404"
    task = id_of(target.create({**CHEAP, "callback_url": url}, notes={"listens": True}))
    watch(target, task)
    target.quiet()
    target.query(task)

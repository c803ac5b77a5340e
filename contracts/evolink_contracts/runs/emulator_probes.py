"""Probes of an emulator, which need its control API, its keys, or tasks that cost nothing."""

from collections.abc import Mapping
from typing import Any

from evolink_contracts.reference.boundary_requests import boundary_requests
from evolink_contracts.reference.numbers import finite_number
from evolink_contracts.runs.probe import probe, watch
from evolink_contracts.spec.errors import FAILURES
from evolink_contracts.spec.timing import RESULT_LINK
from evolink_contracts.spec.wire import Seconds
from evolink_contracts.target.target import Target
from evolink_contracts.trace.events import Call
from evolink_contracts.trace.history import CREATE_PATH, user_balance

_A_DAY: Seconds = 24 * 3600.0


@probe("boundary requests", "sends creates at the limits of every rule", "keys")
def boundaries(target: Target) -> None:
    for request in boundary_requests():
        headers = {} if request.content_type is None else {"content-type": request.content_type}
        target.call("POST", CREATE_PATH, content=request.body, headers=headers)


@probe("lives", "queries tasks from their creation to long after their end", "control")
def lives(target: Target) -> None:
    ends: Mapping[str, Mapping[str, Any]] = {
        "": {},
        "cancel=failed": {"fails": "request_cancelled"},
        "slow_finish=30s": {},
        **{f"fail={code}": {"fails": code} for code in FAILURES},
    }
    for scenario, notes in ends.items():
        task = target.create(scenario=scenario or None, notes=notes).task_id
        watch(target, task, reads=1 if "fail" in scenario else 3)
        target.advance(3600)
        target.query(task)
        target.query(task)


@probe("callbacks", "answers callbacks with every class of status, and counts the attempts", "control", "callbacks")
def callbacks(target: Target) -> None:
    scripts = ("200", "204", "299", "500,200", "404,503,200", "302,200", "301,307,308,200", "500,500,500,500,500")
    origin = "" if target.webhook is None else target.webhook.origin
    for number, script in enumerate(scripts):
        for scenario in (None, "fail=service_error", "cancel=failed") if number in (0, 3) else (None,):
            url = f"{origin}/{number}-{scenario or 'ok'}/{script}?secret=a%2Fb"
            task = target.create({"callback_url": url}, scenario=scenario, notes={"listens": True}).task_id
            watch(target, task, reads=1)
            target.advance(60)
            target.query(task)
    silent = target.create().task_id
    watch(target, silent)
    target.advance(60)


@probe("slow receivers", "lets a callback time out without a response", "control")
def slow_receivers(target: Target) -> None:
    task = target.create({"callback_url": "https://sink.mock/timeout,200"}, notes={"listens": True}).task_id
    watch(target, task)
    target.advance(60)
    target.add_recorded_attempts(task)


@probe("prices", "creates tasks of every price, and queries the credits before and after", "control")
def prices(target: Target) -> None:
    target.credits(settled=True)
    made = [
        target.create(
            {"duration": duration, "quality": quality, "generate_audio": sound}, notes={"priced": True}
        ).task_id
        for duration in (2, 5, 15)
        for quality in ("720p", "1080p")
        for sound in (True, False)
    ]
    with_sound = {"audio_url": "https://example.com/a.mp3", "generate_audio": False}
    made.append(target.create(with_sound, notes={"priced": True}).task_id)
    target.credits(settled=True)
    target.advance(_A_DAY)
    for task in made:
        target.query(task)
    target.credits(settled=True)
    for task in made:
        target.query(task)
    target.credits(settled=True)


@probe("settlement", "lets tasks fail, and videos be shorter than requested", "control")
def settlement(target: Target) -> None:
    target.credits(settled=True)
    lengths = (3, 2, 3.0075)  # The second is under the minimum price, and the third needs rounding.
    outcomes: tuple[tuple[str, Mapping[str, Any]], ...] = (
        *(("fail=service_error", {}), ("cancel=failed", {})),
        *((f"actual_duration={length}s", {"length": length}) for length in lengths),
    )
    for scenario, notes in outcomes:
        task = target.create({"duration": 10}, scenario=scenario, notes=notes).task_id
        target.credits(settled=True)
        target.advance(_A_DAY)
        target.query(task)
        target.credits(settled=True)


@probe("last credits", "spends credits until a create costs more than is left", "control")
def last_credits(target: Target) -> None:
    target.now()
    target.control.call("worlds", {"balance": 40})
    for duration in (5, 5, 5, 3, 2):
        left = user_balance(target.credits()).get("remaining_credits")
        target.create({"duration": duration}, notes={} if finite_number(left) is None else {"remaining": left})


@probe("apart", "queries the task of one account with the key of another", "keys", "control")
def apart(target: Target) -> None:
    target.credits(settled=True)
    task = target.create(who="b").task_id
    for who in ("a", "b"):
        target.query(task, who=who)
    target.advance(_A_DAY / 2, who="b")
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
            target.query(call.task_id)
    target.create(headers=key)
    target.credits(settled=True)


@probe("links", "follows a result link until it expires", "control")
def links(target: Target) -> None:
    task = target.create().task_id
    found = watch(target, task).answer_object.get("results")
    if not isinstance(found, list) or not found:
        return
    _follow(target, str(found[0]), 0)
    age = 0.0
    for goal in (RESULT_LINK.seconds - 3600.0, RESULT_LINK.seconds - 5.0, RESULT_LINK.seconds + 5.0):
        target.advance(goal - age)
        _follow(target, str(found[0]), goal)
        age = goal


def _follow(target: Target, link: str, age: Seconds) -> None:
    target.call("GET", link, access="missing", notes={"age": age})

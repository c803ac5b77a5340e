"""What a scenario makes of one answer: another answer in its place, a fault on the wire, a delay."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import NamedTuple

from evolink_contracts.spec.errors import ERRORS
from evolink_contracts.spec.models import MODELS
from evolink_mock.api.endpoint import IDEMPOTENCY_HEADER, Call
from evolink_mock.api.responses import Answer, come_again, refuse
from evolink_mock.core.duration import SECOND, Micros
from evolink_mock.core.latency import draw_latency
from evolink_mock.core.seed import lucks_of
from evolink_mock.scenarios.language import Scripted
from evolink_mock.scenarios.precedence import BUILT_IN, Decision
from evolink_mock.scenarios.rules import Subject
from evolink_mock.scenarios.wire_faults import FAULTS, altered
from evolink_mock.worlds.world import World

_SOON = 1
"""Seconds in the Retry-After of an injected 429 about which nothing else is said."""


class Injection(NamedTuple):
    """What happens to one answer. `retry_after` in seconds."""

    condition: str | None = None
    fault: str | None = None
    latency: Micros = 0
    retry_after: int | None = None
    drip_time: Micros | None = None


def scripted(
    call: Call,
    operation: Scripted,
    decision: Decision,
    subject: Callable[[], Subject],
    carry_out: Callable[[], Answer],
    let_pass: Callable[[World, Micros], Awaitable[None]],
) -> Answer:
    """The answer that a scenario makes of an operation."""
    world = call.world
    act = injection(world, decision, operation, call.path.get("task_id", ""), call.now)
    if act.condition is not None:
        answer = refuse(operation, act.condition, model=subject().model or next(iter(MODELS)))
        if act.retry_after is not None:
            come_again(answer, act.retry_after)
    elif act.fault is None or FAULTS[act.fault].carried_out:
        answer = carry_out()
    else:
        answer = Answer(0, b"")
    if act.fault is not None:
        spoil(answer, act.fault, act.drip_time)
    if act.latency:
        hold_back(answer, partial(let_pass, world, act.latency))
    if decision is not BUILT_IN:
        answer.door, answer.scenario, answer.rule = decision.door, decision.text, decision.rule
    header = call.headers.get(IDEMPOTENCY_HEADER)
    if operation == "create" and answer.hold is not None and header is not None:
        key = header.decode("latin-1")
        world.unanswered.add(key)
        answer.hold = partial(_unanswered, world, key, answer.hold)
    return answer


def injection(world: World, decision: Decision, operation: Scripted, about: str, now: Micros) -> Injection:
    """What a decided scenario does to this answer, which counts as one of its `times`.

    `about` is the task that a query asks for: each task has its own times.
    """
    scenario = decision.scenario
    answer, law = scenario.answer_to(operation), scenario.latency_of(operation)
    if answer is None and law is None:
        return Injection()
    left: Micros | None = None
    if scenario.limited:
        count, since = world.script.usage(f"{operation} {about} {decision.text}", now)
        left = None if scenario.lasts is None else since + scenario.lasts - now
        if (scenario.times is not None and count >= scenario.times) or (left is not None and left <= 0):
            return Injection()
    latency = 0 if law is None else draw_latency(law, lucks_of(world.seed, f"latency {world.requests}"))
    if answer is None or answer in FAULTS:
        return Injection(None, answer, latency, None, scenario.drip_time)
    retry_after = scenario.retry_after
    if retry_after is None and ERRORS[operation, answer].status == 429:
        retry_after = _SOON if left is None else -(-left // SECOND)
    return Injection(answer, None, latency, retry_after or None)


def spoil(answer: Answer, fault: str, drip_time: Micros | None) -> None:
    """Make an answer what its fault has it be."""
    answer.status, answer.content_type, answer.body = altered(fault, answer.status, answer.content_type, answer.body)
    answer.fault, answer.drip_time = fault, drip_time


def hold_back(answer: Answer, pause: Callable[[], Awaitable[None]]) -> None:
    """Let something be over before an answer goes out, beside what it waits for already."""
    held = answer.hold

    async def both() -> None:
        await pause()
        if held is not None:
            await held()

    answer.hold = both


async def _unanswered(world: World, key: str, hold: Callable[[], Awaitable[None]]) -> None:
    try:
        await hold()
    finally:
        world.unanswered.discard(key)

"""What a scenario makes of one answer: another answer in its place, a fault on the wire, a delay."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import NamedTuple

from evolink_contracts.spec.errors import ERRORS
from evolink_contracts.spec.models import MODELS
from evolink_mock.api.endpoint import IDEMPOTENCY_HEADER, Request
from evolink_mock.api.responses import Result, error_result, with_retry_after
from evolink_mock.core.distribution import sample_latency
from evolink_mock.core.duration import SECOND, Micros
from evolink_mock.core.seed import random_units
from evolink_mock.scenarios.language import ScenarioOperation
from evolink_mock.scenarios.precedence import BUILT_IN, Decision
from evolink_mock.scenarios.rules import RequestFacts
from evolink_mock.scenarios.wire_faults import WIRE_FAULTS, altered
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


def apply_scenario(
    call: Request,
    operation: ScenarioOperation,
    decision: Decision,
    subject: Callable[[], RequestFacts],
    carry_out: Callable[[], Result],
    let_pass: Callable[[World, Micros], Awaitable[None]],
) -> Result:
    """The answer that a scenario makes of an operation."""
    world = call.world
    act = injection(world, decision, operation, call.path.get("task_id", ""), call.now)
    if act.condition is not None:
        answer = error_result(operation, act.condition, model=subject().model or next(iter(MODELS)))
        if act.retry_after is not None:
            with_retry_after(answer, act.retry_after)
    elif act.fault is None or WIRE_FAULTS[act.fault].executes_operation:
        answer = carry_out()
    else:
        answer = Result(0, b"")
    if act.fault is not None:
        corrupt(answer, act.fault, act.drip_time)
    if act.latency:
        delay(answer, partial(let_pass, world, act.latency))
    if decision is not BUILT_IN:
        answer.source, answer.scenario, answer.rule = decision.source, decision.text, decision.rule
    header = call.headers.get(IDEMPOTENCY_HEADER)
    if operation == "create" and answer.pending is not None and header is not None:
        key = header.decode("latin-1")
        world.unanswered.add(key)
        answer.pending = partial(_unanswered, world, key, answer.pending)
    return answer


def injection(world: World, decision: Decision, operation: ScenarioOperation, about: str, now: Micros) -> Injection:
    """What a decided scenario does to this answer, which counts as one of its `times`.

    `about` is the task that a query asks for: each task has its own times.
    """
    scenario = decision.scenario
    answer, law = scenario.answer_to(operation), scenario.latency_of(operation)
    if answer is None and law is None:
        return Injection()
    left: Micros | None = None
    if scenario.limited:
        count, since = world.scenarios.usage(f"{operation} {about} {decision.text}", now)
        left = None if scenario.valid_for is None else since + scenario.valid_for - now
        if (scenario.times is not None and count >= scenario.times) or (left is not None and left <= 0):
            return Injection()
    latency = 0 if law is None else sample_latency(law, random_units(world.seed, f"latency {world.requests}"))
    if answer is None or answer in WIRE_FAULTS:
        return Injection(None, answer, latency, None, scenario.drip_time)
    retry_after = scenario.retry_after
    if retry_after is None and ERRORS[operation, answer].status == 429:
        retry_after = _SOON if left is None else -(-left // SECOND)
    return Injection(answer, None, latency, retry_after or None)


def corrupt(answer: Result, fault: str, drip_time: Micros | None) -> None:
    """Make an answer what its fault has it be."""
    answer.status, answer.content_type, answer.body = altered(fault, answer.status, answer.content_type, answer.body)
    answer.fault, answer.drip_time = fault, drip_time


def delay(answer: Result, pause: Callable[[], Awaitable[None]]) -> None:
    """Let something be over before an answer goes out, beside what it waits for already."""
    held = answer.pending

    async def both() -> None:
        await pause()
        if held is not None:
            await held()

    answer.pending = both


async def _unanswered(world: World, key: str, hold: Callable[[], Awaitable[None]]) -> None:
    try:
        await hold()
    finally:
        world.unanswered.discard(key)

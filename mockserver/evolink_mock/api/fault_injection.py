"""Fault injection: replaces, corrupts or delays one response."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import NamedTuple

from msgspec.structs import replace

from evolink_contracts.spec.errors import ERRORS
from evolink_contracts.spec.models import MODELS
from evolink_mock.api.endpoint import Request
from evolink_mock.api.headers import IDEMPOTENCY_HEADER
from evolink_mock.api.responses import Outcome, Pending, Result, amend, error_result, with_retry_after
from evolink_mock.core.distribution import sample_latency
from evolink_mock.core.duration import SECOND, Micros
from evolink_mock.core.seed import random_units
from evolink_mock.scenarios.language import ScenarioOperation
from evolink_mock.scenarios.precedence import BUILT_IN, Decision
from evolink_mock.scenarios.rules import RequestFacts
from evolink_mock.scenarios.wire_faults import WIRE_FAULTS, altered
from evolink_mock.worlds.world import World

_SOON = 1
"""Seconds in the Retry-After of an injected 429 whose scenario names neither `retry_after` nor `for`."""


class Injection(NamedTuple):
    """The faults of one response. `retry_after` in seconds."""

    condition: str | None = None
    fault: str | None = None
    latency: Micros = 0
    retry_after: int | None = None
    drip_time: Micros | None = None


def apply_scenario(
    request: Request,
    operation: ScenarioOperation,
    decision: Decision,
    facts: Callable[[], RequestFacts],
    execute: Callable[[], Outcome],
    let_pass: Callable[[World, Micros], Awaitable[None]],
) -> Outcome:
    """Carry an operation out as a scenario has it, with the faults of its response."""
    world = request.world
    injected = injection(world, decision, operation, request.path.get("task_id", ""), request.now)
    outcome: Outcome
    if injected.condition is not None:
        outcome = error_result(operation, injected.condition, model=facts().model or next(iter(MODELS)))
        if injected.retry_after is not None:
            outcome = with_retry_after(outcome, injected.retry_after)
    elif injected.fault is None or WIRE_FAULTS[injected.fault].executes_operation:
        outcome = execute()
    else:
        outcome = Result(0, b"")
    if injected.fault is not None:
        outcome = amend(outcome, partial(corrupt, fault=injected.fault, drip_time=injected.drip_time))
    if decision is not BUILT_IN:
        source = partial(replace, source=decision.source, scenario=decision.text, rule=decision.rule)
        outcome = amend(outcome, source)
    if injected.latency:
        outcome = delay(outcome, partial(let_pass, world, injected.latency))
    key = request.headers.get(IDEMPOTENCY_HEADER)
    if operation == "create" and isinstance(outcome, Pending) and key is not None:
        return _unanswered_until_sent(world, key.decode("latin-1"), outcome)
    return outcome


def injection(world: World, decision: Decision, operation: ScenarioOperation, about: str, now: Micros) -> Injection:
    """The faults of this response by a decided scenario, counted as one of its `times`.

    `about` is the task that a query asks for: each task has its own count.
    """
    scenario = decision.scenario
    fault, distribution = scenario.answer_to(operation), scenario.latency_of(operation)
    if fault is None and distribution is None:
        return Injection()
    left: Micros | None = None
    if scenario.limited:
        count, since = world.scenarios.usage(f"{operation} {about} {decision.text}", now)
        left = None if scenario.valid_for is None else since + scenario.valid_for - now
        if (scenario.times is not None and count >= scenario.times) or (left is not None and left <= 0):
            return Injection()
    latency = 0
    if distribution is not None:
        latency = sample_latency(distribution, random_units(world.seed, f"latency {world.requests}"))
    if fault is None or fault in WIRE_FAULTS:
        return Injection(None, fault, latency, None, scenario.drip_time)
    retry_after = scenario.retry_after
    if retry_after is None and ERRORS[operation, fault].status == 429:
        retry_after = _SOON if left is None else -(-left // SECOND)
    return Injection(fault, None, latency, retry_after or None)


def corrupt(result: Result, fault: str, drip_time: Micros | None) -> Result:
    """The result with a fault, and with the status and body that the fault gives it."""
    status, content_type, body = altered(fault, result.status, result.content_type, result.body)
    return replace(result, status=status, content_type=content_type, body=body, fault=fault, drip_time=drip_time)


def delay(outcome: Outcome, pause: Callable[[], Awaitable[None]]) -> Pending:
    """The outcome, to be sent no sooner than `pause` is over."""

    async def finish() -> Result:
        await pause()
        return outcome if isinstance(outcome, Result) else await outcome.finish()

    return Pending(finish, outcome if isinstance(outcome, Result) else outcome.result)


def _unanswered_until_sent(world: World, key: str, pending: Pending) -> Pending:
    """Keep the idempotency key of a create among those without a response until it is over."""
    idempotency = world.tasks.idempotency
    idempotency.hold(key)

    async def finish() -> Result:
        try:
            return await pending.finish()
        finally:
            idempotency.release(key)

    return Pending(finish, pending.result)

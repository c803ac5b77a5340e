"""Mutations of tasks and credits: ids, plans, visibility, prices, charges."""

from collections.abc import Callable
from typing import Any

from evolink_mock.core.behaviour import Behaviour, FindTask
from evolink_mock.core.choices import Choices
from evolink_mock.core.distribution import Distribution
from evolink_mock.core.duration import Micros
from evolink_mock.core.seed import Seed
from evolink_mock.core.task import NEVER, UNITS_PER_CREDIT, Plan, State, Task
from evolink_mock.core.validation import CreateRequest
from evolink_mock.testing.mutations.base import Body, Mutation


def tasks(change: Callable[[Body], object]) -> Mutation:
    """Changes the body of a task, in queries and in callbacks."""

    def mutation(documented: Behaviour) -> Behaviour:
        def task_body(task_id: str, task: Task, state: State, results: Any, choices: Choices) -> Any:
            body = dict(documented.task_body(task_id, task, state, results, choices))
            change(body)
            return body

        return documented._replace(task_body=task_body)

    return mutation


def unknown_at_first(documented: Behaviour) -> Behaviour:
    seen: set[str] = set()

    def visible(task_id: str, own: Task | None, foreign: FindTask) -> Task | None:
        if own is None or task_id in seen:
            return own
        seen.add(task_id)
        return None

    return documented._replace(visible_task=visible)


def foreign_tasks(documented: Behaviour) -> Behaviour:
    return documented._replace(visible_task=lambda task_id, own, foreign: own or foreign())


def upper_case_ids(documented: Behaviour) -> Behaviour:
    def task_id(seed: Seed, n: int, created: Micros) -> str:
        honest = documented.task_id(seed, n, created)
        return honest[:-8] + honest[-8:].upper()

    return documented._replace(task_id=task_id)


def never_ending(documented: Behaviour) -> Behaviour:
    def plan(request: CreateRequest, times: Distribution, seed: Seed, n: int, choices: Choices) -> Plan:
        return documented.plan(request, times, seed, n, choices)._replace(starts=NEVER, ends=NEVER)

    return documented._replace(plan=plan)


def prices(change: Callable[[CreateRequest], CreateRequest]) -> Mutation:
    """Changes the price of a second of the request, or the least that it costs."""

    def mutation(documented: Behaviour) -> Behaviour:
        def plan(request: CreateRequest, times: Distribution, seed: Seed, n: int, choices: Choices) -> Plan:
            return documented.plan(change(request), times, seed, n, choices)

        return documented._replace(plan=plan)

    return mutation


def one_rate(request: CreateRequest) -> CreateRequest:
    return request._replace(rate=request.model.price.per_second("720p") * UNITS_PER_CREDIT)


def double_high_quality(request: CreateRequest) -> CreateRequest:
    return request if request.values.get("quality") != "1080p" else request._replace(rate=request.rate * 2)


def full_price_silence(request: CreateRequest) -> CreateRequest:
    return request if request.values.get("generate_audio", True) else request._replace(rate=request.rate * 2)


def without_minimum(request: CreateRequest) -> CreateRequest:
    return request._replace(minimum=0)


def charges(change: Callable[[int, int], int]) -> Mutation:
    """Changes the charge of an ended task, from its reserved and its due units."""

    def mutation(documented: Behaviour) -> Behaviour:
        return documented._replace(
            settle=lambda ledger, reserved, due: documented.settle(ledger, reserved, change(reserved, due)),
        )

    return mutation

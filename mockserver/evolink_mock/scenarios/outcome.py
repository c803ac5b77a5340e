"""Scenario outcomes: changes the honest plan of a task as its scenario says."""

from evolink_contracts.spec.errors import FAILURES
from evolink_mock.core.billing import quote
from evolink_mock.core.choices import Choices
from evolink_mock.core.lifecycle import CANCELLED
from evolink_mock.core.task import NEVER, Failure, Plan
from evolink_mock.core.validation import CreateRequest
from evolink_mock.scenarios.delivery_faults import DELIVERY_FAULTS
from evolink_mock.scenarios.language import UPSTREAM, Scenario


def apply(plan: Plan, request: CreateRequest, scenario: Scenario, choices: Choices) -> Plan:
    """The plan of a task under a scenario, whose outcome wins over what the request itself leads to."""
    starts, ends, tail_at_99 = plan.starts, plan.ends, 0
    if scenario.slow_start is not None:
        starts, ends = starts + scenario.slow_start, ends + scenario.slow_start
    if scenario.slow_finish is not None:
        ends, tail_at_99 = ends + scenario.slow_finish, scenario.slow_finish
    if scenario.delivery is not None and DELIVERY_FAULTS[scenario.delivery].completes_immediately:
        starts = ends = 0
    elif scenario.stuck == "99":
        ends, tail_at_99 = NEVER, NEVER - ends
    elif scenario.stuck is not None or scenario.polls is not None:
        starts = ends = NEVER
    failure = plan.failure
    if scenario.fail is not None:
        failure = _failure(scenario.fail, scenario.message)
    elif scenario.cancel is not None:
        failure = CANCELLED
    video_duration, charged = plan.video_duration, plan.charged
    if scenario.actual_duration is not None and scenario.actual_duration < video_duration:
        video_duration = scenario.actual_duration
        charged = quote(request, video_duration, choices)
    return plan._replace(
        starts=starts,
        ends=ends,
        failure=failure,
        video_duration=video_duration,
        charged=charged,
        tail_at_99=tail_at_99,
        cancelled=scenario.cancel == "cancelled",
        queries_to_end=scenario.polls or 0,
    )


def _failure(code: str, message: str | None) -> Failure:
    if code.startswith(UPSTREAM):
        code = code.removeprefix(UPSTREAM)
        return Failure(code, message or code)
    return Failure(code, message or FAILURES[code].message)

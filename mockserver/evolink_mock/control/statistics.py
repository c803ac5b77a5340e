"""Control call of statistics: a world's tasks, deliveries, attempts and requests, counted by status."""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from functools import partial
from typing import TypeVar

from evolink_contracts.spec.wire import TERMINAL
from evolink_mock.clock import yield_to_loop
from evolink_mock.control.endpoint import ControlCall, ControlRequest
from evolink_mock.control.redacted_rows import Redacted, RowWriter
from evolink_mock.control.world_selection import show_identity
from evolink_mock.core.bodies import public_status
from evolink_mock.core.delivery import DEAD, Attempt, DeliveryTally
from evolink_mock.core.duration import Micros, to_seconds
from evolink_mock.core.lifecycle import state_of
from evolink_mock.worlds.outbox import DeliveryReader
from evolink_mock.worlds.slices import VIEW_SLICE
from evolink_mock.worlds.view import WorldView
from evolink_mock.worlds.world import World

Item = TypeVar("Item")

_STATUSES = ("pending", "processing", *sorted(TERMINAL))
_STAGES = ("queued", "in_flight", "delivered", *DEAD)
_PERCENTILES = (50, 95, 99)


class StatisticsCalls:
    """The call `/__mock/statistics`."""

    def table(self) -> tuple[ControlCall, ...]:
        summary = (
            "tasks, deliveries, attempts and requests by status: all since the start or the last reset, also those "
            "that no list keeps; latency_ms and delay_ms are of the deliveries that are kept"
        )
        return (ControlCall("GET", "/statistics", summary, self._get),)

    async def _get(self, request: ControlRequest) -> object:
        writer = RowWriter()
        for world in request.worlds:
            await writer.add(world, partial(dict, await statistics_of(world)))
        return Redacted({"worlds": writer.rows} if request.all_worlds else writer.rows[0])


async def statistics_of(world: World) -> dict[str, object]:
    """The figures of a world as JSON-ready values.

    Other requests get a turn between slices, so that a large world does not stop the emulator.
    """
    view = await world.settled_view()
    requests = world.journal.counts
    tasks = await _count_tasks(world, view)
    tally, attempts = await _count_deliveries(view.deliveries)
    return {
        **show_identity(world),
        "now": to_seconds(view.now),
        "tasks": _with_total(_STATUSES, tasks),
        "deliveries": _with_total(_STAGES, tally.stages),
        "attempts": {
            "total": tally.results.total(),
            "results": dict(sorted(tally.results.items())),
            "latency_ms": _distribution([attempt.result.latency for attempt in attempts]),
            "delay_ms": _distribution([attempt.started - attempt.due for attempt in attempts]),
        },
        "requests": {"total": requests.total(), **_by_route(requests)},
    }


async def _count_tasks(world: World, view: WorldView) -> Counter[str]:
    tasks, statuses = world.tasks, Counter[str]()
    async for name in _in_slices(tasks.ids()):
        if (task := tasks.get(name)) is not None:
            statuses[public_status(state_of(task, view.now), world.config.choices)] += 1
    return statuses


async def _count_deliveries(deliveries: DeliveryReader) -> tuple[DeliveryTally, list[Attempt]]:
    """The numbers of all deliveries, and the attempts of those that are kept."""
    tally, attempts = DeliveryTally(), list[Attempt]()
    tally.stages.update(deliveries.dropped.stages)
    tally.results.update(deliveries.dropped.results)
    async for number in _in_slices(deliveries.numbers()):
        if (delivery := deliveries.get(number)) is not None:
            tally.add(delivery)
            attempts += delivery.attempts
    return tally, attempts


async def _in_slices(items: Sequence[Item]) -> AsyncIterator[Item]:
    for place, item in enumerate(items, 1):
        yield item
        if place % VIEW_SLICE == 0:
            await yield_to_loop()


def _with_total(names: Iterable[str], counts: Counter[str]) -> dict[str, int]:
    """Every name with its count, also where it is 0."""
    return {"total": counts.total(), **{name: counts[name] for name in names}}


def _distribution(values: list[Micros]) -> dict[str, float] | None:
    """Percentiles (nearest rank) and the maximum, in milliseconds."""
    if not values:
        return None
    ordered = sorted(values)
    ranks = {f"p{percent}": ordered[-(-len(ordered) * percent // 100) - 1] / 1000 for percent in _PERCENTILES}
    return {**ranks, "max": ordered[-1] / 1000}


def _by_route(requests: Counter[tuple[str, int]]) -> dict[str, dict[str, int]]:
    """Requests by route and status; one without an answer has the status `none`."""
    routes: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for (route, status), count in sorted(requests.items()):
        routes[route][str(status or "none")] = count
    return routes

"""The route table of the control API under /__mock, and its wiring."""

from typing import TYPE_CHECKING

from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from evolink_mock.control.clock import ClockCalls
from evolink_mock.control.deliveries import DeliveryCalls
from evolink_mock.control.endpoint import ControlCall, ControlEndpoint, ControlRequest
from evolink_mock.control.health import HealthCalls
from evolink_mock.control.logs import LogCalls
from evolink_mock.control.scenarios import ScenarioCalls
from evolink_mock.control.statistics import StatisticsCalls
from evolink_mock.control.tasks import TaskCalls
from evolink_mock.control.world_selection import WorldSelector
from evolink_mock.control.worlds import WorldCalls
from evolink_mock.core.behaviour import Behaviour
from evolink_mock.delivery.dispatcher import Dispatcher
from evolink_mock.delivery.time_travel import TimeTravel
from evolink_mock.settings import Settings
from evolink_mock.worlds.registry import WorldRegistry

if TYPE_CHECKING:
    from evolink_mock.scenarios.file import ScenarioFile

_OUTSIDE_THE_TABLE = (
    "GET /__mock/timeline: tasks and their changes as server-sent events; Last-Event-ID resumes",
    "GET /__mock/ui: the timeline's page",
)
"""The routes under /__mock that are not in the table, as the index lists them."""


class WithoutSlash:
    """Serves `/__mock` as `/__mock/`, the index of the control API."""

    def __init__(self, mounted: ASGIApp) -> None:
        self._mounted = mounted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._mounted({**scope, "path": f"{scope['path']}/"}, receive, send)


class Control:
    """The control API of one emulator."""

    def __init__(
        self,
        settings: Settings,
        worlds: WorldRegistry,
        selector: WorldSelector,
        dispatcher: Dispatcher,
        time_travel: TimeTravel,
        behaviour: Behaviour,
        file: "ScenarioFile | None" = None,
    ) -> None:
        self._settings = settings
        self._worlds = worlds
        self._selector = selector
        self.dispatcher = dispatcher
        self.time_travel = time_travel
        policy, self._behaviour = behaviour.policy, behaviour
        self.draining = False
        self._table = (
            ControlCall("GET", "/", "this list", self._index, of_world=False),
            *HealthCalls(worlds, self.is_shutting_down).table(),
            ControlCall("GET", "/fidelity", "each behaviour with its basis and source", self._fidelity, of_world=False),
            *ClockCalls(time_travel, settings.speed).table(),
            *WorldCalls(worlds).table(),
            *TaskCalls(settings.choices, policy).table(),
            *StatisticsCalls().table(),
            *LogCalls(self.is_shutting_down).table(),
            *DeliveryCalls(self.is_shutting_down, policy).table(),
            *ScenarioCalls(file).table(),
        )

    def table(self) -> tuple[ControlCall, ...]:
        """Every call, as data: routes, errors about unknown parameters and the index are all made from it."""
        return self._table

    def routes(self) -> list[Route]:
        """One route per path, so that other methods get a 405 with the allowed ones."""
        paths = dict.fromkeys(call.path for call in self._table)
        return [Route(path, self._endpoint([call for call in self._table if call.path == path])) for path in paths]

    def unknown_route(self) -> ControlEndpoint:
        """The endpoint of every path that no call matches."""
        return self._endpoint([])

    def _endpoint(self, calls: list[ControlCall]) -> ControlEndpoint:
        return ControlEndpoint(calls, self._worlds, self._selector)

    def drain(self) -> None:
        """Stop being ready, begin no further attempt, and end every long poll."""
        self.draining = True
        self.dispatcher.stop()
        self._worlds.notify_all()

    def is_shutting_down(self) -> bool:
        """Whether long polls and streams must end."""
        return self.draining

    async def _index(self, request: ControlRequest) -> object:
        listed = [f"{call.method} /__mock{call.path}: {call.summary}" for call in self._table]
        return {"calls": [*listed, *_OUTSIDE_THE_TABLE]}

    async def _fidelity(self, request: ControlRequest) -> object:
        from evolink_mock.control.fidelity import fidelity

        return fidelity(self._settings.choices, self._behaviour)

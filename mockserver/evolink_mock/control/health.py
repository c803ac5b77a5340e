"""Control calls of the process: liveness and readiness."""

from collections.abc import Callable

from evolink_mock.control.endpoint import ControlCall, ControlError, ControlRequest
from evolink_mock.worlds.registry import WorldRegistry


class HealthCalls:
    """The calls of `/__mock/health` and `/__mock/ready`, which orchestrators make."""

    def __init__(self, worlds: WorldRegistry, is_shutting_down: Callable[[], bool]) -> None:
        self._worlds = worlds
        self._is_shutting_down = is_shutting_down

    def table(self) -> tuple[ControlCall, ...]:
        return (
            ControlCall("GET", "/health", "whether the process is alive", self._health, of_world=False),
            ControlCall("GET", "/ready", "whether requests are accepted", self._ready, of_world=False),
        )

    async def _health(self, request: ControlRequest) -> object:
        return {"status": "ok", "worlds": len(self._worlds), "worlds_evicted": self._worlds.evicted}

    async def _ready(self, request: ControlRequest) -> object:
        if self._is_shutting_down():
            raise ControlError(503, "draining", "Shutting down")
        return {"status": "ready"}

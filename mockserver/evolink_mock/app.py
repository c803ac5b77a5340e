"""The composition root: settings in, an ASGI application out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount, Router

from evolink_mock.clock import Clock, ClockFactory, make_clock
from evolink_mock.control import Control
from evolink_mock.core.duration import SECOND
from evolink_mock.core.generation import parse_generation
from evolink_mock.core.task import to_units
from evolink_mock.middleware import ControlGate
from evolink_mock.routes import Api
from evolink_mock.settings import Settings
from evolink_mock.worlds import Grant, Rules, Worlds


def create_app(settings: Settings | None = None, clock: ClockFactory | None = None) -> Starlette:
    """An emulator with nothing in it. `clock` makes the clock of each world; by default the settings say which.

    The control object is at `app.state.control`, for whoever runs the application and wants to drain it.
    """
    settings = settings or Settings()
    rules = Rules(
        choices=settings.choices,
        law=parse_generation(settings.generation_time),
        server_seed=settings.seed,
        make_clock=clock or _clocks(settings),
        public_url=settings.public_url or f"http://{settings.host}:{settings.port}",
        journal_limit=settings.journal_limit,
        task_limit=settings.task_limit,
    )
    default = Grant(None if settings.balance is None else to_units(settings.balance))
    grants = {key: rule.grant() for key, rule in settings.keys.items()}
    worlds = Worlds(rules, settings.world_limit, grants, default)
    api, control = Api(settings, worlds), Control(settings, worlds)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        control.drain()

    gate = Middleware(ControlGate, settings=settings, outside=worlds.outside)
    steering = Router(control.routes(), redirect_slashes=False, default=control.unknown_route())
    app = Starlette(routes=[*api.routes(), Mount("/__mock", app=steering, middleware=[gate])], lifespan=lifespan)
    app.router.redirect_slashes = False
    app.router.default = api.unknown_route()
    app.state.control = control
    return app


def _clocks(settings: Settings) -> ClockFactory:
    start = None if settings.clock_start is None else settings.clock_start * SECOND

    def make() -> Clock:
        return make_clock(settings.clock, start=start, speed=settings.speed)

    return make

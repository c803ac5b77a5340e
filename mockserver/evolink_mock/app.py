"""The composition root: settings in, an ASGI application out."""

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.middleware import Middleware
from starlette.routing import Mount, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from evolink_contracts.spec.timing import EVOLINK_CALLBACKS, CallbackPolicy
from evolink_mock.api.endpoint import Endpoint
from evolink_mock.api.files import FileEndpoints
from evolink_mock.api.result_videos import ResultVideos
from evolink_mock.api.routes import Api
from evolink_mock.clock import Clock, ClockFactory, in_background, make_clock, resume_clock
from evolink_mock.control.access import ControlAccess
from evolink_mock.control.pages import Pages
from evolink_mock.control.routes import Control
from evolink_mock.control.timeline import Timeline
from evolink_mock.core.callback_routes import CallbackRoutes, parse_origin
from evolink_mock.core.distribution import parse_generation_time
from evolink_mock.core.duration import SECOND
from evolink_mock.delivery.dispatcher import Dispatcher
from evolink_mock.delivery.throttle import Throttle
from evolink_mock.delivery.time_travel import TimeTravel
from evolink_mock.delivery.transports import make_transports
from evolink_mock.media.cache import FileCache
from evolink_mock.scenarios.precedence import ScenarioResolver
from evolink_mock.settings import MEDIA, Settings
from evolink_mock.worlds.config import WorldConfig
from evolink_mock.worlds.idle_settlement import settle_in_background
from evolink_mock.worlds.ready_queue import ReadyQueue
from evolink_mock.worlds.registry import WorldRegistry
from evolink_mock.worlds.snapshot import SavedWorld
from evolink_mock.worlds.store import MemoryBackend, StorageBackend, StorageError
from evolink_mock.worlds.world import World

if TYPE_CHECKING:
    from evolink_mock.scenarios.file import ScenarioFile

log = logging.getLogger("evolink_mock")


class Emulator:
    """The emulator as an ASGI application, with the two handles that whoever runs it may need.

    Every endpoint answers its own errors, so no exception layers stand before them; and the two shapes of path that
    nearly all requests have are looked up, since to try one pattern after another takes a fifth of a query's time.
    """

    def __init__(self, worlds: WorldRegistry, control: Control, router: Router) -> None:
        self.worlds = worlds
        self.control = control
        self._router = router
        routes = [route for route in router.routes if isinstance(route, Route)]
        self._exact = {route.path: route.app for route in routes if not route.param_convertors}
        self._last_segment = {
            parent: (name.strip("{}"), route.app)
            for route in routes
            for parent, _, name in [route.path.rpartition("/")]
            if name.startswith("{") and len(route.param_convertors) == 1
        }

    def lookup(self, path: str) -> tuple[ASGIApp, Mapping[str, str]] | None:
        """The endpoint of an everyday path, with what its pattern names."""
        if (exact := self._exact.get(path)) is not None:
            return exact, {}
        parent, _, segment = path.rpartition("/")
        if segment and (named := self._last_segment.get(parent)) is not None:
            return named[1], {named[0]: segment}
        return None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not scope["root_path"] and (found := self.lookup(scope["path"])) is not None:
            endpoint, scope["path_params"] = found
            return await endpoint(scope, receive, send)
        return await self._router.app(scope, receive, send)


def create_app(
    settings: Settings | None = None,
    clock: ClockFactory | None = None,
    receivers: Mapping[str, ASGIApp] | None = None,
    policy: CallbackPolicy = EVOLINK_CALLBACKS,
) -> Emulator:
    """An emulator with nothing in it.

    `clock` makes the clock of each world; by default the settings say which. `receivers` are applications in this
    process that take the callbacks of an origin, such as `{"https://app.example.com": app}`. Callbacks are sent while
    the application's lifespan runs; `policy` limits each attempt and says when another one follows. Raises `ValueError`
    for a malformed origin and for a faulty scenario file, `StorageError` for a state that cannot be used.
    """
    settings = settings or Settings()
    keeper = _keeper(settings)
    receivers = {parse_origin(origin): app for origin, app in (receivers or {}).items()}
    agenda: ReadyQueue[World] = ReadyQueue()
    rules = WorldConfig(
        choices=settings.choices,
        distribution=parse_generation_time(settings.generation_time),
        server_seed=settings.seed,
        make_clock=clock or _clocks(settings),
        mode=settings.clock,
        speed=settings.speed,
        resume=partial(_resume, settings),
        backend=keeper,
        public_url=settings.public_url or f"http://{settings.host}:{settings.port}",
        journal_limit=settings.journal_limit,
        task_limit=settings.task_limit,
        delivery_limit=settings.delivery_limit,
        ready_queue=agenda,
    )
    worlds = WorldRegistry(rules, settings.world_limit, settings.grants(), settings.default_grant())
    routing = CallbackRoutes(
        settings.callback_route, settings.forward_to, settings.deliver_public, frozenset(receivers)
    )
    throttle = Throttle()
    dispatcher = Dispatcher(
        worlds,
        routing,
        make_transports(settings, receivers),
        agenda,
        throttle,
        policy,
        concurrency=settings.callback_concurrency,
        scope=settings.choices.internal_addresses,
    )
    file = _scenario_file(settings)
    shelf = FileCache(Path(settings.state) / "media" if settings.state else None, settings.media_limit)
    uploads = FileEndpoints(worlds, settings.keys, shelf, rules.public_url, throttle.request_served)
    links = ResultVideos(settings, shelf)
    time_travel = TimeTravel(dispatcher)
    api = Api(settings, worlds, ScenarioResolver(file), time_travel.let_pass, links, throttle.request_served, policy)
    routes = api.routes()
    look = partial(enable_input_files, settings, shelf, uploads, routes)
    if settings.media_route or settings.fetch_public:
        look()
    elif MEDIA:
        uploads.heard = look
    control = Control(settings, worlds, dispatcher, time_travel, policy, file)

    @asynccontextmanager
    async def lifespan(app: object) -> AsyncIterator[None]:
        async with in_background(settle_in_background(worlds)), in_background(dispatcher.run()):
            yield
        control.drain()
        await dispatcher.drain(policy.timeout)
        unsent = sum(world.view().deliveries.waiting for world in worlds)
        if unsent and not settings.state:
            log.info("%d callbacks were not sent yet; with --state DIR they would be, after the next start", unsent)
        try:
            keeper.close()
        except StorageError as error:
            log.error("%s; what happened last is lost", error)

    gate = Middleware(ControlAccess, settings=settings, anonymous=worlds.anonymous)
    looking_on = [
        Route("/timeline", Timeline(worlds, settings.keys, control.is_shutting_down)),
        *Pages(worlds.anonymous).routes(),
    ]
    steering = Router([*control.routes(), *looking_on], redirect_slashes=False, default=control.unknown_route())
    router = Router(
        [*routes, *uploads.routes(), Mount("/__mock", app=steering, middleware=[gate])],
        redirect_slashes=False,
        default=api.unknown_route(),
        lifespan=lifespan,
    )
    return Emulator(worlds, control, router)


def enable_input_files(settings: Settings, shelf: FileCache, uploads: FileEndpoints, routes: Sequence[Route]) -> None:
    """From now on, creates wait until the files that they name were looked at, where somebody knows where those are.

    Not before there is need, since Pillow and PyAV take a while to import, and a create that waits for nothing is
    answered at once.
    """
    from evolink_mock.api.input_files import InputFiles

    inputs = InputFiles(settings, shelf, uploads)
    uploads.fetch = inputs.fetch_upload
    uploads.heard = lambda: None
    for route in routes:
        if isinstance(route.app, Endpoint) and route.app.operation == "create":
            route.app.prepare = inputs.prepare


def _scenario_file(settings: Settings) -> "ScenarioFile | None":
    if not settings.scenarios:
        return None
    from evolink_mock.scenarios.file import ScenarioFile

    return ScenarioFile(Path(settings.scenarios))


def _keeper(settings: Settings) -> StorageBackend:
    if not settings.state:
        return MemoryBackend()
    from evolink_mock.worlds.sqlite import SqliteBackend

    return SqliteBackend(Path(settings.state))


def _resume(settings: Settings, saved: SavedWorld) -> Clock:
    """A world's clock as it was, unless the settings have changed meanwhile: then as they say, from where it was."""
    mode, speed = saved.mode, saved.speed
    clock = resume_clock(mode, speed, saved.now, saved.wall)
    if (settings.clock, settings.speed) != (saved.server_mode, saved.server_speed):
        return make_clock(settings.clock, start=clock.now(), speed=settings.speed)
    return clock


def _clocks(settings: Settings) -> ClockFactory:
    start = None if settings.clock_start is None else settings.clock_start * SECOND

    def make() -> Clock:
        return make_clock(settings.clock, start=start, speed=settings.speed)

    return make

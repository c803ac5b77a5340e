"""Composition root: builds the ASGI application from the settings, room by room."""

import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.middleware import Middleware
from starlette.routing import Mount, Route, Router
from starlette.types import Receive, Scope, Send

from evolink_mock.api.endpoint import EndpointContext
from evolink_mock.api.fault_sender import send_with_fault
from evolink_mock.api.file_store import FileStore
from evolink_mock.api.files import FileEndpoints
from evolink_mock.api.input_files import InputFiles
from evolink_mock.api.responses import presented_by
from evolink_mock.api.result_videos import ResultVideos
from evolink_mock.api.route_table import RouteTable
from evolink_mock.api.routes import Api
from evolink_mock.clock import Clock, ClockFactory, in_background, make_clock, resume_clock
from evolink_mock.control.access import ControlAccess
from evolink_mock.control.pages import Pages
from evolink_mock.control.routes import Control, WithoutSlash
from evolink_mock.control.timeline.stream import Timeline
from evolink_mock.control.ui.home_page import HomePage
from evolink_mock.control.world_selection import WorldSelector
from evolink_mock.core.behaviour import DOCUMENTED, Behaviour
from evolink_mock.core.callback_routes import CallbackRoutes
from evolink_mock.core.distribution import parse_generation_time
from evolink_mock.core.duration import SECOND
from evolink_mock.delivery.dispatcher import Dispatcher
from evolink_mock.delivery.throttle import Throttle
from evolink_mock.delivery.time_travel import TimeTravel
from evolink_mock.delivery.transports import make_transports
from evolink_mock.media.cache import FileCache
from evolink_mock.scenarios.precedence import ScenarioResolver
from evolink_mock.settings import FILE_NAMES, Settings
from evolink_mock.worlds.config import PublicUrl, WorldConfig
from evolink_mock.worlds.idle_settlement import settle_in_background
from evolink_mock.worlds.log import LogBudget
from evolink_mock.worlds.ready_queue import ReadyQueue
from evolink_mock.worlds.registry import WorldRegistry
from evolink_mock.worlds.snapshot import SavedWorld
from evolink_mock.worlds.store import MemoryBackend, StorageBackend, StorageError
from evolink_mock.worlds.world import World

if TYPE_CHECKING:
    from evolink_mock.delivery.receivers import Application, Receivers
    from evolink_mock.scenarios.file import ScenarioFile

log = logging.getLogger("evolink_mock")


class Emulator:
    """The emulator as an ASGI application, with its worlds and its control API for the server that runs it.

    Every endpoint sends its own errors, so no exception layers stand before them.
    """

    def __init__(
        self,
        worlds: WorldRegistry,
        control: Control,
        table: RouteTable,
        router: Router,
        receive: "Callable[[str, Application], None]",
    ) -> None:
        self.receive = receive
        """Let an application take the callbacks of an origin from now on: `receive("https://app.example.com", app)`."""
        self.worlds = worlds
        self.control = control
        self.table = table
        self.lookup = table.lookup
        self._router = router

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not scope["root_path"] and (found := self.lookup(scope["path"])) is not None:
            endpoint, scope["path_params"] = found
            return await endpoint(scope, receive, send)
        return await self._router.app(scope, receive, send)


def create_app(
    settings: Settings | None = None,
    clock: ClockFactory | None = None,
    receivers: "Mapping[str, Application] | None" = None,
    behaviour: Behaviour = DOCUMENTED,
) -> Emulator:
    """An emulator with nothing in it.

    `clock` makes the clock of each world; by default the settings say which. `receivers` are ASGI and WSGI applications
    in this process that take the callbacks of an origin, such as `{"https://app.example.com": app}`; `Emulator.receive`
    adds one later. Callbacks are sent while the application's lifespan runs; `behaviour` is the documented one unless
    another is given, such as one with another retry policy. Raises `ValueError` for a malformed origin, for a receiver
    that is no application and for a faulty scenario file, `StorageError` for a state that cannot be used.
    """
    settings = (settings or Settings()).resolved()
    apps = None if receivers is None else _build_receivers(receivers)
    backend, throttle, ready_queue = _build_backend(settings), Throttle(), ReadyQueue[World]()
    worlds = _build_worlds(settings, clock or _clock_factory(settings), backend, ready_queue, behaviour)
    dispatcher = _build_dispatcher(settings, behaviour, worlds, apps, ready_queue, throttle)
    time_travel = TimeTravel(dispatcher)
    scenarios = _build_scenario_file(settings)
    context = _build_context(settings, worlds, throttle, behaviour)
    api, files = _build_api(settings, behaviour, worlds, ScenarioResolver(scenarios), time_travel, context)
    selector = WorldSelector(worlds, settings.accepted_keys())
    control = Control(settings, worlds, selector, dispatcher, time_travel, behaviour, scenarios)
    home = HomePage(settings, settings.public_url or settings.address, worlds.anonymous, api.unknown_route())
    table = RouteTable([*api.rows(), *files.rows()])
    router = Router(
        [*table.routes(), Route("/", home), *_control_routes(settings, worlds, selector, control)],
        redirect_slashes=False,
        default=api.unknown_route(),
        lifespan=lambda app: _lifespan(settings, behaviour, worlds, dispatcher, control, backend),
    )
    return Emulator(worlds, control, table, router, partial(_receive, apps, dispatcher))


def _build_receivers(applications: "Mapping[str, Application]") -> "Receivers":
    # Imported where applications are given: serving starts without httpx.
    from evolink_mock.delivery.receivers import Receivers

    return Receivers(applications)


def _receive(receivers: "Receivers | None", dispatcher: Dispatcher, origin: str, application: "Application") -> None:
    if receivers is None:
        raise ValueError("this emulator takes no receivers; give create_app some, or receivers={} to add them later")
    receivers.add(origin, application)
    dispatcher.forget_destinations()


def _build_backend(settings: Settings) -> StorageBackend:
    if not settings.state:
        return MemoryBackend()
    from evolink_mock.worlds.storage.sqlite import SqliteBackend

    return SqliteBackend(Path(settings.state))


def _build_worlds(
    settings: Settings,
    make_clock: ClockFactory,
    backend: StorageBackend,
    ready_queue: ReadyQueue[World],
    behaviour: Behaviour,
) -> WorldRegistry:
    config = WorldConfig(
        choices=settings.choices,
        distribution=parse_generation_time(settings.generation_time),
        server_seed=settings.seed,
        make_clock=make_clock,
        mode=settings.clock,
        speed=settings.speed,
        resume=partial(_resume, settings),
        backend=backend,
        public_url=PublicUrl(settings.public_url, settings.address),
        journal_limit=settings.journal_limit,
        log_budget=LogBudget(),
        task_limit=settings.task_limit,
        delivery_limit=settings.delivery_limit,
        ready_queue=ready_queue,
        owners={},
        behaviour=behaviour,
    )
    return WorldRegistry(config, settings.world_limit, settings.grants(), settings.default_grant())


def _build_dispatcher(
    settings: Settings,
    behaviour: Behaviour,
    worlds: WorldRegistry,
    apps: "Receivers | None",
    ready_queue: ReadyQueue[World],
    throttle: Throttle,
) -> Dispatcher:
    origins = frozenset[str]() if apps is None else apps.origins
    return Dispatcher(
        worlds,
        CallbackRoutes(
            settings.callback_route, settings.forward_to, settings.deliver_public, origins, in_process=apps is not None
        ),
        make_transports(settings, apps),
        ready_queue,
        throttle,
        behaviour,
        concurrency=settings.callback_concurrency,
        most=settings.attempt_limit,
        scope=settings.choices.internal_addresses,
    )


def _build_scenario_file(settings: Settings) -> "ScenarioFile | None":
    if not settings.scenarios:
        return None
    from evolink_mock.scenarios.file import ScenarioFile

    return ScenarioFile(Path(settings.scenarios), FILE_NAMES)


def _build_context(
    settings: Settings, worlds: WorldRegistry, throttle: Throttle, behaviour: Behaviour
) -> EndpointContext:
    return EndpointContext(
        worlds.anonymous,
        send_with_fault,
        throttle.request_served,
        not settings.access_log,
        settings.choices.cors == "any",
        presented_by(behaviour),
    )


def _build_api(
    settings: Settings,
    behaviour: Behaviour,
    worlds: WorldRegistry,
    resolver: ScenarioResolver,
    time_travel: TimeTravel,
    context: EndpointContext,
) -> tuple[Api, FileEndpoints]:
    cache = FileCache(Path(settings.state) / "media" if settings.state else None, settings.media_limit)
    store = FileStore(worlds, cache, worlds.anonymous.config.public_url)
    inputs = InputFiles(settings, cache, store, behaviour.models)
    videos = ResultVideos(settings, cache, behaviour.result_link)
    api = Api(settings, worlds, resolver, time_travel.let_pass, videos, inputs.of_creates, context, behaviour)
    return api, FileEndpoints(worlds, settings.accepted_keys(), store, inputs.of_uploads, context)


def _control_routes(
    settings: Settings, worlds: WorldRegistry, selector: WorldSelector, control: Control
) -> tuple[Route, Mount]:
    routes = [
        *control.routes(),
        Route("/timeline", Timeline(worlds, selector, control.is_shutting_down)),
        *Pages(worlds.anonymous).routes(),
    ]
    access = Middleware(ControlAccess, settings=settings, anonymous=worlds.anonymous)
    router = Router(routes, redirect_slashes=False, default=control.unknown_route())
    mounted = Mount("/__mock", app=router, middleware=[access])
    return Route("/__mock", WithoutSlash(mounted)), mounted


@asynccontextmanager
async def _lifespan(
    settings: Settings,
    behaviour: Behaviour,
    worlds: WorldRegistry,
    dispatcher: Dispatcher,
    control: Control,
    backend: StorageBackend,
) -> AsyncIterator[None]:
    """Run the background tasks of an emulator; then let attempts finish, and close its storage."""
    async with in_background(settle_in_background(worlds)), in_background(dispatcher.run()):
        yield
    control.drain()
    await dispatcher.drain(behaviour.policy.timeout)
    unsent = sum(world.view().deliveries.waiting for world in worlds)
    if unsent and not settings.state:
        log.info("%d callbacks have not been sent; with --state DIR they are sent after the next start", unsent)
    try:
        backend.close()
    except StorageError as error:
        log.error("%s; the latest changes are lost", error)


def _resume(settings: Settings, saved: SavedWorld) -> Clock:
    """The clock of a saved world as it was; where the settings have changed meanwhile, theirs from the same instant."""
    mode, speed = saved.mode, saved.speed
    clock = resume_clock(mode, speed, saved.now, saved.wall)
    if (settings.clock, settings.speed) != (saved.server_mode, saved.server_speed):
        return make_clock(settings.clock, start=clock.now(), speed=settings.speed)
    return clock


def _clock_factory(settings: Settings) -> ClockFactory:
    start = None if settings.clock_start is None else settings.clock_start * SECOND

    def make() -> Clock:
        return make_clock(settings.clock, start=start, speed=settings.speed)

    return make

"""The emulator as a test double, in the process of the test."""

from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import httpx

from evolink_contracts.spec.files import HOST
from evolink_mock.app import create_app
from evolink_mock.core.duration import to_seconds
from evolink_mock.settings import settings_of
from evolink_mock.testing.callbacks import ORIGIN, Callbacks
from evolink_mock.testing.handle import ControlRefused, EmulatorHandle
from evolink_mock.testing.in_process import InProcessTransport

if TYPE_CHECKING:
    from evolink_mock.delivery.receivers import Application

__all__ = ["KEY", "ORIGIN", "URL", "Callbacks", "ControlRefused", "Mocked"]

URL = "https://api.evolink.ai"
"""Where it stands for the real service."""
KEY = "sk-test"
GENERATION_TIME = "10s"
_DEFAULTS = {"clock": "manual", "generation_time": GENERATION_TIME, "public_url": URL}


class Mocked(EmulatorHandle):
    """An emulator in this process that answers for https://api.evolink.ai, on a clock that moves when you move it.

    Each video takes 10 seconds of that clock (`generation_time="10s"`). `transport` and `async_transport` are for httpx
    clients of yours, any number of them; closing those does not end the emulator. `callbacks` is a receiver of
    callbacks, and `receivers` are applications of yours, ASGI or WSGI, that receive the callbacks of their origin.
    `settings` are those of `evolink_mock.Settings`, the open questions of the API included. Close it, or use it as a
    context manager. Raises `ValueError` for a setting, a scenario or a receiver that is wrong.
    """

    everywhere = True

    def __init__(
        self,
        scenario: str | None = None,
        seed: int = 0,
        receivers: "Mapping[str, Application] | None" = None,
        **settings: Any,
    ) -> None:
        __tracebackhide__ = True
        from evolink_mock.delivery.receivers import checked_receivers

        self.callbacks = Callbacks(self)
        try:
            given = {} if receivers is None else checked_receivers(receivers)
            made = settings_of({**_DEFAULTS, "seed": seed, **settings}, ("scenario", "receivers"))
            self._app = create_app(made, receivers={ORIGIN: self.callbacks, **given})
        except ValueError as error:
            raise error.with_traceback(None) from None  # The sentence says all; where it was found is of no use.
        self._in_process = InProcessTransport(self._app)
        self.transport: httpx.BaseTransport = self._in_process.shared()
        self.async_transport: httpx.AsyncBaseTransport = self._in_process.async_shared()
        super().__init__(URL, KEY, {"transport": self.transport}, {"transport": self.async_transport})
        if scenario is not None:
            try:
                self.control("scenarios/default", {"scenario": scenario})
            except ControlRefused:
                self.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the emulator, its event loop and its thread."""
        super().close()
        self._in_process.close()

    def now(self) -> float:
        """The instant of the clock, in Unix seconds. It blocks no event loop, so that asynchronous clients can ask."""
        world = self._app.worlds.get(self.key)
        return super().now() if world is None else to_seconds(world.clock.now())

    def receive(self, origin: str, application: "Application") -> None:
        """Let your application, ASGI or WSGI, receive the callbacks of an origin from now on.

        `receive("https://app.example.com", app)`: a task whose `callback_url` begins with that origin is reported to
        `app`, without a socket. The lifespan of an ASGI application is not run. Raises `ValueError`.
        """
        __tracebackhide__ = True
        try:
            self._app.receive(origin, application)
        except ValueError as error:
            raise error.with_traceback(None) from None

    def mount(self, router: Any) -> None:
        """Let a respx router answer the hosts of the service by this emulator, for every httpx client in the process.

        They are https://api.evolink.ai, and https://files-api.evolink.ai for uploads.
        """
        for origin in (URL, HOST):
            router.route(url__startswith=origin).mock(side_effect=self.transport.handle_request)

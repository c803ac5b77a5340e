"""A local emulator of EvoLink's asynchronous video API. `create_app` makes it; `evolink-mock serve` runs it."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evolink_mock.app import create_app
    from evolink_mock.settings import Settings
    from evolink_mock.testing.in_process import InProcessTransport

__all__ = ["InProcessTransport", "Settings", "create_app"]

_HOMES = {"create_app": "app", "InProcessTransport": "testing.in_process", "Settings": "settings"}


def __getattr__(name: str) -> Any:
    # Lazy, so that the command starts without httpx and an in-process user without uvicorn.
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(f"evolink_mock.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'evolink_mock' has no attribute {name!r}")

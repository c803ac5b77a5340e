"""A local emulator of EvoLink's asynchronous video API. `create_app` makes it; `evolink-mock serve` runs it.

Its exceptions, each defined in the module that raises it. `create_app` raises `StorageError` and `ValueError`, and the
test double and the fixtures those of `testing` and `ValueError`; all others are caught within the emulator.

Exception
├── BodiesTooLarge          api.asgi: the bodies of requests under way would take more memory than all may
├── CannotServe             server.run: an address, a file or a directory of the settings cannot be used
├── ClientDisconnected      api.asgi: the client disconnected before its request was complete
├── ControlError            control.endpoint: a control call cannot be carried out; with its error response
├── ResourcesExhausted      delivery.transport: this machine, not the receiver, prevented an attempt
├── ResponseTooLate         delivery.time_travel: a latency is longer than the client in this process waits
├── StorageError            worlds.store: the state directory cannot hold or does not hold a state
├── Unreachable             control_client: no emulator answers at a URL; with the reason
├── Unsatisfiable           api.byte_ranges: a range begins behind the last byte of a file
├── WorldLimitReached       worlds.registry: a new key is refused, since no world can make room for its own
├── _Refused                server.bounded_protocol: a head is too large, or has not one valid Host
├── OSError
│   └── Blocked             egress: a name resolves to an address that production would not connect to
├── RuntimeError
│   └── ServerFailed        testing.server: the emulator of the fixture evolink_server did not start; with its output
└── ValueError
    ├── ControlRefused      testing.handle: a control call of a test was refused; with the sentence of the answer
    ├── KeyMistakes         settings.mistakes: the settings of keys have mistakes; with the path of each
    ├── UnknownSetting      settings.types: a setting that Python code names does not exist; also a TypeError
    ├── RuleError           scenarios.rules: a scenario rule makes no sense; with the path of the wrong setting
    └── TomlError           scenarios.toml_lines: a file is not valid TOML; with the line
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evolink_mock.app import create_app
    from evolink_mock.core.choices import Choices
    from evolink_mock.settings import KeyRule, Settings
    from evolink_mock.testing.in_process import InProcessTransport
    from evolink_mock.worlds.store import StorageError

__all__ = ["Choices", "InProcessTransport", "KeyRule", "Settings", "StorageError", "create_app"]

_HOMES = {
    "Choices": "core.choices",
    "InProcessTransport": "testing.in_process",
    "KeyRule": "settings",
    "Settings": "settings",
    "StorageError": "worlds.store",
    "create_app": "app",
}


def __getattr__(name: str) -> Any:
    # Lazy, so that the command starts without httpx and an in-process user without uvicorn.
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(f"evolink_mock.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'evolink_mock' has no attribute {name!r}")

"""The emulator as pytest fixtures, in this process or behind a socket; a failure report explains its tasks."""

import sys
from collections.abc import Generator, Iterator
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from evolink_mock.testing.handle import EmulatorHandle
    from evolink_mock.testing.mocked import Callbacks, Mocked
    from evolink_mock.testing.server import EvolinkServer

# The emulator is imported where a fixture is asked for, since this module is loaded by every run of pytest.

_KEYS = pytest.StashKey[set[str]]()
_HANDLES = pytest.StashKey[list["EmulatorHandle"]]()
_TITLE = "EvoLink emulator"
_NO_SETTINGS = (
    "@pytest.mark.evolink sets evolink_mock, and has no effect on evolink_server, one process for the whole session: "
    'call evolink_server.scenario("...") or evolink_server.control("scenarios/default", {"scenario": "..."}) in the '
    "test, or start an emulator with settings of its own by evolink-mock serve"
)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "evolink(scenario=None, seed=0, receivers=None, **settings): settings of the test's evolink_mock, such as "
        'scenario="fail=service_error", generation_time="3s", receivers={"https://app.example.com": app}; the closest '
        "mark counts.",
    )


@pytest.fixture
def evolink_mock(request: pytest.FixtureRequest) -> Iterator["Mocked"]:
    """An emulator of the test's own that answers for https://api.evolink.ai in this process, without a socket.
    Its clock stands still until it is moved, and each video takes 10 seconds of it: `evolink_mock.advance(10)`.
    `evolink_mock.evolink` and `.async_evolink` are the devkit's clients, whose waiting moves the clock;
    `.client`, `.transport` and `.async_transport` are for httpx; `.receive(origin, app)` makes your
    application the receiver of callbacks; `.scenario("fail=service_error")` applies to the next request.
    `@pytest.mark.evolink(...)` sets its settings. If the test fails, the report explains each task.
    """
    __tracebackhide__ = True
    from evolink_mock.testing.mocked import Mocked

    mark = request.node.get_closest_marker("evolink")
    mocked = Mocked(*mark.args, **mark.kwargs) if mark else Mocked()
    with mocked:
        _explained(request.node, mocked)
        yield mocked


@pytest.fixture
def evolink_callbacks(evolink_mock: "Mocked") -> "Callbacks":
    """A receiver of the callbacks of evolink_mock: create tasks with `callback_url=evolink_callbacks.url`.
    `answer(500, 200)` sets the statuses of its next responses, `wait_for(task_id)` moves the clock until the callback
    came, and `received` lists the bodies.
    """
    return evolink_mock.callbacks


@pytest.fixture(scope="session")
def _evolink_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    from evolink_mock.testing.server import ServerFailed, server_process

    process = server_process(tmp_path_factory.mktemp("evolink"))
    try:
        url = process.__enter__()
    except ServerFailed as error:
        pytest.fail(str(error), pytrace=False)
    try:
        yield url
    finally:
        process.__exit__(None, None, None)


@pytest.fixture
def evolink_server(request: pytest.FixtureRequest, _evolink_process: str) -> Iterator["EvolinkServer"]:
    """An emulator behind a socket: `url`, and a `key` of the test's own. One process serves the whole session.
    For applications that use `requests`, or run in another process. Its clock is automatic: each query of an unfinished
    task moves it to the next event. `advance`, `scenario`, `control`, `client`, `evolink`, `tasks` and `explain` are
    those of evolink_mock; `@pytest.mark.evolink(...)` is refused, since one process has one set of settings.
    The key follows from the test's id, so that each run of the test meets the same faults. If the test fails, the
    report explains each task.
    """
    from evolink_mock.testing.server import EvolinkServer

    if request.node.get_closest_marker("evolink") and "evolink_mock" not in request.fixturenames:
        pytest.fail(_NO_SETTINGS, pytrace=False)
    server = EvolinkServer(_evolink_process, f"sk-test-{sha256(request.node.nodeid.encode()).hexdigest()[:12]}")
    used = request.config.stash.setdefault(_KEYS, set())
    if server.key in used:  # The test runs once more in this session.
        server.control("worlds", {"reset": True})
    used.add(server.key)
    _explained(request.node, server)
    yield server
    server.close()


def _explained(item: pytest.Item, handle: "EmulatorHandle") -> None:
    item.stash.setdefault(_HANDLES, []).append(handle)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when in ("setup", "call") and report.failed:
        try:
            report.sections += [(_TITLE, text) for text in _explanations(item)]
        except Exception as error:  # An explanation never costs the report.
            report.sections.append((_TITLE, f"no explanation: {type(error).__name__}: {error}"))
    return report


def _explanations(item: pytest.Item) -> Iterator[str]:
    """The explanation of each emulator of the test, its own fixtures' included, if anything happened in it."""
    module = sys.modules.get("evolink_mock.testing.handle")
    if module is None:
        return
    fixtures = [value for value in getattr(item, "funcargs", {}).values() if isinstance(value, module.EmulatorHandle)]
    for handle in {id(each): each for each in (*item.stash.get(_HANDLES, ()), *fixtures)}.values():
        if handle.was_used():
            yield handle.explain()

"""The test double: its transports outlive the clients that close them, its clients wait on its clock."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from numbers import Integral
from typing import Any

import anyio
import flask
import httpx
import pytest
import respx

from evolink_client import AsyncEvolinkClient, EvolinkClient, RequestTimedOut, WaitTimedOut
from evolink_contracts.spec.files import HOST, PREFIX
from evolink_mock import Choices, InProcessTransport, KeyRule, create_app
from evolink_mock.mocked import ControlRefused, Mocked
from evolink_mock.settings import UnknownSetting
from tests.support.emulator import DOCUMENTED

BACKENDS = ["asyncio", "trio"]
IMAGE = "https://example.com/cat.png"
HOOK = "https://app.example.com/hook"


def is_alive(mocked: Mocked) -> bool:
    mocked.advance(1)
    with httpx.Client(transport=mocked.transport, base_url=mocked.url) as client:
        answer = client.get("/v1/credits", headers={"Authorization": f"Bearer {mocked.key}"})
    return answer.status_code == 200


def with_httpx(mocked: Mocked) -> None:
    with httpx.Client(transport=mocked.transport):
        pass


def with_the_devkits_client(mocked: Mocked) -> None:
    with EvolinkClient("sk-test", http={"transport": mocked.transport}) as client:
        client.credits()


def with_own_clients(mocked: Mocked) -> None:
    for _ in range(2):
        with mocked.client as client:
            client.get("/v1/credits")
        with mocked.evolink as evolink:
            evolink.credits()


def closed_twice(mocked: Mocked) -> None:
    client = httpx.Client(transport=mocked.transport)
    client.close()
    client.close()
    mocked.transport.close()


def closed_in_another_thread(mocked: Mocked) -> None:
    thread = threading.Thread(target=httpx.Client(transport=mocked.transport).close)
    thread.start()
    thread.join()


def two_clients(mocked: Mocked) -> None:
    with httpx.Client(transport=mocked.transport) as one, httpx.Client(transport=mocked.transport) as other:
        one.close()
        assert other.get(f"{mocked.url}/v1/credits").status_code == 401


@pytest.mark.parametrize(
    "use",
    [with_httpx, with_the_devkits_client, with_own_clients, closed_twice, closed_in_another_thread, two_clients],
)
def test_closing_a_client_leaves_the_emulator_running(use: Callable[[Mocked], None]) -> None:
    with Mocked() as mocked:
        use(mocked)
        assert is_alive(mocked)


@pytest.mark.parametrize("backend", BACKENDS)
def test_closing_an_asynchronous_client_leaves_the_emulator_running(backend: str) -> None:
    async def scene(mocked: Mocked) -> None:
        async with httpx.AsyncClient(transport=mocked.async_transport):
            pass
        for _ in range(2):
            async with mocked.async_evolink as evolink:
                await evolink.credits()
        async with AsyncEvolinkClient("sk-test", http={"transport": mocked.async_transport}) as client:
            await client.credits()

    with Mocked() as mocked:
        anyio.run(scene, mocked, backend=backend)
        anyio.run(scene, mocked, backend=backend)
        assert is_alive(mocked)


def test_a_transport_used_directly_ends_its_event_loop_when_it_is_closed() -> None:
    before = threading.active_count()
    transport = InProcessTransport(create_app())
    assert threading.active_count() == before + 1
    with httpx.Client(transport=transport, base_url="http://emulator.test") as client:
        assert client.get("/v1/credits").status_code == 401
    assert threading.active_count() == before
    transport.close()
    with pytest.raises(RuntimeError, match="this emulator is closed"):
        httpx.Client(transport=transport).get("http://emulator.test/v1/credits")


NO_RECEIVERS: list[Any] = [{HOOK: None}, [1], 7, "x", [], {1: flask.Flask("x")}]


@pytest.mark.parametrize(
    "arguments", [{"scenario": "fail=no_such"}, {"sed": 7}, *({"receivers": each} for each in NO_RECEIVERS)]
)
def test_an_emulator_that_cannot_be_made_leaves_no_thread(arguments: dict[str, Any]) -> None:
    before = threading.active_count()
    with pytest.raises(ValueError, match=r"."):
        Mocked(**arguments)
    assert threading.active_count() == before


# Waiting


def test_the_devkits_client_waits_on_the_emulators_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: pytest.fail("waited in real time"))
    with Mocked() as mocked:
        began = mocked.now()
        task = mocked.evolink.videos.create("A cat", IMAGE)
        video = mocked.evolink.tasks.wait(task.id)
        assert video.task.succeeded
        assert 10 <= mocked.now() - began < 20


def test_a_wait_times_out_on_the_emulators_clock() -> None:
    with Mocked("stuck=99") as mocked:
        began = mocked.now()
        task = mocked.evolink.videos.create("A cat", IMAGE)
        with pytest.raises(WaitTimedOut):
            mocked.evolink.tasks.wait(task.id, timeout=600)
        assert mocked.now() - began == pytest.approx(600)


def test_a_create_that_takes_longer_than_the_client_allows_times_out_and_is_billed() -> None:
    with Mocked() as mocked:
        mocked.scenario("create_latency=40s")
        with pytest.raises(RequestTimedOut):
            mocked.evolink.videos.create("A cat", IMAGE)
        assert len(mocked.tasks) == 1


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_awaited_client_waits_on_the_emulators_clock(backend: str) -> None:
    async def scene(mocked: Mocked) -> bool:
        task = await mocked.async_evolink.videos.create("A cat", IMAGE)
        return (await mocked.async_evolink.tasks.wait(task.id)).task.succeeded

    with Mocked() as mocked:
        assert anyio.run(scene, mocked, backend=backend)


@pytest.mark.parametrize("backend", BACKENDS)
def test_clients_with_options_of_their_own_wait_on_the_clock_too(backend: str) -> None:
    async def scene(mocked: Mocked) -> None:
        async with AsyncEvolinkClient(**mocked.async_client_options, retry_creates=True) as client:
            await client.tasks.wait((await client.videos.create("A cat", IMAGE)).id)

    with Mocked() as mocked:
        with EvolinkClient(**mocked.client_options, checks=False) as client:
            client.tasks.wait(client.videos.create("A cat", IMAGE).id)
        http = {"transport": mocked.transport}
        own = EvolinkClient(mocked.key, sleep=mocked.sleep, clock=mocked.client_clock, http=http)  # type: ignore[arg-type]
        own.tasks.wait(own.videos.create("A cat", IMAGE).id)
        anyio.run(scene, mocked, backend=backend)
        assert [task["status"] for task in mocked.tasks] == ["completed"] * 3


class Whole:
    """An integer of another library, as numpy.int64 is one."""

    def __int__(self) -> int:
        return 10


Integral.register(Whole)


@pytest.mark.parametrize(
    "by",
    [10, 10.0, "10s", timedelta(seconds=10), "0.16666666666666667m", Whole(), Decimal(10), Fraction(10)],
)
def test_time_passes_by_seconds_durations_and_timedeltas(by: Any) -> None:
    with Mocked() as mocked:
        began = mocked.now()
        mocked.advance(by)
        assert mocked.now() == pytest.approx(began + 10, abs=1e-6)


NO_SPANS: list[Any] = [
    *(-1, True, float("nan"), float("inf"), 1e30, 10**40, 1j, "7", "", None, [], timedelta(-1)),
    *([10**5000], Decimal("nan"), Decimal(10**5000), Fraction(-1)),
]


@pytest.mark.parametrize("by", NO_SPANS)
def test_anything_else_is_refused_with_the_bounds_and_moves_nothing(by: Any) -> None:
    with Mocked() as mocked:
        began = mocked.now()
        with pytest.raises(ValueError, match=r"write seconds, such as 7 or 2.5, .* from 0 to 366 days"):
            mocked.advance(by)
        assert mocked.now() == began


def test_the_emulator_starts_without_the_client() -> None:
    code = "import sys, evolink_mock.mocked as m; m.Mocked().close(); assert 'evolink_client' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


# Receivers


def test_my_application_is_the_receiver() -> None:
    app, came = flask.Flask("mine"), []

    @app.post("/hook")
    def hook() -> str:
        came.append(flask.request.get_json()["status"])
        return ""

    with Mocked(receivers={"https://app.example.com": app}) as mocked:
        mocked.evolink.videos.create("A cat", IMAGE, callback_url=HOOK)
        mocked.advance(10)
        mocked.receive("https://other.example.com", app)
        mocked.evolink.videos.create("A cat", IMAGE, callback_url="https://other.example.com/hook")
        mocked.advance(10)
        assert came == ["completed", "completed"]


# Errors


def test_a_refused_control_call_is_a_value_error_with_the_sentence_alone() -> None:
    with Mocked() as mocked:
        with pytest.raises(ControlRefused) as refused:
            mocked.scenario("create=rate_limitd")
        assert "did you mean 'rate_limited'?" in str(refused.value)
        assert "{" not in str(refused.value)
        assert isinstance(refused.value, ValueError)


@pytest.mark.parametrize(
    ("name", "near"), [("sed", "seed"), ("scenrio", "scenario"), ("recievers", "receivers"), ("clok", "clock")]
)
def test_an_unknown_setting_is_refused_with_the_nearest_name(name: str, near: str) -> None:
    with pytest.raises(UnknownSetting, match=f"'{name}' is not a known setting; did you mean '{near}"):
        Mocked(**{name: 7})  # type: ignore[arg-type]


def create(mocked: Mocked, scenario: str = "ok", **more: Any) -> str:
    mocked.scenario(scenario)
    return str(mocked.client.post("/v1/videos/generations", json=DOCUMENTED | more).json()["id"])


@pytest.mark.parametrize(
    ("scene", "says"),
    [
        (lambda mocked: None, "no task was created"),
        (lambda mocked: create(mocked) and None, "was created without callback_url"),
        (lambda mocked: create(mocked, callback_url=HOOK) and None, "is unrouted: no receiver for the callbacks of"),
        (lambda mocked: create(mocked, "stuck=99", callback_url=HOOK), "is still processing, and never ends"),
        (lambda mocked: create(mocked, callback_url="https://sink.mock/200"), "is delivered: attempt 1: the receiver"),
        (lambda mocked: create(mocked) and "task-unified-1-x", "there is no such task of sk-"),
    ],
)
def test_a_wait_in_vain_says_why(scene: Callable[[Mocked], str | None], says: str) -> None:
    with Mocked() as mocked:
        task = scene(mocked)
        with pytest.raises(AssertionError, match=r"0 of 1 callbacks.* came, and no more will come") as vain:
            mocked.callbacks.wait_for(task)
        assert says in str(vain.value)


def test_the_explanation_has_refused_requests_other_keys_and_aligned_times() -> None:
    with Mocked() as mocked:
        mocked.client.post("/v1/videos/generations", json={"model": "x", "prompt": "A cat"})
        create(mocked)
        other = httpx.Client(transport=mocked.transport, headers={"Authorization": "Bearer sk-another"})
        other.post(f"{mocked.url}/v1/videos/generations", json=DOCUMENTED)
        mocked.advance(20)
        lines = mocked.explain().splitlines()
    assert sum(line.startswith("task-unified-") for line in lines) == 2
    steps = [line for line in lines if line.startswith("  ") and "+" in line[:8]]
    assert {line.index("s  ") for line in steps} == {steps[0].index("s  ")}
    assert any(line.startswith("POST /v1/videos/generations answered 4") for line in lines)
    assert any("the request was" in line and '"A cat"' in line for line in lines)
    assert lines[-1] == "the clock shows 1757169763.00 (manual); nothing is due"


def test_the_explanation_names_the_other_key_of_a_task_and_its_clock() -> None:
    with Mocked() as mocked:
        create(mocked)
        mocked.advance(20)
        other = httpx.Client(transport=mocked.transport, headers={"Authorization": "Bearer sk-another"})
        other.post(f"{mocked.url}/v1/videos/generations", json=DOCUMENTED)
        other.post(f"{mocked.url}/v1/videos/generations", json={"model": "x"})
        lines = mocked.explain().splitlines()
    tasks = [line for line in lines if line.startswith("task-unified-")]
    says = " (of another key, sk-a…r, with a clock of its own)"
    assert [line.endswith(f": pending{says}") for line in tasks] == [False, True]
    assert sum(line.endswith(says) for line in lines if line.startswith("POST ")) == 1
    assert lines[-2].startswith("the clock of the other key sk-a…r shows 1757169743.00 (manual); the next event is due")
    assert lines[-1] == "the clock shows 1757169763.00 (manual); nothing is due"


@pytest.mark.parametrize(
    "made",
    [
        "httpx.Client(transport=InProcessTransport(create_app()), base_url='http://emulator.test')",
        "(mocked := Mocked()).client",
    ],
)
def test_a_process_ends_although_an_emulator_was_not_closed(made: str) -> None:
    lines = (
        "import httpx",
        "from evolink_mock import InProcessTransport, create_app",
        "from evolink_mock.mocked import Mocked",
        f"client = {made}",
        "assert client.get('/v1/credits', headers={'Authorization': 'Bearer sk-test'}).status_code == 200",
    )
    subprocess.run([sys.executable, "-c", "\n".join(lines)], check=True, timeout=60)


FORKED = """
import os, sys
from evolink_mock.mocked import Mocked
mocked = Mocked()
child = os.fork()
if not child:
    try:
        mocked.client.get("/v1/credits")
    except RuntimeError as error:
        print(error, flush=True)
    sys.exit(3)
_, status = os.waitpid(child, 0)
assert os.waitstatus_to_exitcode(status) == 3
assert len(mocked.tasks) == 0
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_ends_and_is_told_to_make_an_emulator_of_its_own() -> None:
    ran = subprocess.run([sys.executable, "-c", FORKED], check=True, timeout=60, capture_output=True, text=True)
    assert ran.stdout == "this emulator runs in the process that made it; a forked child needs one of its own\n"


@respx.mock
def test_a_mounted_emulator_answers_for_the_host_of_uploads_too(respx_mock: respx.MockRouter) -> None:
    with Mocked() as mocked:
        mocked.mount(respx_mock)
        quota = httpx.get(f"{HOST}{PREFIX}/quota", headers={"Authorization": f"Bearer {mocked.key}"})
        assert quota.json()["success"]


def test_keys_have_settings_of_their_own_by_public_names() -> None:
    with Mocked(keys={"sk-a": KeyRule(requests_per_minute=1)}, choices=Choices(cancelled_as="cancelled")) as mocked:
        for key, statuses in (("sk-a", [200, 429]), ("sk-b", [200, 200])):
            headers = {"Authorization": f"Bearer {key}"}
            made = [mocked.client.post("/v1/videos/generations", json=DOCUMENTED, headers=headers) for _ in range(2)]
            assert [answer.status_code for answer in made] == statuses
    with pytest.raises(ValueError, match=r"evolink_mock\.KeyRule"):
        Mocked(keys=["sk-a"])


def post(client: httpx.Client, mocked: Mocked) -> httpx.Response:
    headers = {"Authorization": f"Bearer {mocked.key}"}
    return client.post(f"{mocked.url}/v1/videos/generations", json=DOCUMENTED, headers=headers)


@pytest.mark.parametrize("clock", ["real", "manual", "auto"])
def test_a_latency_beyond_the_read_time_out_of_httpx_raises_its_error_and_is_billed(clock: str) -> None:
    with Mocked(clock=clock) as mocked, httpx.Client(transport=mocked.transport, timeout=0.2) as client:
        mocked.scenario("create_latency=500s")
        with pytest.raises(httpx.ReadTimeout):
            post(client, mocked)
        assert len(mocked.tasks) == 1
        assert post(client, mocked).status_code == 200


def test_a_latency_within_the_read_time_out_of_httpx_is_answered() -> None:
    with Mocked() as mocked, httpx.Client(transport=mocked.transport, timeout=3) as client:
        mocked.scenario("create_latency=2999ms")
        assert post(client, mocked).status_code == 200
    with Mocked(clock="scaled", speed=1000.0) as mocked, httpx.Client(transport=mocked.transport, timeout=3) as client:
        mocked.scenario("create_latency=30s")
        assert post(client, mocked).status_code == 200


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_latency_beyond_the_read_time_out_of_an_asynchronous_client_raises_its_error(backend: str) -> None:
    async def scene(mocked: Mocked) -> None:
        headers = {"Authorization": f"Bearer {mocked.key}"}
        async with httpx.AsyncClient(transport=mocked.async_transport, timeout=3) as client:
            with pytest.raises(httpx.ReadTimeout):
                await client.post(f"{mocked.url}/v1/videos/generations", json=DOCUMENTED, headers=headers)

    with Mocked() as mocked:
        mocked.scenario("create_latency=10s")
        anyio.run(scene, mocked, backend=backend)
        assert len(mocked.tasks) == 1

"""Many keys at once on one server never see one another, whatever goes wrong for each and whoever is reset."""

import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from evolink_contracts.spec.errors import FAILURES
from tests.support.emulator import DOCUMENTED, Emulator
from tests.support.server_process import Server

KEYS = [f"sk-{number}" for number in range(64)]
PUBLIC = "http://emulator.test"
WRONG = [
    *(f"fail={code}" for code in FAILURES),
    *("create=rate_limited; times=2", "create=commit_then_drop; times=1", "query=html_502; times=3", "flap=1"),
    *("polls=2", "stuck=99", "create_latency=1s", "query=reset_midway; times=1", "actual_duration=2s"),
]


def session(emulator: Emulator) -> list[object]:
    """What one key's customer sees of twelve requests, each with something of its own going wrong."""
    scenario = WRONG[KEYS.index(emulator.key) % len(WRONG)]
    emulator.control("scenarios/default", {"scenario": scenario})
    emulator.control("scenarios", {"scenario": "create=html_502", "times": 1})
    seen: list[object] = []
    for number in range(4):
        for method, path, more in (
            ("POST", "/v1/videos/generations", {"json": DOCUMENTED | {"duration": 2 + number}}),
            ("GET", "/v1/tasks/{}", {}),
            ("GET", "/v1/credits", {}),
        ):
            tasks = emulator.control("tasks?limit=1")["tasks"]
            try:
                answer = emulator.request(method, path.format(tasks[0]["id"] if tasks else "task-unified-0"), **more)
                seen.append((answer.status_code, answer.text, answer.headers["x-request-id"], answer.headers["date"]))
            except httpx.TransportError:
                seen.append("lost")
        emulator.advance("3s")
    return seen


def alone(key: str) -> list[object]:
    with Emulator.in_process(generation_time="quick", public_url=PUBLIC) as emulator:
        return session(emulator.as_key(key))


@pytest.mark.parametrize("many", [len(WRONG), pytest.param(len(KEYS), marks=pytest.mark.slow)])
def test_many_keys_at_once_while_one_is_reset_see_what_each_would_see_alone(many: int) -> None:
    keys, done = KEYS[:many], threading.Event()
    resets = 0
    with Server("--clock", "manual", "--public-url", PUBLIC) as server:
        url = "http://{}:{}".format(*server.address)

        def resetting() -> None:
            nonlocal resets
            with httpx.Client(base_url=url, timeout=60) as client:
                emulator = Emulator(client, "sk-reset")
                while not done.is_set():
                    emulator.post(DOCUMENTED, {"X-Mock-Scenario": "create_latency=1s; fail=service_error"})
                    emulator.control("scenarios", {"scenario": "fail=unknown_error", "times": 9})
                    emulator.control("worlds", {"reset": True})
                    resets += 1

        def together(key: str) -> list[object]:
            with httpx.Client(base_url=url, timeout=60) as client:
                return session(Emulator(client, key))

        thread = threading.Thread(target=resetting)
        thread.start()
        try:
            with ThreadPoolExecutor(16) as pool:
                found = dict(zip(keys, pool.map(together, keys), strict=True))
        finally:
            done.set()
            thread.join(60)
    assert resets > 10
    for key in keys:
        assert found[key] == alone(key), key

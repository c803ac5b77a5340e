"""Access to the control API: any program on this machine, no cross-origin page, from elsewhere only with the token."""

import pytest

from tests.support.emulator import Emulator

LOCAL = {"host": "127.0.0.1:8080"}


def status(emulator: Emulator, path: str = "/__mock/clock", **headers: str) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return emulator.request("GET", path, named).status_code


def test_on_loopback_no_token_is_needed(emulator: Emulator) -> None:
    assert status(emulator) == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example", **LOCAL},
        {"origin": "http://evil.example:8080", "host": "evil.example:8080"},
        {"sec_fetch_site": "cross-site", **LOCAL},
        {"sec_fetch_site": "same-site", **LOCAL},
        {"sec_fetch_site": "same-origin", "host": "rebound.example:8080"},
        {"origin": "null", **LOCAL},
        {"origin": "http://127.0.0.1.evil.example", **LOCAL},
        {"origin": "http://[", **LOCAL},
    ],
)
def test_cross_origin_requests_are_refused(emulator: Emulator, headers: dict[str, str]) -> None:
    assert status(emulator, **headers) == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://127.0.0.1:8080", **LOCAL},
        {"origin": "http://localhost:3000", "host": "localhost:8080"},
        {"sec_fetch_site": "same-origin", **LOCAL},
        {"sec_fetch_site": "none", "host": "[::1]:8080"},
    ],
)
def test_pages_of_this_machine_are_allowed(emulator: Emulator, headers: dict[str, str]) -> None:
    assert status(emulator, **headers) == 200


def test_beyond_loopback_every_call_but_health_and_ready_needs_the_token() -> None:
    with Emulator.in_process(host="0.0.0.0", control_token="t0ken") as emulator:
        assert status(emulator) == status(emulator, x_mock_token="guess") == 401
        assert status(emulator, x_mock_token="t0ken") == 200
        assert status(emulator, "/__mock/nonsense") == 401
        assert status(emulator, "/__mock/nonsense/health") == 401
        assert status(emulator, "/__mock/health") == status(emulator, "/__mock/ready") == 200
        assert emulator.create()


def test_beyond_loopback_without_a_configured_token_every_call_is_refused() -> None:
    with Emulator.in_process(host="0.0.0.0") as emulator:
        assert status(emulator) == status(emulator, x_mock_token="") == 401


def test_health_and_ready_need_no_key_and_world_calls_do(emulator: Emulator) -> None:
    for path in ("health", "ready", "fidelity"):
        assert emulator.client.get(f"/__mock/{path}").status_code == 200
    for path in ("clock", "worlds", "tasks", "events", "journal"):
        refused = emulator.client.get(f"/__mock/{path}")
        assert refused.status_code == 401
        assert "Authorization: Bearer" in refused.json()["error"]["message"]
        assert emulator.client.get(f"/__mock/{path}?all=true").status_code == 200

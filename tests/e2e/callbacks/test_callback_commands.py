"""`evolink-mock doctor`, as somebody uses it who asks why nothing arrives."""

import json
import socket
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

import pytest

from tests.support.commands import doctor, run
from tests.support.emulator import Emulator
from tests.support.receivers import HOST, Receiver

TARGET = "/hooks/video?secret=a%2Fb"


def _is_address(host: str) -> bool:
    try:
        return bool(ip_address(host))
    except ValueError:
        return False


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Decides what every name resolves to: nothing, unless addresses are given."""
    ask = socket.getaddrinfo
    known: list[str] = []

    def resolve(host: Any, *rest: Any, **more: Any) -> Any:
        if host == "localhost" or _is_address(host):
            return ask(host, *rest, **more)
        str(host).encode("idna")  # As the real one does, with an error for what it cannot encode.
        if not known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in known]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)

    def resolve_to(*addresses: str) -> None:
        known[:] = addresses

    return resolve_to


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://app.example.com/hook", "must start with https://; its scheme is 'http'"),
        ("http://localhost:3000/cb", "--callback-route https://app.example.com=http://localhost:3000"),
        ("http://127.0.0.1:3000/cb", "--callback-route https://app.example.com=http://127.0.0.1:3000"),
        ("app.example.com/hook", "its scheme is missing"),
        ("", "its scheme is missing"),
        ("https://127.0.0.1/hook", "must not point to an internal address"),
        ("https://2130706433/hook", "must not point to an internal address"),
        ("https://[::1]/hook", "must not point to an internal address"),
        ("https://user:password@app.example.com/", "must not contain a user name or password"),
        ("https://app.example.com:99999/", "must have a port from 1 to 65535"),
        ("https://app.example.com/" + "x" * 2048, "must have at most 2048 characters; it has 2072"),
        ("https://app.example.com/a b", "must not contain spaces"),
    ],
)
def test_what_production_refuses_goes_no_further(url: str, says: str) -> None:
    code, found = doctor(url, "--forward-to", "http://127.0.0.1:1")
    assert (code, found["url"], found["ok"], found["production"]["accepts"]) == (1, url, False, False)
    assert found["production"]["says"].startswith("refuses it at create with a 400: callback_url must")
    assert says in found["production"]["says"]
    assert found.keys() == {"url", "ok", "production"}
    shown = run("doctor", url)
    assert (shown.exit_code, shown.stdout) == (1, f"production  {found['production']['says']}\n")


def test_what_has_no_route_is_told_which_option_would_be_one() -> None:
    code, found = doctor(f"https://{HOST}{TARGET}")
    assert (code, found["ok"], found["here"]["goes_to"]) == (1, False, None)
    assert f"start the emulator with --callback-route https://{HOST}=http://127.0.0.1:3000" in found["here"]["says"]
    assert "attempt" not in found
    lines = run("doctor", f"https://{HOST}{TARGET}").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["production", "here"]


@pytest.mark.parametrize(
    ("addresses", "says"),
    [
        (("93.184.215.14", "1.1.1.1"), "accepts it and sends callbacks to 1.1.1.1, 93.184.215.14"),
        (("10.0.0.7",), "accepts the name, but it resolves to 10.0.0.7, which is internal: nothing is sent"),
        (
            (),
            f"accepts it; {HOST} does not resolve from here, which does not matter to a callback route, but in "
            "production it must resolve to a public address",
        ),
    ],
)
def test_what_production_would_do_depends_on_where_the_name_leads(
    names: Callable[..., None], addresses: tuple[str, ...], says: str
) -> None:
    names(*addresses)
    _, found = doctor(f"https://{HOST}/", "--dry-run")
    assert found["production"]["accepts"] is True
    assert found["production"]["says"].startswith(says)


@pytest.mark.parametrize(
    ("status", "code", "says"),
    [
        (200, 0, "the receiver answered 200: delivered"),
        (204, 0, "the receiver answered 204: delivered"),
        (302, 1, "the receiver answered 302: a failure, tried again 1, 2, 4 s after each, 4 attempts in all"),
        (500, 1, "the receiver answered 500: a failure, tried again 1, 2, 4 s after each, 4 attempts in all"),
    ],
)
def test_a_routed_url_is_tried_once(status: int, code: int, says: str) -> None:
    with Receiver(status) as receiver:
        url = f"{receiver.origin}{TARGET}"
        ended, found = doctor(url, "--callback-route", receiver.route)
        shown = run("doctor", url, "--callback-route", receiver.route)
        first, second = receiver.received
    assert (ended, found["ok"], shown.exit_code) == (code, code == 0, code)
    assert (found["attempt"]["status"], found["attempt"]["error"], found["attempt"]["says"]) == (status, None, says)
    assert found["here"] == {
        "goes_to": f"{receiver.place}{TARGET}",
        "says": f"a route sends it to {receiver.place}{TARGET}, with Host: {HOST}:{receiver.port}",
    }
    assert shown.stdout.splitlines()[-1] == f"tried       {says}"
    assert (first.method, first.target, first.headers["host"]) == ("POST", TARGET, f"{HOST}:{receiver.port}")
    assert first.body == second.body
    assert json.loads(first.body)["status"] == "completed"


def test_what_is_sent_for_a_try_is_a_callback_of_a_task(emulator: Emulator) -> None:
    task = emulator.create()
    emulator.advance("10s")
    with Receiver(200) as receiver:
        doctor(f"{receiver.origin}/", "--callback-route", receiver.route)
        sent = json.loads(receiver.received[0].body)
    assert sent.keys() == emulator.query(task).json().keys()


def test_a_dry_run_sends_nothing() -> None:
    with Receiver(500) as receiver:
        code, found = doctor(f"{receiver.origin}/", "--callback-route", receiver.route, "--dry-run")
        unrouted, _ = doctor("https://other.example.com/", "--callback-route", receiver.route, "--dry-run")
        assert receiver.received == []
    assert (code, found["ok"], unrouted) == (0, True, 1)
    assert "attempt" not in found


def test_a_receiver_that_is_not_there_refuses_the_connection() -> None:
    with Receiver(200) as receiver:
        receiver.refuse()
        code, found = doctor(f"{receiver.origin}/", "--forward-to", receiver.place)
    assert (code, found["attempt"]["status"], found["attempt"]["error"]) == (1, None, "refused")
    assert found["attempt"]["says"].startswith("the receiver refused the connection (")


@pytest.mark.parametrize(
    ("script", "code", "error", "status"),
    [("200", 0, None, 200), ("500", 1, None, 500), ("tls", 1, "tls", None), ("timeout", 1, "timeout", None)],
)
def test_the_sink_is_there_without_a_route(script: str, code: int, error: str | None, status: int | None) -> None:
    ended, found = doctor(f"https://sink.mock/{script}")
    assert (ended, found["attempt"]["error"], found["attempt"]["status"]) == (code, error, status)
    assert "this host exists only in the emulator" in found["production"]["says"]
    assert "GET /__mock/inbox" in found["here"]["says"]


def test_what_is_let_out_connects_to_no_internal_address() -> None:
    listed = {"EVOLINK_MOCK_INTERNAL_ADDRESSES": "listed"}
    code, found = doctor("https://localhost:1/", "--deliver-public", **listed)
    assert (code, found["attempt"]["error"]) == (1, "blocked")
    assert found["here"]["says"] == "--deliver-public sends it to https://localhost:1/ itself"


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "ü" * 64 + ".example", "אa1.example"])
def test_a_name_that_no_dns_can_hold_is_a_finding_and_no_mistake_of_the_command(host: str) -> None:
    code, found = doctor(f"https://{host}/hook")
    assert code == 1
    assert not found["production"]["accepts"] or "does not resolve" in found["production"]["says"]

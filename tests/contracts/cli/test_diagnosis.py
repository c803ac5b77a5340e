"""A service that cannot be checked is told why: its base URL, its key, its token, or that it is no emulator."""

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from evolink_contracts.cli.exit_codes import EXIT_CODES_OF
from evolink_contracts.cli.main import main
from evolink_contracts.cli.options import choose
from evolink_contracts.promises.registry import BY_NUMBER
from evolink_contracts.target.diagnosis import control_trouble, wrong_base_url
from evolink_contracts.target.transports import Response
from tests.support.kit_command import kit
from tests.support.proxy import api_proxy
from tests.support.server_process import Server


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server("--generation-time", "5s") as server:
        yield server


def test_a_base_url_that_ends_in_v1_is_named(server: Server) -> None:
    for profile in ("emulator", "live-safe"):
        for end in ("/v1", "/v1/"):
            ran = kit("run", "--base-url", server.url + end, "--api-key", "sk-a", "--profile", profile)
            assert (ran.returncode, ran.stdout) == (3, "")
            assert f"the base URL ends in /v1, which the kit adds itself: write {server.url}" in ran.stderr
            assert "no control API" not in ran.stderr
    assert wrong_base_url("http://a.test/api/v1/?x") == (
        "the base URL ends in /v1, which the kit adds itself: write http://a.test/api"
    )
    assert not wrong_base_url("http://a.test/apiv1")


def test_a_refused_key_is_named(server: Server) -> None:
    ran = kit("run", "--base-url", server.url, "--api-key", "sk-invalid-one")
    assert (ran.returncode, ran.stdout) == (3, "")
    assert "it refused the API key: Keys that begin with sk-invalid are always refused" in ran.stderr
    assert "no control API" not in ran.stderr


def test_an_emulator_of_certain_keys_is_named() -> None:
    with Server("--keys", "sk-known") as own:
        for key in ("sk-known", "sk-other"):
            ran = kit("run", "--base-url", own.url, "--api-key", key)
            assert (ran.returncode, ran.stdout) == (3, "")
            assert "no control API" not in ran.stderr
        ran = kit("run", "--base-url", own.url, "--api-key", "sk-known")
        assert "the emulator accepts only some API keys, and the kit needs a new one for each probe" in ran.stderr
        ran = kit("run", "--base-url", own.url, "--api-key", "sk-other")
        assert "it refused the API key: This emulator accepts only the keys of " in ran.stderr


def answered(status: int, code: str) -> Response:
    return Response(status, {}, json.dumps({"error": {"code": code, "message": "Says why"}}).encode())


@pytest.mark.parametrize(
    ("response", "says"),
    [
        (answered(401, "key_refused"), "it refused the API key: Says why"),
        (answered(401, "token_required"), "its control API needs a token: set EVOLINK_MOCK_CONTROL_TOKEN"),
        (answered(401, "world_required"), "it refused the API key"),
        (Response(404, {"content-type": "text/html"}, b"<html>" + b"x" * 9000), "answered 404 with an HTML page"),
        (Response(200, {}, b"[" * 9000), "answered 200 ["),
        (Response(502, {}, b""), "answered 502"),
    ],
)
def test_each_answer_has_its_reason(response: Response, says: str) -> None:
    found = control_trouble(response, "GET /__mock/clock")
    assert says in found
    assert len(found) < 300


def test_callbacks_that_do_not_arrive_are_named(server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    run = (
        "run",
        "--base-url",
        server.url,
        "--api-key",
        "sk-reach",
        "--only",
        "VC-001",
        "--listen",
        f"127.0.0.1:{port}",
    )
    ran = kit(*run)
    assert (
        "– skipped callbacks: it needs callbacks, and callbacks of this service do not reach --listen "
        f"http://127.0.0.1:{port}; start the emulator with --callback-route, or open a tunnel\n"
    ) in ran.stdout
    assert "--callbacks no was given" in kit(*run, "--callbacks", "no").stdout


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (("--webhook", "https://a.test"), "--webhook needs --listen HOST:PORT"),
        (("--callbacks", "yes"), "--callbacks yes needs --listen HOST:PORT"),
        (("--certificate", "FILE", "FILE"), "--certificate needs --listen HOST:PORT"),
        (("--rate", "3"), "--rate is for --profile live"),
        (("--save", "x.json"), "--save saves a history that failed: give --histories or --replay"),
        (("--histories", "1", "--replay", "FILE"), "--replay runs one saved history; leave --histories out"),
        (("--profile", "live-safe", "--control-url", "http://a.test"), "--control-url is for --profile emulator"),
    ],
)
def test_an_option_that_needs_another_one_is_refused(
    given: tuple[str, ...], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "FILE").write_text("[]", encoding="utf-8")
    ran = kit("run", "--base-url", "http://127.0.0.1:9", "--api-key", "sk-x", *given)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert says in " ".join(ran.stderr.split())


def test_a_url_that_is_none_is_refused() -> None:
    for option in ("--base-url", "--control-url"):
        ran = kit("run", "--base-url", "http://127.0.0.1:9", "--api-key", "sk-x", option, "127.0.0.1:8080")
        assert ran.returncode == 2
        assert "must begin with http:// or https://, such as http://127.0.0.1:8080" in " ".join(ran.stderr.split())


def test_a_proxy_of_the_api_alone_is_checked_with_the_emulators_control_api(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    route = ("--callback-route", f"https://hook.example.com=http://127.0.0.1:{port}")
    with Server("--generation-time", "5s", *route) as own, api_proxy(own.address) as url:
        run = ("run", "--base-url", url, "--api-key", "sk-proxied")
        ran = kit(*run)
        assert ran.returncode == 3
        assert "--control-url is the emulator's own address if this is a proxy" in ran.stderr
        more = ("--listen", f"127.0.0.1:{port}", "--histories", "5", "--trace", str(tmp_path / "trace.jsonl"))
        ran = kit(*run, "--control-url", own.url, *more)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert re.search(r"\d\d promises passed, 0 failed, 0 not covered; 5 histories of seed 0 passed\n", ran.stdout)
        assert f"Against {url}.\n" in ran.stdout
        assert "x-mock-scenario" not in (tmp_path / "trace.jsonl").read_text(encoding="utf-8")
        ran = kit(*run, "--control-url", "http://127.0.0.1:9")
        assert ran.returncode == 3
        assert ran.stderr.startswith(
            "Error: --control-url http://127.0.0.1:9: the control API: GET /__mock/clock got no answer"
        )
        ran = kit(*run, "--control-url", url)
        assert ran.returncode == 3
        assert ran.stderr.startswith(f"Error: --control-url {url}: it has no control API")
        assert ran.stderr.endswith("; --control-url must be the address of the emulator itself\n")
        for end in ("/v1", "/__mock/"):
            ran = kit(*run, "--control-url", own.url + end)
            assert ran.returncode == 3
            assert (
                f"the control URL ends in {end.rstrip('/')}, which the kit adds itself: write {own.url}" in ran.stderr
            )
            assert f"the base URL ends in {end.rstrip('/')}, " in kit(*run[:2], own.url + end, *run[3:]).stderr


def test_a_base_url_of_a_proxy_that_ends_in_v1_is_named() -> None:
    with Server() as own, api_proxy(own.address) as url:
        ran = kit("run", "--base-url", f"{url}/v1", "--api-key", "sk-a", "--control-url", own.url, "--only", "VC-001")
    assert (ran.returncode, ran.stdout) == (3, "")
    says = f"Error: {url}/v1: the base URL ends in /v1, which the kit adds itself: write {url} (GET /v1/credits"
    assert ran.stderr.startswith(says)


def test_a_proxy_that_changes_an_answer_is_caught() -> None:
    def created(path: str, status: int) -> int:
        return 201 if path == "/v1/videos/generations" and status == 200 else status

    with Server("--generation-time", "5s") as own, api_proxy(own.address, created) as url:
        ran = kit("run", "--base-url", url, "--api-key", "sk-proxied", "--control-url", own.url)
    assert ran.returncode == 1, ran.stderr
    assert re.findall(r"✗ (VC-\d+)", ran.stdout) == ["VC-002"]
    assert ran.stdout.startswith("✗ VC-002 An accepted request is answered with 200")
    assert "\n    [S1a, documented, critical]\n" in ran.stdout
    assert "\n[source, basis, severity] of a promise:\n  S1a: model page, https://" in ran.stdout


@pytest.mark.parametrize(
    "command", [name for name, made in main.commands.items() if any(each.name == "out" for each in made.params)]
)
def test_a_report_that_cannot_be_written_has_the_exit_code_that_the_help_gives(command: str) -> None:
    assert "could not be written" in EXIT_CODES_OF[command][3]


@pytest.mark.parametrize("given", [("VC-001,VC-002",), ("VC-001", "VC-002"), (" VC-002, VC-001,",)])
def test_promises_are_listed_with_commas_and_by_repeating(given: tuple[str, ...]) -> None:
    assert choose(given, ()) == ["VC-001", "VC-002"]
    assert choose((), given) == [number for number in BY_NUMBER if number not in ("VC-001", "VC-002")]
    with pytest.raises(click.BadParameter, match="there is no promise VC-999"):
        choose(("VC-001,VC-999",), ())


def test_every_command_has_a_short_help_and_its_exit_codes() -> None:
    overview = kit("--help").stdout
    assert "..." not in overview.replace("COMMAND [ARGS]...", "")
    assert "_EVOLINK_CONTRACTS_COMPLETE=bash_source" in overview
    assert EXIT_CODES_OF.keys() == main.commands.keys()
    for command, codes in EXIT_CODES_OF.items():
        shown = " ".join(kit(command, "--help").stdout.split())
        for code, says in codes.items():
            assert f"{code:d} {says}" in shown


def test_the_help_of_a_run_says_that_only_leaves_no_probe_out() -> None:
    says = "The whole profile is sent all the same."
    assert [says in " ".join(kit(command, "--help").stdout.split()) for command in ("run", "check")] == [True, False]


@pytest.mark.parametrize("option", ["--base-url", "--control-url"])
@pytest.mark.parametrize(
    "url", ["http://[::1", "http://h:abc", "http://h:99999", "http://x y", "http://xn--..", "http://:"]
)
def test_a_malformed_url_is_wrong_usage_and_no_broken_promise(option: str, url: str) -> None:
    ran = kit("run", "--profile", "emulator", "--base-url", "http://127.0.0.1:9", "--api-key", "sk-x", option, url)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "must be a URL, such as http://127.0.0.1:8080" in " ".join(ran.stderr.split())
    ran = kit("receiver", "--target", url)
    assert ran.returncode == 2
    assert "--target must be such as http://127.0.0.1:3000/webhooks" in " ".join(ran.stderr.split())


@pytest.mark.parametrize("key", ["", "se\ncret", "secret ", "secret\x7f"])
def test_a_key_that_no_header_can_carry_is_wrong_usage(key: str) -> None:
    ran = kit("run", "--base-url", "http://127.0.0.1:9", "--api-key", key)
    assert ran.returncode == 2
    assert "'--api-key'" in ran.stderr
    assert "cret" not in ran.stderr


def test_a_key_of_any_characters_is_sent(server: Server) -> None:
    ran = kit("run", "--base-url", server.url, "--api-key", "ключ", "--only", "VC-001")
    assert (ran.returncode, ran.stdout[:9]) == (0, "✓ VC-001 "), ran.stderr


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(("--tolerance", value) for value in ("nan", "inf", "-1")),
        *(("--listen", f"127.0.0.1:{port}") for port in ("9" * 5000, "65536", "100000", "-1", "")),
        *(("--trace", name) for name in ("", "x" * 300, "no-such-directory/x", "name/", ".")),
        *((option, "") for option in ("--out", "--save")),
    ],
)
def test_a_value_that_is_none_is_wrong_usage(
    option: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = kit("run", "--base-url", "http://127.0.0.1:9", "--api-key", "sk-x", option, value)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert option in ran.stderr
    assert list(tmp_path.iterdir()) == []

"""`evolink-mock cert`: a receiver that uses what it makes is believed, by whatever name production would call it."""

import contextlib
import os
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.commands import doctor, run
from tests.support.emulator import Emulator
from tests.support.receivers import HOST, Receiver
from tests.support.webhook_receiver import deliveries


def issue(host: str, out: Path) -> ssl.SSLContext:
    """For a receiver that shows a certificate for `host`, signed by the authority in `out`."""
    made = run("cert", host, "--out", str(out), EVOLINK_MOCK_AUTHORITY=str(out))
    assert made.exit_code == 0, made.output
    certificate, key, authority = (line.partition(" ")[2].strip() for line in made.stdout.splitlines())
    assert authority == str(out / "evolink-mock-ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


@pytest.mark.parametrize(
    ("host", "called"),
    [
        (HOST, HOST),
        ("APP.Example.com", HOST),
        ("bücher.example", "bücher.example"),
        ("xn--bcher-kva.example", "bücher.example"),
        ("8.8.8.8", "8.8.8.8"),
        ("[2606:4700::1111]", "[2606:4700::1111]"),
    ],
)
def test_a_receiver_with_a_certificate_is_believed(host: str, called: str, tmp_path: Path) -> None:
    with Receiver(200, tls={"good": issue(host, tmp_path)}) as receiver:
        options = ("--forward-to", receiver.place)
        code, found = doctor(f"https://{called}:{receiver.port}/", *options, EVOLINK_MOCK_AUTHORITY=str(tmp_path))
    assert found["attempt"]["says"] == "the receiver answered 200: delivered"
    assert code == 0
    assert "where the certificate must be for " in found["here"]["says"]


@pytest.mark.parametrize("host", ["other.example.com", "example.com", "127.0.0.1"])
def test_a_certificate_for_somebody_else_is_not_believed(host: str, tmp_path: Path) -> None:
    with Receiver(200, tls={"good": issue(host, tmp_path)}) as receiver:
        code, found = doctor(
            f"{receiver.origin}/", "--callback-route", receiver.route, EVOLINK_MOCK_AUTHORITY=str(tmp_path)
        )
        assert receiver.received == []
    assert (code, found["attempt"]["error"]) == (1, "tls")
    assert found["attempt"]["says"].startswith("the receiver failed the TLS handshake (")


def test_another_authority_is_believed_where_it_is_given(tmp_path: Path) -> None:
    own, foreign = tmp_path / "own", tmp_path / "foreign"
    context = issue(HOST, foreign)
    with Receiver(200, tls={"good": context}) as receiver:
        route = ("--callback-route", receiver.route)
        authority = {"EVOLINK_MOCK_AUTHORITY": str(own)}
        assert doctor(f"{receiver.origin}/", *route, **authority)[1]["attempt"]["error"] == "tls"
        trusted = ("--callback-ca", str(foreign / "evolink-mock-ca.pem"))
        assert doctor(f"{receiver.origin}/", *route, *trusted, **authority)[0] == 0


def test_an_emulator_believes_a_certificate_that_is_made_while_it_runs(tmp_path: Path) -> None:
    issue("other.example.com", tmp_path / "before")
    context = issue(HOST, tmp_path / "authority")
    (tmp_path / "authority").rename(tmp_path / "later")
    with Receiver(200, tls={"good": context}) as receiver:
        routes = {receiver.origin: receiver.place}
        with Emulator.in_process(callback_route=routes, authority=str(tmp_path / "authority")) as emulator:
            emulator.create(callback_url=f"{receiver.origin}/")
            emulator.advance("10s")
            (tmp_path / "later").rename(tmp_path / "authority")
            emulator.advance("1s")
            (row,) = deliveries(emulator)
    assert [attempt["error"] or attempt["status"] for attempt in row["attempts"]] == ["tls", 200]


@pytest.mark.parametrize("broken", ["own", "given"])
def test_a_file_that_breaks_while_it_runs_fails_the_handshake_by_name_until_it_is_mended(
    broken: str, tmp_path: Path
) -> None:
    context = issue(HOST, tmp_path)
    files = {"own": tmp_path / "evolink-mock-ca.pem", "given": tmp_path / "given.pem"}
    right = files["own"].read_bytes()
    files["given"].write_bytes(right)
    with Receiver(200, tls={"good": context}) as receiver:
        routes = {receiver.origin: receiver.place}
        trusted = {"authority": str(tmp_path), "callback_ca": str(files["given"])}
        with Emulator.in_process(callback_route=routes, **trusted) as emulator:
            files[broken].write_text("nonsense", encoding="utf-8")
            emulator.create(callback_url=f"{receiver.origin}/")
            emulator.advance("10s")
            files[broken].write_bytes(right)
            emulator.advance("1s")
            (row,) = deliveries(emulator)
    assert [attempt["error"] or attempt["status"] for attempt in row["attempts"]] == ["tls", 200]
    assert f"the emulator cannot use the certificates in {files[broken]}" in row["attempts"][0]["detail"]


def test_many_who_make_an_authority_at_once_make_one(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "evolink_mock", "cert", HOST, "--out", str(tmp_path)]
    environ = os.environ | {"EVOLINK_MOCK_AUTHORITY": str(tmp_path)}
    running = [subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL) for _ in range(6)]
    assert [process.wait(60) for process in running] == [0] * 6
    trust = ssl.create_default_context(cafile=str(tmp_path / "evolink-mock-ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / f"{HOST}.pem", tmp_path / f"{HOST}.key")
    to_receiver, to_caller = ssl.MemoryBIO(), ssl.MemoryBIO()
    receiver = context.wrap_bio(to_receiver, to_caller, server_side=True)
    caller = trust.wrap_bio(to_caller, to_receiver, server_hostname=HOST)
    for _ in range(4):
        for side in (caller, receiver):
            with contextlib.suppress(ssl.SSLWantReadError):
                side.do_handshake()
    assert caller.version() == "TLSv1.3"


def test_the_key_is_for_its_owner_s_eyes(tmp_path: Path) -> None:
    issue(HOST, tmp_path)
    for name in (f"{HOST}.key", "evolink-mock-ca.key"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600


def test_a_key_that_lay_open_is_closed_when_it_is_made_anew(tmp_path: Path) -> None:
    key = tmp_path / f"{HOST}.key"
    key.write_text("old", encoding="utf-8")
    key.chmod(0o644)
    issue(HOST, tmp_path)
    assert key.stat().st_mode & 0o777 == 0o600
    assert "PRIVATE KEY" in key.read_text(encoding="utf-8")


def test_one_authority_signs_every_certificate(tmp_path: Path) -> None:
    authority = tmp_path / "evolink-mock-ca.pem"
    issue(HOST, tmp_path)
    before = authority.read_bytes()
    issue("other.example.com", tmp_path)
    assert authority.read_bytes() == before


def test_what_is_made_lands_where_it_is_wanted_and_nowhere_else(tmp_path: Path) -> None:
    out = tmp_path / "new" / "directory"
    made = run("cert", HOST, "--out", str(out), XDG_STATE_HOME=str(tmp_path / "state"))
    assert made.exit_code == 0
    found = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert found == {
        *(f"new/directory/{HOST}.{kind}" for kind in ("pem", "key")),
        *(f"state/evolink-mock/evolink-mock-ca.{kind}" for kind in ("pem", "key")),
    }


@pytest.mark.parametrize(
    "host",
    [
        "",
        " ",
        "a b",
        "https://app.example.com",
        "app.example.com/hooks",
        "app.example.com:443",
        "user@app.example.com",
        "../evil",
        "/etc/evil",
        "a..b",
        "-a.example.com",
        "a" * 64 + ".example.com",
    ],
)
def test_what_is_no_host_is_refused_with_what_would_be_right(host: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    refused = run("cert", "--out", str(out), "--", host, XDG_STATE_HOME=str(tmp_path / "state"))
    assert refused.exit_code == 2
    message = refused.output.rpartition("Error: ")[2]
    assert f"'{host[:40]}" in message
    assert "such as app.example.com" in message
    assert not out.exists()


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    occupied = tmp_path / "occupied"
    occupied.write_text("", encoding="utf-8")
    for out, authority in ((occupied / "out", tmp_path), (tmp_path, occupied / "state")):
        refused = run("cert", HOST, "--out", str(out), EVOLINK_MOCK_AUTHORITY=str(authority))
        assert refused.exit_code == 1
        assert f"cannot write {occupied}/" in refused.output
        assert "Not a directory" in refused.output


def test_an_authority_that_is_none_is_named(tmp_path: Path) -> None:
    for kind in ("pem", "key"):
        (tmp_path / f"evolink-mock-ca.{kind}").write_text("nonsense", encoding="utf-8")
    refused = run("cert", HOST, "--out", str(tmp_path / "out"), EVOLINK_MOCK_AUTHORITY=str(tmp_path))
    assert refused.exit_code in (1, 2)
    assert str(tmp_path) in refused.output.rpartition("Error: ")[2]

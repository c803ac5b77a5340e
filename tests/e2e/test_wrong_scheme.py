"""The same remedy from every command for a certificate that is not trusted, and for HTTP and HTTPS mixed up."""

from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import trustme

from evolink_client.cli import main as evolink
from evolink_contracts.cli.main import main as kit
from evolink_mock.cli import main as mock
from tests.support.commands import Ran, ran
from tests.support.server_process import Server

COMMANDS: dict[str, tuple[click.Command, tuple[str, ...]]] = {
    "evolink credits": (evolink, ("credits", "--base-url")),
    "evolink-mock explain": (mock, ("explain", "task-unified-1-x", "--url")),
    "evolink-contracts run": (kit, ("run", "--base-url")),
    "evolink-contracts run --profile live-safe": (kit, ("run", "--profile", "live-safe", "--base-url")),
    "evolink-contracts receiver": (kit, ("receiver", "--target")),
}
TRUST = "; SSL_CERT_FILE names a file with the certificate authorities to trust"


@pytest.fixture(scope="module")
def secure() -> Iterator[Server]:
    with Server("--tls") as server:
        yield server


@pytest.fixture(scope="module")
def wide() -> Iterator[Server]:
    """At every address of this machine, with a certificate for the usual ones."""
    with Server("--tls", "--host", "0.0.0.0") as server:  # For the length of the tests.
        yield server


@pytest.fixture(scope="module")
def plain() -> Iterator[Server]:
    with Server() as server:
        yield server


def called(command: str, url: str, **environ: str) -> Ran:
    program, arguments = COMMANDS[command]
    return ran(program, *arguments, url, EVOLINK_API_KEY="sk-scheme", **environ)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_certificate_that_is_not_trusted_names_the_variable(command: str, secure: Server) -> None:
    shown = called(command, secure.url).stderr
    assert TRUST in shown
    assert "say where the emulator is" not in shown


@pytest.mark.parametrize("command", COMMANDS)
def test_the_variable_is_the_remedy(command: str, secure: Server) -> None:
    authority = str(secure.home / "evolink-mock" / "evolink-mock-ca.pem")
    assert Path(authority).is_file()
    shown = called(command, secure.url, SSL_CERT_FILE=authority).stderr
    assert "got no answer" not in shown
    assert "CERTIFICATE" not in shown


@pytest.mark.parametrize("command", COMMANDS)
def test_the_file_of_the_variable_may_have_byte_order_marks(command: str, secure: Server, tmp_path: Path) -> None:
    right = (secure.home / "evolink-mock" / "evolink-mock-ca.pem").read_bytes()
    joined = tmp_path / "joined.pem"
    for content in (b"\xef\xbb\xbf" + right, trustme.CA().cert_pem.bytes() + b"\xef\xbb\xbf" + right):
        joined.write_bytes(content)
        shown = called(command, secure.url, SSL_CERT_FILE=str(joined)).stderr
        assert "got no answer" not in shown
        assert "CERTIFICATE" not in shown
    joined.write_bytes(right.decode().encode("utf-16"))
    shown = called(command, secure.url, SSL_CERT_FILE=str(joined)).stderr
    assert "UTF-16" in shown
    assert "save it in UTF-8" in shown


@pytest.mark.parametrize("command", COMMANDS)
def test_a_certificate_for_another_host_says_so(command: str, wide: Server) -> None:
    authority = str(wide.home / "evolink-mock" / "evolink-mock-ca.pem")
    shown = called(command, f"https://127.0.0.2:{wide.address[1]}", SSL_CERT_FILE=authority).stderr
    assert "; use a host name that the certificate is for" in shown
    assert "SSL_CERT_FILE" not in shown


@pytest.mark.parametrize("command", COMMANDS)
def test_http_to_a_port_of_https_suggests_https(command: str, secure: Server) -> None:
    shown = called(command, secure.url.replace("https:", "http:")).stderr
    assert "; if it speaks HTTPS, write https://" in shown


@pytest.mark.parametrize("command", COMMANDS)
def test_https_to_a_port_of_http_suggests_http(command: str, plain: Server) -> None:
    shown = called(command, plain.url.replace("http:", "https:")).stderr
    assert "; it speaks plain HTTP: write http://" in shown


@pytest.mark.parametrize("command", COMMANDS)
def test_an_address_without_a_scheme_is_refused_with_what_would_be_right(command: str) -> None:
    shown = called(command, "127.0.0.1:8088")
    assert shown.returncode == 2
    assert "127.0.0.1:8088" in shown.stderr
    assert "such as http" in shown.stderr


def test_an_address_of_the_environment_is_named_with_its_variable() -> None:
    shown = ran(mock, "explain", "task-unified-1-x", EVOLINK_BASE_URL="127.0.0.1:8088").stderr
    assert "EVOLINK_BASE_URL" in shown
    assert "must begin with http:// or https://, such as http://127.0.0.1:8080; got '127.0.0.1:8088'" in shown

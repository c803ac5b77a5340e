"""A TLS failure is told in words with what to change, for each kind, with a real server; never as OpenSSL says it."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from evolink_mock.core.callback_routes import CallbackRoutes
from evolink_mock.core.delivery import AttemptResult, attempt_headers
from evolink_mock.delivery.http_transport import HttpTransport
from evolink_mock.delivery.transport import AttemptRequest

HOST = "app.example.com"
TRUSTED = trustme.CA()
PAST, FUTURE = datetime(2001, 1, 1, tzinfo=UTC), datetime.now(UTC) + timedelta(days=3650)
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    writer.close()


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.close()


def trust() -> ssl.SSLContext:
    context = ssl.create_default_context()
    TRUSTED.configure_trust(context)
    return context


def context_of(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def attempted(tls: ssl.SSLContext | None, serve: Serve = answer, scheme: str = "https") -> AttemptResult:
    """An attempt at a server on this machine, to which a route leads."""

    async def main() -> AttemptResult:
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
        place = f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        destination = CallbackRoutes({f"https://{HOST}": place}).destination(f"https://{HOST}/hook")
        assert destination is not None
        transport = HttpTransport(trust)
        try:
            return await transport.send(AttemptRequest(destination, attempt_headers(), b"{}", "task", 1, None))
        finally:
            await transport.close()
            server.close()

    loop_errors: list[object] = []

    async def quiet() -> AttemptResult:
        # The server's side of a handshake that fails is no error of the test.
        asyncio.get_running_loop().set_exception_handler(lambda _, context: loop_errors.append(context))
        return await main()

    return asyncio.run(quiet())


def self_signed(tmp_path: Path) -> ssl.SSLContext:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    made = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), PAST, FUTURE
    ).add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
    pem, private = tmp_path / "self.pem", tmp_path / "self.key"
    pem.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, private)
    return context


def alert(number: int) -> Serve:
    """A server that answers the handshake with a fatal alert."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readexactly(5)
        await reader.readexactly(int.from_bytes(head[3:]))
        writer.write(bytes([0x15, 3, 3, 0, 2, 2, number]))
        await writer.drain()
        writer.close()

    return serve


FAULTS: dict[str, tuple[Callable[[Path], ssl.SSLContext | None], Serve, str]] = {
    "another host": (
        lambda _: context_of(TRUSTED.issue_cert("other.example.com")),
        answer,
        f"its certificate is not for {HOST}, the host of the callback URL; evolink-mock cert {HOST} makes one",
    ),
    "unknown authority": (
        lambda _: context_of(trustme.CA().issue_cert(HOST)),
        answer,
        "its certificate is from an authority that is not trusted; trust it with --callback-ca FILE, or use one made "
        f"by evolink-mock cert {HOST}, or write https+insecure://127.0.0.1:",
    ),
    "self-signed": (self_signed, answer, "its certificate is self-signed, so it is not trusted; trust it with"),
    "expired": (
        lambda _: context_of(TRUSTED.issue_cert(HOST, not_before=PAST, not_after=PAST + timedelta(days=1))),
        answer,
        f"its certificate has expired; evolink-mock cert {HOST} makes a new one",
    ),
    "not yet valid": (
        lambda _: context_of(TRUSTED.issue_cert(HOST, not_before=FUTURE, not_after=FUTURE + timedelta(days=1))),
        answer,
        "its certificate is not valid yet; compare the clocks",
    ),
    "plain HTTP": (
        lambda _: None,
        answer,
        "it does not speak TLS, but most likely plain HTTP; write http:// in the route",
    ),
    "old protocol": (lambda _: None, alert(70), "it offers no version of TLS that is accepted here"),
    "no common cipher": (lambda _: None, alert(40), "it has no cipher or certificate in common with the emulator"),
    "unknown name": (lambda _: None, alert(112), f"it serves no host called {HOST}"),
    "internal error": (lambda _: None, alert(80), "the TLS handshake failed: "),
    "closed at once": (lambda _: None, hang_up, ""),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_tls_failure_is_told_in_words(fault: str, tmp_path: Path) -> None:
    make, serve, says = FAULTS[fault]
    result = attempted(make(tmp_path), serve)
    assert result.status is None
    assert says in result.detail
    assert result.error == "tls" or not says
    for raw in ("SSL:", "_ssl.c", "object at 0x", "ssl:", "CERTIFICATE", "SSLError"):
        assert raw not in result.detail


@pytest.mark.parametrize("fault", ["another host", "unknown authority", "self-signed", "expired"])
def test_an_insecure_route_verifies_no_certificate(fault: str, tmp_path: Path) -> None:
    make, serve, _ = FAULTS[fault]
    assert attempted(make(tmp_path), serve, "https+insecure").status == 200


def test_a_certificate_that_is_right_is_accepted() -> None:
    assert attempted(context_of(TRUSTED.issue_cert(HOST))).status == 200


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.transport.abort()


async def unclear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.write(b"\x15\x03\x01\x00\x02\x02\x46")
    writer.close()


def bad_request(body: bytes) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        head = b"HTTP/1.1 400 Bad Request\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body)
        writer.write(head + body)
        writer.close()

    return serve


IF = "; if it speaks HTTPS, write https://127.0.0.1:"
OF_HTTPS: dict[str, tuple[Serve, bool, str]] = {
    "a server of asyncio": (answer, True, IF),
    "reset": (reset, False, IF),
    "closed": (hang_up, False, IF),
    "an alert of TLS": (unclear, False, "it speaks HTTPS: write https://127.0.0.1:"),
    "Go": (
        bad_request(b"Client sent an HTTP request to an HTTPS server.\n"),
        False,
        "it speaks HTTPS: write https://127.0.0.1:",
    ),
    "nginx": (
        bad_request(b"<center>The plain HTTP request was sent to HTTPS port</center>"),
        False,
        "it speaks HTTPS: write https://127.0.0.1:",
    ),
    "Apache": (
        bad_request(b"Reason: You're speaking plain HTTP to an SSL-enabled server port."),
        False,
        "it speaks HTTPS: write https://127.0.0.1:",
    ),
    "any other refusal": (bad_request(b"this is no callback"), False, ""),
}


@pytest.mark.parametrize("server", OF_HTTPS)
def test_a_route_by_http_to_a_port_of_https_says_what_to_write(server: str) -> None:
    serve, tls, says = OF_HTTPS[server]
    result = attempted(context_of(TRUSTED.issue_cert(HOST)) if tls else None, serve, "http")
    if says:
        assert says in result.detail
        assert result.detail.endswith(" in the route")
    else:
        assert (result.status, result.detail) == (400, "")


@pytest.mark.parametrize("serve", [reset, hang_up])
def test_a_route_by_https_gets_no_such_hint(serve: Serve) -> None:
    assert "write https" not in attempted(context_of(TRUSTED.issue_cert(HOST)), serve).detail

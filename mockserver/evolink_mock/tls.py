"""TLS: the emulator's certificate authority, kept in a directory, and the trust store of outgoing callbacks."""

import errno
import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from evolink_mock.atomic_write import atomic_write
from evolink_mock.core.callback_routes import parse_host
from evolink_mock.pem_files import load_certificates, marked_authorities
from evolink_mock.scratch_file import scratch_file
from evolink_mock.settings import Settings

if TYPE_CHECKING:
    import trustme

CERTIFICATE = "evolink-mock-ca.pem"
_KEY = "evolink-mock-ca.key"


def authority_directory(settings: Settings) -> Path:
    """The directory of the authority: the setting, else below the user's state directory.

    For a user without a home directory it begins with `~`, and cannot be made.
    """
    if settings.authority:
        return Path(settings.authority)
    # Only a server that speaks TLS asks for it.
    from platformdirs import user_state_path

    try:
        return user_state_path("evolink-mock", appauthor=False)
    except RuntimeError:
        return Path("~", "evolink-mock")


def server_context(directory: Path, hosts: list[str]) -> ssl.SSLContext:
    """A TLS context whose certificate names `hosts`, signed by the authority in `directory`, made there if missing."""
    return _context_of(_authority(directory), hosts)


def context_in_memory(hosts: list[str]) -> ssl.SSLContext:
    """`server_context` with an authority that is kept nowhere, for a process that has no directory to write to."""
    import trustme

    return _context_of(trustme.CA(organization_name="evolink-mock"), hosts)


def _context_of(authority: "trustme.CA", hosts: list[str]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued = authority.issue_cert(*hosts)
    # OpenSSL reads them from a file alone.
    with scratch_file("server.pem") as file:
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600))
        file.write_bytes(issued.private_key_and_cert_chain_pem.bytes())
        context.load_cert_chain(file)
    return context


def issue(directory: Path, host: str, out: Path) -> tuple[Path, Path]:
    """A certificate and its key for a receiver called `host`, as files in `out`. Raises `OSError`, `ValueError`."""
    name = parse_host(host)
    made = _authority(directory).issue_cert(name.strip("[]"))
    stem = name.strip("[]").replace(":", "_")
    certificate, key = out / f"{stem}.pem", out / f"{stem}.key"
    out.mkdir(parents=True, exist_ok=True)
    with _locked(out):
        atomic_write(certificate, b"".join(part.bytes() for part in made.cert_chain_pems), 0o644)
        atomic_write(key, made.private_key_pem.bytes(), 0o600)
    return certificate, key


class TrustStore:
    """The certificates that outgoing callbacks are verified against: the emulator's own, the user's, the system's."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._context: ssl.SSLContext | None = None
        self._written = 0

    @cached_property
    def _own(self) -> str:
        return str(authority_directory(self._settings) / CERTIFICATE)

    def context(self) -> ssl.SSLContext:
        """A TLS context, renewed when the file of the emulator's authority changes.

        `evolink-mock cert` may make that file at any time. Raises `ssl.SSLError` that names the file which is broken.
        """
        try:
            # Not by pathlib, which would take a tenth of an attempt's time.
            written = os.stat(self._own).st_mtime_ns  # noqa: PTH116
        except OSError:
            written = 0
        if self._context is None or self._written != written:
            context = _of_the_system()
            if written:
                _load(context, self._own)
            if self._settings.callback_ca:
                _load(context, self._settings.callback_ca)
            self._context, self._written = context, written
        return self._context


def _of_the_system() -> ssl.SSLContext:
    try:
        return marked_authorities() or ssl.create_default_context()
    except OSError as error:
        raise ssl.SSLError(0, f"the emulator cannot use the certificates of SSL_CERT_FILE: {error}") from None


def _load(context: ssl.SSLContext, file: str) -> None:
    try:
        load_certificates(context, file)
    except OSError as error:
        # No handshake can succeed with a broken file; as an `OSError` it would count as a failure of the receiver.
        raise ssl.SSLError(0, f"the emulator cannot use the certificates in {file}: {error.strerror}") from None


def _authority(directory: Path) -> "trustme.CA":
    # trustme brings cryptography along, which a server without TLS need not load.
    import trustme

    certificate, key = directory / CERTIFICATE, directory / _KEY
    if directory.parts[:1] == ("~",):
        # As it stands, it would be a directory of that name in the current one.
        raise FileNotFoundError(errno.ENOENT, "the user has no home directory", str(directory))
    directory.mkdir(parents=True, exist_ok=True)
    with _locked(directory):
        if certificate.exists() and key.exists():
            try:
                return trustme.CA.from_pem(certificate.read_bytes(), key.read_bytes())
            except ValueError as error:
                raise ValueError(f"there is no certificate authority in {directory}: {str(error)[:200]}") from None
        authority = trustme.CA(organization_name="evolink-mock")
        atomic_write(key, authority.private_key_pem.bytes(), 0o600)
        atomic_write(certificate, authority.cert_pem.bytes(), 0o644)
        return authority


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Exclude other processes, so that a certificate and a key of two authorities are never mixed."""
    if not os.access(directory, os.W_OK):
        # Mounted read-only, it can be read without a lock, and has no place for one.
        yield
        return
    # Only a process that makes or reads an authority needs it.
    from filelock import FileLock

    file = directory / ".lock"
    with FileLock(file):
        try:
            yield
        finally:
            # While it is still locked: a process that waits finds that the file is gone, and locks a new one.
            with suppress(OSError):
                file.unlink()

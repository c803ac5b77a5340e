"""The emulator's own certificate authority, kept in a directory so that it must be trusted only once."""

import fcntl
import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from evolink_mock.core.callback_routes import parse_host
from evolink_mock.settings import Settings

if TYPE_CHECKING:
    import trustme

CERTIFICATE = "evolink-mock-ca.pem"
_KEY = "evolink-mock-ca.key"


def authority_directory(settings: Settings) -> Path:
    """Where the authority lives: the setting, else below the user's state directory."""
    if settings.authority:
        return Path(settings.authority)
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "evolink-mock"


def server_context(directory: Path, hosts: list[str]) -> ssl.SSLContext:
    """A TLS context whose certificate names `hosts`, signed by the authority in `directory`, made there if missing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _authority(directory).issue_cert(*hosts).configure_cert(context)
    return context


def issue(directory: Path, host: str, out: Path) -> tuple[Path, Path]:
    """A certificate and its key for a receiver called `host`, as files in `out`. Raises `OSError`, `ValueError`."""
    name = parse_host(host)
    made = _authority(directory).issue_cert(name.strip("[]"))
    stem = name.strip("[]").replace(":", "_")
    certificate, key = out / f"{stem}.pem", out / f"{stem}.key"
    out.mkdir(parents=True, exist_ok=True)
    with _alone_in(out):
        _write(certificate, b"".join(part.bytes() for part in made.cert_chain_pems), 0o644)
        _write(key, made.private_key_pem.bytes(), 0o600)
    return certificate, key


class TrustStore:
    """Whom the emulator believes when it calls a receiver over TLS: its own authority, the user's, the system's."""

    def __init__(self, settings: Settings) -> None:
        self._own = str(authority_directory(settings) / CERTIFICATE)
        self._given = settings.callback_ca
        self._context: ssl.SSLContext | None = None
        self._written = 0

    def context(self) -> ssl.SSLContext:
        """Made anew when the emulator's authority is, which `evolink-mock cert` may do at any time.

        Raises `ssl.SSLError` that names the file which is broken by then.
        """
        try:
            # Not by pathlib, which would take a tenth of an attempt's time.
            written = os.stat(self._own).st_mtime_ns  # noqa: PTH116
        except OSError:
            written = 0
        if self._context is None or self._written != written:
            context = ssl.create_default_context()
            if written:
                _believe(context, self._own)
            if self._given:
                _believe(context, self._given)
            self._context, self._written = context, written
        return self._context


def _believe(context: ssl.SSLContext, file: str) -> None:
    try:
        context.load_verify_locations(file)
    except OSError as error:
        # Whatever it is, no handshake can come of it; as an `OSError` it would count against the receiver's machine.
        raise ssl.SSLError(0, f"the emulator cannot use the certificates in {file}: {error.strerror}") from None


def _authority(directory: Path) -> "trustme.CA":
    # trustme brings cryptography along, which a server without TLS need not load.
    import trustme

    certificate, key = directory / CERTIFICATE, directory / _KEY
    directory.mkdir(parents=True, exist_ok=True)
    with _alone_in(directory):
        if certificate.exists() and key.exists():
            try:
                return trustme.CA.from_pem(certificate.read_bytes(), key.read_bytes())
            except ValueError as error:
                raise ValueError(f"there is no certificate authority in {directory}: {str(error)[:200]}") from None
        authority = trustme.CA(organization_name="evolink-mock")
        _write(key, authority.private_key_pem.bytes(), 0o600)
        _write(certificate, authority.cert_pem.bytes(), 0o644)
        return authority


@contextmanager
def _alone_in(directory: Path) -> Iterator[None]:
    """Let no other process make an authority at the same time, whose certificate and key would be mixed with ours."""
    opened = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield
    finally:
        os.close(opened)


def _write(path: Path, content: bytes, mode: int) -> None:
    """Whole or not at all, since an emulator that runs may read it at any moment."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    scratch.unlink(missing_ok=True)
    with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
    scratch.replace(path)

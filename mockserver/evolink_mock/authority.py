"""The emulator's own certificate authority, kept in a directory so that it must be trusted only once."""

import os
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from evolink_mock.core.routing import read_host
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
    name = read_host(host)
    made = _authority(directory).issue_cert(name.strip("[]"))
    out.mkdir(parents=True, exist_ok=True)
    stem = name.strip("[]").replace(":", "_")
    certificate, key = out / f"{stem}.pem", out / f"{stem}.key"
    certificate.write_bytes(b"".join(part.bytes() for part in made.cert_chain_pems))
    _write_private(key, made.private_key_pem.bytes())
    return certificate, key


class Trust:
    """Whom the emulator believes when it calls a receiver over TLS: its own authority, the user's, the system's."""

    def __init__(self, settings: Settings) -> None:
        self._own = str(authority_directory(settings) / CERTIFICATE)
        self._given = settings.callback_ca
        self._context: ssl.SSLContext | None = None
        self._written = 0

    def context(self) -> ssl.SSLContext:
        """Made anew when the emulator's authority is, which `evolink-mock cert` may do at any time."""
        try:
            # Not by pathlib, which would take a tenth of an attempt's time.
            written = os.stat(self._own).st_mtime_ns  # noqa: PTH116
        except OSError:
            written = 0
        if self._context is None or self._written != written:
            context = ssl.create_default_context()
            if written:
                context.load_verify_locations(self._own)
            if self._given:
                context.load_verify_locations(self._given)
            self._context, self._written = context, written
        return self._context


def _authority(directory: Path) -> "trustme.CA":
    # trustme brings cryptography along, which a server without TLS need not load.
    import trustme

    certificate, key = directory / CERTIFICATE, directory / _KEY
    if certificate.exists() and key.exists():
        try:
            return trustme.CA.from_pem(certificate.read_bytes(), key.read_bytes())
        except ValueError as error:
            raise ValueError(f"there is no certificate authority in {directory}: {str(error)[:200]}") from None
    authority = trustme.CA(organization_name="evolink-mock")
    directory.mkdir(parents=True, exist_ok=True)
    _write_private(key, authority.private_key_pem.bytes())
    certificate.write_bytes(authority.cert_pem.bytes())
    return authority


def _write_private(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)

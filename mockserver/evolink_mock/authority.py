"""The emulator's own certificate authority, kept in a directory so that it must be trusted only once."""

import os
import ssl
from pathlib import Path

from evolink_mock.settings import Settings

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
    # trustme brings cryptography along, which a server without TLS need not load.
    import trustme

    certificate, key = directory / CERTIFICATE, directory / _KEY
    if certificate.exists() and key.exists():
        authority = trustme.CA.from_pem(certificate.read_bytes(), key.read_bytes())
    else:
        authority = trustme.CA(organization_name="evolink-mock")
        directory.mkdir(parents=True, exist_ok=True)
        _write_private(key, authority.private_key_pem.bytes())
        certificate.write_bytes(authority.cert_pem.bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*hosts).configure_cert(context)
    return context


def _write_private(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)

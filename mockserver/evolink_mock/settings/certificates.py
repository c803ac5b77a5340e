"""Check of a file of CA certificates, before any callback needs it."""

from pathlib import Path

from evolink_mock.body_encodings import wide_charset
from evolink_mock.pem_files import load_certificates


def check_certificates(file: str) -> None:
    """Raise `ValueError` unless TLS can use every certificate of the file."""
    import ssl

    if not Path(file).is_file():
        raise ValueError(f"callback_ca: there is no file {file}")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        # Only what TLS itself can read will do when a callback is due.
        load_certificates(context, file)
        usable = context.cert_store_stats()["x509"] > 0
    except ssl.SSLError:
        usable = False
    except OSError as error:
        raise ValueError(f"callback_ca: cannot read {file}: {error.strerror}") from None
    if not usable:
        if (charset := wide_charset(Path(file).read_bytes())) is not None:
            raise ValueError(f"callback_ca: {file} is in {charset}; save it in UTF-8")
        whole = "-----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----"
        raise ValueError(f"callback_ca: {file} must have certificates as PEM, each complete from {whole}")

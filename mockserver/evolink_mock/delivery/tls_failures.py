"""TLS failures of attempts in words: the reason, and what to change."""

import ssl

from evolink_mock.core.callback_routes import Destination

_HOSTNAME_MISMATCH, _IP_MISMATCH = 62, 64
_EXPIRED, _NOT_YET_VALID = 10, 9
_UNTRUSTED = (2, 19, 20, 21)
_SELF_SIGNED = 18
"""Codes of OpenSSL's verification, X509_V_ERR_*."""

_NOT_TLS = (
    *("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "HTTPS_PROXY_REQUEST", "UNKNOWN_PROTOCOL", "PACKET_LENGTH_TOO_LONG"),
    *("RECORD_LAYER_FAILURE", "BAD_RECORD_TYPE", "UNEXPECTED_MESSAGE", "INVALID_ALERT"),
)
_OLD_TLS = ("UNSUPPORTED_PROTOCOL", "PROTOCOL_VERSION", "NO_PROTOCOLS_AVAILABLE", "VERSION_TOO_LOW")
_NOTHING_IN_COMMON = (
    "HANDSHAKE_FAILURE",
    "NO_SHARED_CIPHER",
    "DH_KEY_TOO_SMALL",
    "NO_SUITABLE",
    "INSUFFICIENT_SECURITY",
)


def tls_failure(error: BaseException | None, destination: Destination) -> str | None:
    """The reason of a failed attempt, as a sentence, or `None` for one that is not about TLS."""
    while error is not None and not isinstance(error, ssl.SSLError):
        error = error.__cause__ or error.__context__
    if error is None:
        return None
    if isinstance(error, ssl.SSLCertVerificationError):
        return _certificate(error, destination)
    return _handshake(error, destination)


def _certificate(error: ssl.SSLCertVerificationError, destination: Destination) -> str:
    name = destination.server_name
    own = f"evolink-mock cert {name}"
    match error.verify_code:
        case code if code in (_HOSTNAME_MISMATCH, _IP_MISMATCH):
            return f"its certificate is not for {name}, the host of the callback URL; {own} makes one"
        case code if code == _EXPIRED:
            return f"its certificate has expired; {own} makes a new one"
        case code if code == _NOT_YET_VALID:
            return f"its certificate is not valid yet; compare the clocks of the two machines, or make one: {own}"
        case code if code == _SELF_SIGNED:
            return f"its certificate is self-signed, so it is not trusted; {_trust(own, destination)}"
        case code if code in _UNTRUSTED:
            return f"its certificate is from an authority that is not trusted; {_trust(own, destination)}"
        case _:
            return f"its certificate is not accepted ({error.verify_message}); {own} makes one that is"


def _trust(own: str, destination: Destination) -> str:
    choices = f"trust it with --callback-ca FILE, or use one made by {own}"
    if destination.kind != "network":
        return choices
    host = destination.place.partition("://")[2]
    return f"{choices}, or write https+insecure://{host} in the route to verify none"


def _handshake(error: ssl.SSLError, destination: Destination) -> str:
    # Our own error, of a file that cannot be used, has no reason.
    reason = (getattr(error, "reason", None) or "").upper()
    if not reason and not isinstance(error, ssl.SSLEOFError):
        return error.strerror or "the TLS handshake failed"
    if any(word in reason for word in _NOT_TLS):
        hint = "; write http:// in the route" if destination.kind == "network" else ""
        return f"it does not speak TLS, but most likely plain HTTP{hint}"
    if any(word in reason for word in _OLD_TLS):
        return "it offers no version of TLS that is accepted here; enable TLS 1.2 or newer there"
    if any(word in reason for word in _NOTHING_IN_COMMON):
        return "it has no cipher or certificate in common with the emulator; check its TLS configuration"
    if "CERTIFICATE_REQUIRED" in reason:
        return "it requires a client certificate, and callbacks have none; turn that off there"
    if "UNRECOGNIZED_NAME" in reason:
        return f"it serves no host called {destination.server_name}; configure that name there"
    if isinstance(error, ssl.SSLEOFError) or "EOF" in reason:
        return "it closed the connection during the TLS handshake; its log should say why"
    return f"the TLS handshake failed: {reason.lower().replace('_', ' ')}"

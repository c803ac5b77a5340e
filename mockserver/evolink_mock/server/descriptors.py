"""File descriptors: the limit of the process is raised, and shared between connections and attempts of callbacks."""

from contextlib import suppress
from dataclasses import replace

from evolink_mock.settings import Settings

_WANTED = (65_536, 10_240)
"""Soft limits to try, the second one since macOS allows no more than that."""
_RESERVED = 24
"""Descriptors for the state, media files, the event loop and the standard streams."""
_EIGHTH = 8


def share_descriptors(settings: Settings) -> Settings:
    """The settings with as many connections and attempts as the process can have descriptors for."""
    limit = raise_limit()
    if limit is None:
        return settings
    free = max(limit - _RESERVED, _EIGHTH)
    # An attempt may have two connections, since the addresses of a name are tried beside one another.
    attempts = min(settings.attempt_limit, max(free // 4, 1))
    # An eighth is for connections that are being refused.
    connections = min(settings.connection_limit, max(free - 2 * attempts - free // _EIGHTH, 1))
    return replace(settings, attempt_limit=attempts, connection_limit=connections)


def raise_limit() -> int | None:
    """Raise the soft limit of open files; the limit after that, or `None` where there is none."""
    try:
        import resource
    except ImportError:  # On Windows.
        return None
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in _WANTED:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        if soft == resource.RLIM_INFINITY or soft >= most:
            break
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
            soft = most
    return None if soft == resource.RLIM_INFINITY else soft

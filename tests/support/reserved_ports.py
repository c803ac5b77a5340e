"""Ports reserved for servers that are started by a fixed number, as a page or a Dockerfile names it.

A port that the system hands out (port 0) may be handed out again before the server listens at it: to the server of
another test, which then answers in its place, or to an outgoing connection. These are below all that it hands out.
"""

import random
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

_HANDED_OUT = Path("/proc/sys/net/ipv4/ip_local_port_range")
_FIRST, _LAST = 10_000, 32_000


def never_handed_out() -> range:
    """Ports that the system neither gives to a socket bound to port 0 nor to an outgoing connection."""
    first = int(_HANDED_OUT.read_text(encoding="ascii").split()[0]) if _HANDED_OUT.exists() else _LAST
    return range(_FIRST, min(first, _LAST)) if first > _FIRST + 1000 else range(_FIRST, _LAST)


@contextmanager
def reserved_ports(count: int, among: Sequence[int] | None = None) -> Iterator[list[str]]:
    """Ports at which nothing listens, and which no other process reserves until the end of the context."""
    candidates = list(never_handed_out() if among is None else among)
    random.SystemRandom().shuffle(candidates)
    with ExitStack() as held:
        ports: list[str] = []
        for port in candidates:
            if len(ports) == count:
                break
            with suppress(OSError), socket.create_server(("127.0.0.1", port)):
                # A datagram socket of the same number is the reservation: it ends with the process, and disturbs no
                # server.
                reservation = held.enter_context(socket.socket(type=socket.SOCK_DGRAM))
                reservation.bind(("127.0.0.1", port))
                ports.append(str(port))
        if len(ports) < count:
            raise OSError(f"only {len(ports)} of {count} ports are free")
        yield ports

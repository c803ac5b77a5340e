"""The transports of one emulator, one for each kind of destination."""

from collections.abc import Mapping
from functools import partial

from starlette.types import ASGIApp

from evolink_mock.core.callback_routes import Kind
from evolink_mock.delivery.sink import Sink
from evolink_mock.delivery.transport import LateTransport, Transport
from evolink_mock.settings import Settings
from evolink_mock.tls import Trust


def make_transports(settings: Settings, receivers: Mapping[str, ASGIApp]) -> Mapping[Kind, Transport]:
    """One transport for each kind of way."""
    trust = Trust(settings)
    return {
        "network": LateTransport(partial(_network, trust)),
        "public": LateTransport(partial(_network, trust, public=True)),
        "receiver": LateTransport(partial(_receivers, receivers)),
        "sink": Sink(),
    }


def _network(trust: Trust, *, public: bool = False) -> Transport:
    from evolink_mock.delivery.http_transport import Network
    from evolink_mock.egress import PublicResolver, SystemResolver

    return Network(trust.context, PublicResolver if public else SystemResolver)


def _receivers(receivers: Mapping[str, ASGIApp]) -> Transport:
    from evolink_mock.delivery.asgi_transport import Receivers

    return Receivers(receivers)

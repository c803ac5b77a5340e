"""The transports of one emulator, one for each kind of destination."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from evolink_mock.core.callback_routes import Kind
from evolink_mock.delivery.sink import SinkTransport
from evolink_mock.delivery.transport import LazyTransport, Transport
from evolink_mock.settings import Settings
from evolink_mock.tls import TrustStore

if TYPE_CHECKING:
    from evolink_mock.delivery.receivers import Receivers


def make_transports(settings: Settings, receivers: "Receivers | None" = None) -> Mapping[Kind, Transport]:
    """One transport for each kind of destination; without receivers, one that has none."""
    trust = TrustStore(settings)
    return {
        "network": LazyTransport(partial(_network, trust)),
        "public": LazyTransport(partial(_network, trust, public=True)),
        "receiver": LazyTransport(partial(_receivers, receivers)),
        "sink": SinkTransport(),
    }


def _network(trust: TrustStore, *, public: bool = False) -> Transport:
    from evolink_mock.delivery.http_transport import HttpTransport
    from evolink_mock.egress import NonBlockingResolver, PublicResolver

    return HttpTransport(trust.context, PublicResolver if public else NonBlockingResolver)


def _receivers(receivers: "Receivers | None") -> Transport:
    from evolink_mock.delivery.application_transport import ApplicationTransport
    from evolink_mock.delivery.receivers import Receivers

    return ApplicationTransport(receivers or Receivers({}))

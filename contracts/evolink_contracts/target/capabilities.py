"""Capabilities of a service, and the test whether its callbacks reach the webhook."""

import json
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from evolink_contracts.reference.boundary_requests import minimal_request
from evolink_contracts.reference.errors import NoResponse
from evolink_contracts.spec.timing import EVOLINK_CALLBACKS
from evolink_contracts.spec.wire import Seconds
from evolink_contracts.target.clocks import ManualClock
from evolink_contracts.target.connection import Connection
from evolink_contracts.target.control import ControlClient
from evolink_contracts.target.transports import HttpTransport
from evolink_contracts.target.wall_clock import WallClock
from evolink_contracts.target.webhook import Webhook
from evolink_contracts.trace.events import Attempt
from evolink_contracts.trace.history import CREATE_PATH

Capability: TypeAlias = Literal["control", "keys", "callbacks"]
"""`control`: it has the emulator's control API. `keys`: it accepts any key. `callbacks`: they reach our webhook."""

_LONGEST_TASK: Seconds = 3600.0


def emulator_reaches(
    webhook: Webhook, connection: Connection, control: ControlClient, wall: WallClock, defaults: Mapping[str, Any]
) -> bool:
    """Whether an emulator's callbacks reach a webhook, shown by a task of its own, which costs nothing.

    An emulator that sends no callback at all counts as reaching it, since promises check for that; one whose
    callbacks get no response does not.
    """
    arrived: list[Attempt] = []
    clock = ManualClock(control, connection, wall, lambda at: arrived.extend(webhook.take(at)))
    body = json.dumps(minimal_request() | dict(defaults) | {"callback_url": f"{webhook.origin}/{wall.nonce()}/204"})
    webhook.register(body)
    connection.begin("reach/")
    headers = {"content-type": "application/json", **connection.authorization("a")}
    connection.send("POST", CREATE_PATH, headers, body.encode())
    clock.advance(_LONGEST_TASK, "a")
    unanswered = [row for row in control.deliveries() if not any(attempt.status for attempt in row.attempts)]
    connection.begin("")
    return bool(arrived) or not unanswered


def url_reaches(webhook: Webhook, wall: WallClock) -> bool:
    """Whether a request from here to the URL of a webhook arrives there."""
    url = f"{webhook.origin}/{wall.nonce()}/204"
    webhook.register(url)
    network = HttpTransport(webhook.origin, timeout=EVOLINK_CALLBACKS.timeout)
    try:
        network.send("POST", url.removeprefix(webhook.origin), {}, b"{}")
    except NoResponse:
        return False
    finally:
        network.close()
        reached = bool(webhook.take())
        # A late repetition of this request would be an unknown one.
        webhook.clear()
    return reached

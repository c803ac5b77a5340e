"""Mutations of callbacks: retry policy, bodies, headers, what follows an attempt."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec

from evolink_mock.core.behaviour import Behaviour
from evolink_mock.core.callback_routes import CallbackRoutes, Destination
from evolink_mock.core.delivery import AttemptResult, Delivery
from evolink_mock.core.duration import SECOND, Micros
from evolink_mock.testing.mutations.base import Body, Mutation


def policy(**changed: Any) -> Mutation:
    """Another retry policy."""
    return lambda documented: documented._replace(policy=replace(documented.policy, **changed))


def link_seconds(seconds: int) -> Mutation:
    """Another lifetime of result links."""
    return lambda documented: documented._replace(result_link=replace(documented.result_link, seconds=seconds))


def callbacks(change: Callable[[Body, int], object]) -> Mutation:
    """Changes the bodies of callbacks; `change` also gets the number of earlier callbacks of that task."""

    def mutation(documented: Behaviour) -> Behaviour:
        sent: Counter[str] = Counter()

        def callback_body(query: bytes) -> bytes:
            body = msgspec.json.decode(documented.callback_body(query))
            change(body, sent[body["id"]])
            sent[body["id"]] += 1
            return msgspec.json.encode(body)

        return documented._replace(callback_body=callback_body)

    return mutation


def headers(**added: str) -> Mutation:
    """Adds to the headers of callbacks, or replaces them."""
    named = {name.replace("_", "-"): value for name, value in added.items()}

    def mutation(documented: Behaviour) -> Behaviour:
        return documented._replace(attempt_headers=lambda: {**documented.attempt_headers(), **named})

    return mutation


def deliveries(change: Callable[[Delivery], Delivery]) -> Mutation:
    """Changes what follows an attempt."""

    def mutation(documented: Behaviour) -> Behaviour:
        def record_attempt(
            delivery: Delivery, target: str, started: Micros, finished: Micros, result: AttemptResult, policy: Any
        ) -> Delivery:
            return change(documented.record_attempt(delivery, target, started, finished, result, policy))

        return documented._replace(record_attempt=record_attempt)

    return mutation


def sent_again(delivery: Delivery) -> Delivery:
    if delivery.stage == "delivered" and len(delivery.attempts) == 1:
        return delivery._replace(stage="queued", due=delivery.attempts[-1].finished + SECOND)
    return delivery


def given_up(delivery: Delivery) -> Delivery:
    return delivery._replace(stage="exhausted", due=None) if delivery.stage == "queued" else delivery


def silent_failures(documented: Behaviour) -> Behaviour:
    return documented._replace(announces=lambda task, end: end.failure is None and documented.announces(task, end))


def without_query(documented: Behaviour) -> Behaviour:
    def destination(routes: CallbackRoutes, url: str) -> Destination | None:
        found = documented.destination(routes, url)
        return found and found._replace(url=found.url.partition("?")[0])

    return documented._replace(destination=destination)

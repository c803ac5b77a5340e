"""Mutations of responses: their statuses, headers and JSON."""

from collections import Counter
from collections.abc import Callable

import msgspec

from evolink_contracts.spec.errors import Operation
from evolink_mock.core.behaviour import Behaviour, Payload
from evolink_mock.testing.mutations.base import Body, Mutation


def responses(operation: Operation, change: Callable[[Payload], Payload]) -> Mutation:
    """Changes each response of an operation."""

    def mutation(documented: Behaviour) -> Behaviour:
        def present(asked: Operation, payload: Payload) -> Payload:
            payload = documented.present(asked, payload)
            return change(payload) if asked == operation else payload

        return documented._replace(present=present)

    return mutation


def bodies(operation: Operation, change: Callable[[Body], object], *, status: int = 200) -> Mutation:
    """Changes the JSON of an operation's responses with this status."""

    def changed(payload: Payload) -> Payload:
        if payload.status != status:
            return payload
        body = msgspec.json.decode(payload.body)
        change(body)
        return payload._replace(body=msgspec.json.encode(body))

    return responses(operation, changed)


def statuses(operation: Operation, old: int, new: int) -> Mutation:
    """Answers with another status."""
    return responses(operation, lambda payload: payload._replace(status=new) if payload.status == old else payload)


def queries(change: Callable[[Body, int], object]) -> Mutation:
    """Changes queries alone, and no callbacks; `change` also gets the number of earlier queries in this state."""

    def mutation(documented: Behaviour) -> Behaviour:
        seen: Counter[str] = Counter()

        def counted(body: Body) -> None:
            state = f"{body['id']} {body['status']}"
            change(body, seen[state])
            seen[state] += 1

        return bodies("query", counted)(documented)

    return mutation


def errors(change: Callable[[Body], object]) -> Mutation:
    """Changes the error of every refusal."""

    def mutation(documented: Behaviour) -> Behaviour:
        def present(operation: Operation, payload: Payload) -> Payload:
            payload = documented.present(operation, payload)
            if payload.status < 400 or payload.content_type != b"application/json":
                return payload
            body = msgspec.json.decode(payload.body)
            change(body["error"])
            return payload._replace(body=msgspec.json.encode(body))

        return documented._replace(present=present)

    return mutation


def found_anyway(payload: Payload) -> Payload:
    return payload._replace(status=200, body=b"{}") if payload.status == 404 else payload

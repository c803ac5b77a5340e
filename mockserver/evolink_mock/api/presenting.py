"""Presentation of results by a behaviour other than the documented one."""

from msgspec.structs import replace

from evolink_contracts.spec.errors import Operation
from evolink_mock.api.endpoint import Present
from evolink_mock.api.responses import Result
from evolink_mock.core.behaviour import Behaviour, Payload, as_it_is


def presented_by(behaviour: Behaviour) -> Present | None:
    """The change that a behaviour makes of results; `None` for the documented one, which makes none."""
    if behaviour.present is as_it_is:
        return None

    def present(operation: Operation, result: Result) -> Result:
        payload = behaviour.present(operation, Payload(result.status, result.body, result.content_type, result.headers))
        return replace(
            result,
            status=payload.status,
            body=payload.body,
            content_type=payload.content_type,
            headers=payload.headers,
        )

    return present

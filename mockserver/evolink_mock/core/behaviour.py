"""The behaviour of an emulator as one record of facts and functions, whose defaults are the documented ones."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from evolink_contracts.spec.errors import Operation
from evolink_contracts.spec.models import MODELS, Model
from evolink_contracts.spec.timing import EVOLINK_CALLBACKS, RESULT_LINK, CallbackPolicy, Lifetime
from evolink_contracts.spec.wire import TaskDetail
from evolink_mock.core import bodies, delivery, lifecycle, request_headers, seed
from evolink_mock.core.billing import Ledger
from evolink_mock.core.callback_routes import CallbackRoutes, Destination
from evolink_mock.core.choices import Choices
from evolink_mock.core.delivery import AttemptResult, Delivery
from evolink_mock.core.distribution import Distribution
from evolink_mock.core.duration import Micros
from evolink_mock.core.seed import Seed
from evolink_mock.core.task import Plan, State, Task, Units
from evolink_mock.core.url_policy import UrlCheck, check_callback_url
from evolink_mock.core.validation import CreateRequest, Refusal, Validator


class Payload(NamedTuple):
    """A response of the API as it leaves an operation."""

    status: int
    body: bytes
    content_type: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()


FindTask: TypeAlias = Callable[[], Task | None]


def as_it_is(operation: Operation, payload: Payload) -> Payload:
    """The response itself."""
    return payload


def own_task(task_id: str, own: Task | None, foreign: FindTask) -> Task | None:
    """The task that a query may see: one of its own key, and none of another."""
    return own


def announces(task: Task, end: State) -> bool:
    """Whether the end of a task is announced: all of completed, failed and cancelled are (S1a)."""
    return task.has_callback


class Behaviour(NamedTuple):
    """One field for each part of the service that another emulator may do differently.

    `create_app` takes the documented one by default; a mutant of the contract kit is the same record with one field
    replaced. Every function takes and returns values, and performs no I/O.
    """

    # Facts
    models: Mapping[str, Model] = MODELS
    policy: CallbackPolicy = EVOLINK_CALLBACKS
    result_link: Lifetime = RESULT_LINK
    query_price: Units = 0
    """The price of each query; the real service charges creates alone (S1d)."""

    # Requests and responses
    bearer_key: Callable[[bytes | None], str | None] = request_headers.bearer_key
    is_json: Callable[[bytes], bool] = request_headers.is_json
    validate: Callable[[Validator, object], CreateRequest | Refusal] = Validator.validate
    check_callback_url: UrlCheck = check_callback_url
    idempotency_key: Callable[[bytes], str | None] = request_headers.parse_idempotency_key
    request_digest: Callable[[bytes], bytes] = request_headers.request_digest
    present: Callable[[Operation, Payload], Payload] = as_it_is
    request_id: Callable[[Seed, int], str] = seed.request_id

    # Tasks and credits
    task_id: Callable[[Seed, int, Micros], str] = seed.task_id
    plan: Callable[[CreateRequest, Distribution, Seed, int, Choices], Plan] = lifecycle.plan
    visible_task: Callable[[str, Task | None, FindTask], Task | None] = own_task
    task_body: Callable[[str, Task, State, Sequence[str], Choices], TaskDetail] = bodies.task_body
    affords: Callable[[Ledger, Units], bool] = Ledger.affords
    settle: Callable[[Ledger, Units, Units], Ledger] = Ledger.settle

    # Callbacks
    announces: Callable[[Task, State], bool] = announces
    destination: Callable[[CallbackRoutes, str], Destination | None] = CallbackRoutes.destination
    attempt_headers: Callable[[], Mapping[str, str]] = delivery.attempt_headers
    callback_body: Callable[[bytes], bytes] = bytes
    record_attempt: Callable[[Delivery, str, Micros, Micros, AttemptResult, CallbackPolicy], Delivery] = (
        delivery.record_attempt
    )


DOCUMENTED = Behaviour()
"""The service as the documents describe it."""

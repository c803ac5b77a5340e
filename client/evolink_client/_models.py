"""Response models: immutable values; undocumented fields are kept in `extra`, and unknown statuses and codes pass."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

Seconds: TypeAlias = float
UnixSeconds: TypeAlias = int
Credits: TypeAlias = float

TERMINAL = frozenset({"completed", "failed", "cancelled", "canceled"})
"""Final statuses. The documentation names the first two; `cancelled` was seen by clients in use."""

Kind = TypeVar("Kind")


class Malformed(Exception):
    """A value of the wrong type; the message names the field and the type."""


class Extra(Mapping[str, Any]):
    """Undocumented fields, unchanged. Unlike `MappingProxyType` it can be copied and pickled."""

    __slots__ = ("_fields",)

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._fields = dict(fields)

    def __getitem__(self, name: str) -> Any:
        return self._fields[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __repr__(self) -> str:
        return repr(self._fields)


class Fields:
    """Takes the known fields out of a JSON object and checks their types; the remaining fields are `rest`."""

    def __init__(self, body: object, where: str) -> None:
        if not isinstance(body, dict):
            raise Malformed(f"{where} is no object")
        self._left: dict[str, Any] = dict(body)
        self._where = where

    def take(self, name: str, kind: type[Kind], default: Kind) -> Kind:
        """The field, or the default if it is absent or null."""
        value = self._left.pop(name, None)
        if value is None:
            return default
        # In Python a bool is an int, in JSON it is none; and an integer is valid as a float.
        if kind is float and type(value) is int:
            value = float(value)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise Malformed(f"{self._where}.{name} is a {type(value).__name__} where a {kind.__name__} belongs")
        return value

    def optional(self, name: str, kind: type[Kind]) -> Kind | None:
        """The field, or `None`."""
        if self._left.get(name) is None:
            self._left.pop(name, None)
            return None
        return self.take(name, kind, kind())

    def required(self, name: str, kind: type[Kind]) -> Kind:
        """The field. Raises `Malformed` if it is absent or null."""
        if self._left.get(name) is None:
            raise Malformed(f"{self._where}.{name} is missing")
        return self.take(name, kind, kind())

    def part(self, name: str) -> "Fields | None":
        """The field as an object, or `None`."""
        value = self._left.pop(name, None)
        return None if value is None else Fields(value, f"{self._where}.{name}")

    def texts(self, name: str) -> tuple[str, ...]:
        """The field as a list of strings; one client in use has seen objects with a `url` instead."""
        value = self._left.pop(name, None) or []
        if not isinstance(value, list):
            raise Malformed(f"{self._where}.{name} is a {type(value).__name__} where a list belongs")
        found = [item.get("url") if isinstance(item, dict) else item for item in value]
        texts = tuple(text for text in found if isinstance(text, str))
        if len(texts) != len(found):
            raise Malformed(f"{self._where}.{name} holds something else than strings")
        return texts

    @property
    def rest(self) -> Mapping[str, Any]:
        return Extra(self._left)


@dataclass(frozen=True, slots=True)
class TaskError:
    """The error of a failed task (the error code page)."""

    code: str
    """One of the 13 documented codes, or a code of an upstream, which passes through."""
    message: str
    type: str
    """Always `task_error` in the documentation."""
    extra: Mapping[str, Any]
    """Undocumented fields."""


@dataclass(frozen=True, slots=True)
class Usage:
    """The price of a task (the model page)."""

    billing_rule: str
    """`per_call`, `per_second` or `per_token`."""
    credits_reserved: Credits
    """Reserved for the requested duration; settled on the actual length, and refunded if the task fails."""
    user_group: str
    """For example `default`."""
    extra: Mapping[str, Any]
    """Undocumented fields, such as `credits_used`, which some responses have."""


@dataclass(frozen=True, slots=True)
class Task:
    """A task as one response or callback shows it (the model page and the page of the task query)."""

    id: str
    """`task-unified-`, the Unix time, and eight letters and digits."""
    status: str
    """`pending`, `processing`, `completed` or `failed`; clients in use have seen `cancelled`. Others may follow."""
    progress: int
    """From 0 to 100; 0 on failure."""
    model: str
    created: UnixSeconds
    results: tuple[str, ...]
    """Links to the videos of a completed task, valid for 24 hours."""
    error: TaskError | None
    """Present if the task failed."""
    can_cancel: bool | None
    """True until the task ends; there is no documented call that cancels."""
    estimated_time: Seconds | None
    """In the response to a create."""
    usage: Usage | None
    """In the response to a create."""
    request_id: str | None
    """The id of the HTTP request, for the vendor's support."""
    replayed: bool
    """Whether a create returned the task created earlier with its idempotency key."""
    extra: Mapping[str, Any]
    """Undocumented fields."""

    @property
    def ended(self) -> bool:
        """Whether the status is final."""
        return self.status in TERMINAL

    @property
    def succeeded(self) -> bool:
        """Whether there is a video."""
        return self.status == "completed"


@dataclass(frozen=True, slots=True)
class Balance:
    """Credits of an API key or of its user (the credits page)."""

    remaining_credits: Credits
    used_credits: Credits
    unlimited: bool
    """Whether the key has no limit of its own; not documented for users."""
    extra: Mapping[str, Any]
    """Undocumented fields."""


@dataclass(frozen=True, slots=True)
class CreditsReport:
    """The response of GET /v1/credits."""

    token: Balance
    """The balance of the API key."""
    user: Balance
    """The balance of the account, which all its keys share."""


def read_task(body: object, request_id: str | None = None, *, replayed: bool = False) -> Task:
    """The task in the JSON of a create, a query or a callback. Raises `Malformed`."""
    fields = Fields(body, "task")
    task_id = fields.take("id", str, "")
    if not task_id:
        raise Malformed("task.id is missing")
    status = fields.take("status", str, "")
    if not status:
        raise Malformed("task.status is missing")
    info, usage, error = fields.part("task_info"), fields.part("usage"), fields.part("error")
    return Task(
        id=task_id,
        status=status,
        progress=fields.take("progress", int, 0),
        model=fields.take("model", str, ""),
        created=fields.take("created", int, 0),
        results=fields.texts("results"),
        error=None if error is None else _read_error(error),
        can_cancel=None if info is None else info.optional("can_cancel", bool),
        estimated_time=None if info is None else info.optional("estimated_time", float),
        usage=None if usage is None else _read_usage(usage),
        request_id=request_id,
        replayed=replayed,
        extra=fields.rest,
    )


def _read_error(fields: Fields) -> TaskError:
    code, message = fields.take("code", str, "unknown_error"), fields.take("message", str, "")
    return TaskError(code, message, fields.take("type", str, "task_error"), fields.rest)


def _read_usage(fields: Fields) -> Usage:
    rule, reserved = fields.take("billing_rule", str, ""), fields.take("credits_reserved", float, 0.0)
    return Usage(rule, reserved, fields.take("user_group", str, ""), fields.rest)


def read_credits(body: object) -> CreditsReport:
    """The report in the JSON of the credits call. Raises `Malformed`."""
    data = Fields(body, "credits").part("data")
    token, user = (data.part("token"), data.part("user")) if data is not None else (None, None)
    if token is None or user is None:
        raise Malformed("credits.data has no token and user")
    return CreditsReport(_read_balance(token), _read_balance(user))


def _read_balance(fields: Fields) -> Balance:
    remaining, used = fields.required("remaining_credits", float), fields.required("used_credits", float)
    return Balance(remaining, used, fields.take("unlimited_credits", bool, False), fields.rest)

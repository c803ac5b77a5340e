"""What the API answers, as immutable values. What is not documented is kept in `extra`; open sets stay open."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

Seconds: TypeAlias = float
UnixSeconds: TypeAlias = int
Credits: TypeAlias = float

TERMINAL = frozenset({"completed", "failed", "cancelled", "canceled"})
"""Statuses that nothing comes after. The documents have the first two; clients in use have seen the third named."""

Kind = TypeVar("Kind")


class Malformed(Exception):
    """A value of the wrong type; says where and what."""


class Extra(Mapping[str, Any]):
    """Fields that are not documented, as they came. Unlike `MappingProxyType` it can be copied and pickled."""

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
    """Takes known fields out of a JSON object, each of its type; what is left is extra."""

    def __init__(self, body: object, where: str) -> None:
        if not isinstance(body, dict):
            raise Malformed(f"{where} is no object")
        self._left: dict[str, Any] = dict(body)
        self._where = where

    def take(self, name: str, kind: type[Kind], default: Kind) -> Kind:
        """The field, or the default where it is absent or null."""
        value = self._left.pop(name, None)
        if value is None:
            return default
        # true is an int to Python, and to nobody else; a whole number does where any number does.
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
        """The field, which must be there."""
        if self._left.get(name) is None:
            raise Malformed(f"{self._where}.{name} is missing")
        return self.take(name, kind, kind())

    def part(self, name: str) -> "Fields | None":
        """A field that is an object."""
        value = self._left.pop(name, None)
        return None if value is None else Fields(value, f"{self._where}.{name}")

    def texts(self, name: str) -> tuple[str, ...]:
        """A field that is a list of strings, or of objects with a `url`, as one client has seen it."""
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
    """Why a task failed (the error code page)."""

    code: str
    """One of the 13 documented ones, or an upstream's own, which pass through."""
    message: str
    type: str
    """`task_error`."""
    extra: Mapping[str, Any]
    """Whatever else was there."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a task costs (the model page)."""

    billing_rule: str
    """`per_call`, `per_second` or `per_token`."""
    credits_reserved: Credits
    """Charged in advance by the duration asked for, settled on the real length, given back on failure."""
    user_group: str
    """Such as `default`."""
    extra: Mapping[str, Any]
    """Whatever else was there, such as `credits_used`, which some answers have."""


@dataclass(frozen=True, slots=True)
class Task:
    """A task as one answer or callback shows it (the pages of the model and of the task query)."""

    id: str
    """`task-unified-`, Unix seconds, and eight letters and digits."""
    status: str
    """`pending`, `processing`, `completed` or `failed`; clients in use have seen `cancelled`. The set is open."""
    progress: int
    """From 0 to 100; 0 on failure."""
    model: str
    created: UnixSeconds
    results: tuple[str, ...]
    """Links to the videos once it is completed, valid for 24 hours."""
    error: TaskError | None
    """Why it failed."""
    can_cancel: bool | None
    """Whether it has not ended; there is no documented call that cancels."""
    estimated_time: Seconds | None
    """In the answer to a create."""
    usage: Usage | None
    """In the answer to a create."""
    request_id: str | None
    """Of the answer, for the vendor's support."""
    replayed: bool
    """Whether a create found the task that its idempotency key had made before."""
    extra: Mapping[str, Any]
    """Whatever else was there."""

    @property
    def ended(self) -> bool:
        """Whether nothing comes after this status."""
        return self.status in TERMINAL

    @property
    def succeeded(self) -> bool:
        """Whether there is a video."""
        return self.status == "completed"


@dataclass(frozen=True, slots=True)
class Balance:
    """Credits of a key or of its user (the credits page)."""

    remaining_credits: Credits
    used_credits: Credits
    unlimited: bool
    """Whether the key has no limit of its own; of users it is not said."""
    extra: Mapping[str, Any]
    """Whatever else was there."""


@dataclass(frozen=True, slots=True)
class CreditsReport:
    """What GET /v1/credits says."""

    token: Balance
    """Of the API key."""
    user: Balance
    """Of the account, which all of its keys share."""


def read_task(body: object, request_id: str | None = None, *, replayed: bool = False) -> Task:
    """A task from the JSON of a create, a query or a callback. Raises `Malformed`."""
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
    """Raises `Malformed`."""
    data = Fields(body, "credits").part("data")
    token, user = (data.part("token"), data.part("user")) if data is not None else (None, None)
    if token is None or user is None:
        raise Malformed("credits.data has no token and user")
    return CreditsReport(_read_balance(token), _read_balance(user))


def _read_balance(fields: Fields) -> Balance:
    remaining, used = fields.required("remaining_credits", float), fields.required("used_credits", float)
    return Balance(remaining, used, fields.take("unlimited_credits", bool, False), fields.rest)

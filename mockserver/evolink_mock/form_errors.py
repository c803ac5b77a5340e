"""Form errors: every mistake of a JSON or TOML value against a msgspec struct, in words, with its path."""

from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import Any, NamedTuple, TypeAlias

import msgspec

from evolink_mock.core.suggestion import nearest_name, unknown_name

FormPath: TypeAlias = tuple[str | int, ...]
_TOP = "the body"


class Wording(NamedTuple):
    """Words for the notation: `table` for its objects, and the noun for an unknown name in one at a path."""

    table: str = "an object"
    name: str = "field of {}"
    top: str = "this call"


JSON = Wording()


class FormError(NamedTuple):
    """A mistake, and the path of the value or name that is wrong."""

    path: FormPath
    message: str


def form_errors(
    value: object, form: type[msgspec.Struct], wording: Wording = JSON, limit: int | None = None
) -> list[FormError]:
    """Every mistake, or the first `limit`, in the order of the value; none does not promise that msgspec accepts it."""
    # It takes 5 ms to import, and a right value does not need it.
    from msgspec import inspect

    return list(islice(_Walk(wording, inspect).walk(value, _description(form), ()), limit))


@cache
def _description(form: type[msgspec.Struct]) -> Any:
    """The description of a type, which takes milliseconds to make."""
    from msgspec import inspect

    return inspect.type_info(form)


def short_repr(value: object, limit: int = 80) -> str:
    """A value in a message, cut where it is long."""
    try:
        shown = repr(value)
    except Exception:
        # Python writes no integer of more than 4,300 digits, and a type may have any representation.
        if isinstance(value, int):
            return f"an integer of {value.bit_length()} bits"
        return f"a value of type {type(value).__name__}"
    return shown if len(shown) <= limit else f"{shown[:limit]}…"


def show_path(path: FormPath) -> str:
    """A path as text: `steps[1].times`."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in path]
    return "".join(parts).removeprefix(".") or _TOP


class _Walk:
    """Compares a value with msgspec's description of a type."""

    def __init__(self, wording: Wording, inspect: Any) -> None:
        self._wording = wording
        self._inspect = inspect

    def walk(self, value: object, kind: Any, path: FormPath) -> Iterator[FormError]:
        inspect = self._inspect
        if isinstance(kind, inspect.Metadata):
            yield from self.walk(value, kind.type, path)
        elif isinstance(kind, inspect.UnionType):
            yield from self._union(value, kind, path)
        elif isinstance(kind, inspect.StructType) and isinstance(value, dict):
            yield from self._struct(value, kind, path)
        elif isinstance(kind, inspect.ListType) and isinstance(value, list) and self._fits(len(value), kind):
            for place, item in enumerate(value):
                yield from self.walk(item, kind.item_type, (*path, place))
        elif isinstance(kind, inspect.DictType) and isinstance(value, dict) and self._fits(len(value), kind):
            for name, item in value.items():
                yield from self.walk(item, kind.value_type, (*path, str(name)))
        elif not self._accepts(value, kind):
            yield FormError(path, f"{show_path(path)} must be {self._words(kind)}; got {_shown(value, kind)}")

    def _union(self, value: object, kind: Any, path: FormPath) -> Iterator[FormError]:
        tried = [list(self.walk(value, each, path)) for each in kind.types]
        if all(tried):
            others = [each for each in kind.types if not isinstance(each, self._inspect.NoneType)]
            if len(others) == 1:
                yield from self.walk(value, others[0], path)
            else:
                words = " or ".join(self._words(each) for each in others)
                yield FormError(path, f"{show_path(path)} must be {words}; got {_shown(value, kind)}")

    def _struct(self, value: dict[str, object], kind: Any, path: FormPath) -> Iterator[FormError]:
        fields = {field.encode_name: field for field in kind.fields}
        noun = self._wording.name.format(next((part for part in reversed(path) if isinstance(part, str)), "")).strip()
        if not path:
            noun = self._wording.name.format(self._wording.top)
        for name, item in value.items():
            if name in fields:
                yield from self.walk(item, fields[name].type, (*path, name))
            elif kind.forbid_unknown_fields:
                yield FormError((*path, str(name)), unknown_name(noun, str(name), tuple(fields)))
        for name, field in fields.items():
            if field.required and name not in value:
                yield FormError(path, f"{show_path((*path, name))} is missing")

    def _accepts(self, value: object, kind: Any) -> bool:
        inspect = self._inspect
        match kind:
            case inspect.NoneType():
                return value is None
            case inspect.BoolType():
                return isinstance(value, bool)
            case inspect.IntType():
                return isinstance(value, int) and not isinstance(value, bool) and _within(value, kind)
            case inspect.FloatType():
                return isinstance(value, int | float) and not isinstance(value, bool) and _within(value, kind)
            case inspect.StrType():
                return isinstance(value, str) and self._fits(len(value), kind)
            case inspect.LiteralType():
                return value in kind.values
            case inspect.StructType() | inspect.ListType() | inspect.DictType():
                return False
        return True

    @staticmethod
    def _fits(length: int, kind: Any) -> bool:
        return (kind.min_length or 0) <= length and (kind.max_length is None or length <= kind.max_length)

    def _words(self, kind: Any) -> str:
        inspect = self._inspect
        match kind:
            case inspect.Metadata():
                return self._words(kind.type)
            case inspect.BoolType():
                return "true or false"
            case inspect.IntType():
                return f"an integer{_bounds(kind.ge, kind.le)}"
            case inspect.FloatType():
                return f"a number{_bounds(kind.ge, kind.le)}"
            case inspect.StrType():
                return f"text{_size(kind, 'characters')}"
            case inspect.LiteralType():
                return f"one of {', '.join(map(str, kind.values))}"
            case inspect.ListType():
                return f"a list{_size(kind, 'items')}"
            case inspect.StructType() | inspect.DictType():
                return f"{self._wording.table}{_size(kind, 'entries')}"
        return "another value"


def _within(value: float, kind: Any) -> bool:
    return (kind.ge is None or value >= kind.ge) and (kind.le is None or value <= kind.le)


def _bounds(low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return "" if low is None else f" from {low:,} on"
    return f" from {low:,} to {high:,}"


def _size(kind: Any, noun: str) -> str:
    low, high = getattr(kind, "min_length", None), getattr(kind, "max_length", None)
    if not low:
        return "" if high is None else f" of at most {high} {noun}"
    return f" of at least {low} {noun}" if high is None else f" of {low} to {high} {noun}"


def _shown(value: object, kind: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | list):
        return f"{'an object' if isinstance(value, dict) else 'a list'} with {len(value)} entries"
    text = short_repr(value, 60)
    cut = f"{text} ({len(value)} characters)" if isinstance(value, str) and text.endswith("…") else text
    values = tuple(map(str, getattr(kind, "values", ())))
    near = nearest_name(value, values) if values and isinstance(value, str) else None
    return f"{cut}; did you mean {near!r}?" if near else cut

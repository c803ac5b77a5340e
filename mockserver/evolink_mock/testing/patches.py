"""How an emulator is made to lie: what stands in the place of one of its functions or rows."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import wraps
from importlib import import_module
from typing import Any, NamedTuple, TypeAlias

import msgspec
from msgspec.structs import replace as replace_fields

from evolink_contracts.spec.timing import EVOLINK_CALLBACKS
from evolink_mock.api.responses import Outcome, Result, amend
from evolink_mock.core.validation import Refusal

Body: TypeAlias = dict[str, Any]
Make: TypeAlias = Callable[[Any], Any]
"""What stands in the place of something, made of what stood there."""


class Patch(NamedTuple):
    """`where` is `module:name` or `module:Class.name` within the emulator."""

    where: str
    make: Make


def around(where: str, act: Callable[..., Any]) -> Patch:
    """`act` is called with the function that it stands for, and the arguments."""

    def make(old: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(old)
        def new(*given: Any, **named: Any) -> Any:
            return act(old, *given, **named)

        return new

    return Patch(where, make)


def answers(operation: str, change: Callable[[Body], object], *, status: int = 200) -> Patch:
    """Changes the JSON of an operation's answers that have this status."""

    def changed(result: Result) -> Result:
        if result.status != status:
            return result
        body = msgspec.json.decode(result.body)
        change(body)
        return replace_fields(result, body=msgspec.json.encode(body))

    def act(old: Callable[..., Outcome], api: object, request: object) -> Outcome:
        return amend(old(api, request), changed)

    return around(f"api.routes:Api.{operation}", act)


def status(operation: str, old_status: int, new_status: int) -> Patch:
    def changed(result: Result) -> Result:
        return replace_fields(result, status=new_status) if result.status == old_status else result

    def act(old: Callable[..., Outcome], api: object, request: object) -> Outcome:
        return amend(old(api, request), changed)

    return around(f"api.routes:Api.{operation}", act)


def tasks(change: Callable[[Body], object]) -> Patch:
    """Changes what queries and callbacks alike show of a task."""

    def act(old: Callable[..., Body], *given: Any) -> Body:
        body = old(*given)
        change(body)
        return body

    return around("worlds.rendering:task_body", act)


def reads(change: Callable[[Body, int], object]) -> Patch:
    """Changes queries alone; `change` also gets how often the task was queried in this state before."""

    def make(old: Callable[..., Outcome]) -> Callable[..., Outcome]:
        seen: Counter[str] = Counter()

        def changed(result: Result) -> Result:
            if result.status != 200:
                return result
            body = msgspec.json.decode(result.body)
            state = f"{body['id']} {body['status']}"
            change(body, seen[state])
            seen[state] += 1
            return replace_fields(result, body=msgspec.json.encode(body))

        def query(api: object, request: object) -> Outcome:
            return amend(old(api, request), changed)

        return query

    return Patch("api.routes:Api.query", make)


def judging(change: Callable[[Body], Body | Refusal]) -> Patch:
    """Changes requests before they are judged."""

    def act(old: Callable[..., Any], validator: object, body: object) -> Any:
        if isinstance(body, dict):
            changed = change(dict(body))
            return changed if isinstance(changed, Refusal) else old(validator, changed)
        return old(validator, body)

    return around("api.create:Validator.validate", act)


def takes_any(field: str, otherwise: object = None) -> Patch:
    """Leaves a field unjudged: another value stands for it, or none."""

    def change(body: Body) -> Body:
        body[field] = otherwise
        return body

    return judging(change)


def limit(name: str, **changed: object) -> Patch:
    def make(old: Mapping[str, Any]) -> Mapping[str, Any]:
        return {
            model.name: replace(
                model, fields=tuple(replace(f, **changed) if f.name == name else f for f in model.fields)
            )
            for model in old.values()
        }

    return Patch("api.create:MODELS", make)


def lets_through(*kinds: str, only: str = "") -> Patch:
    """Objections of these kinds to a callback URL are not made, where the URL has `only` in it."""

    def act(old: Callable[..., Any], url: str, **more: Any) -> Any:
        objection = old(url, **more)
        return None if objection is not None and objection.rule in kinds and only in url else objection

    return around("core.validation:check_callback_url", act)


def refusals(change: Callable[[Body], object]) -> Patch:
    def make(old: Callable[..., Result]) -> Callable[..., Result]:
        def refuse(operation: str, condition: str, message: str | None = None, *, model: str = "") -> Result:
            result = old(operation, condition, message, model=model)
            body = msgspec.json.decode(result.body)
            change(body["error"])
            return replace_fields(result, body=msgspec.json.encode(body))

        return refuse

    return Patch("api.routes:error_result", make)


def policy(**changed: Any) -> Patch:
    """Changes the retry policy that an emulator is made with."""

    def act(old: Callable[..., Any], *given: Any, **named: Any) -> Any:
        return old(*given, **named, policy=replace(EVOLINK_CALLBACKS, **changed))

    return around("testing.mutants:create_app", act)


def callbacks(change: Callable[[Body, int], object]) -> Patch:
    """Changes the bodies of callbacks; `change` also gets how often that task was called back before."""

    def make(old: Callable[..., bytes]) -> Callable[..., bytes]:
        sent: Counter[str] = Counter()

        def callback_body(*given: Any) -> bytes:
            body = msgspec.json.decode(old(*given))
            change(body, sent[body["id"]])
            sent[body["id"]] += 1
            return msgspec.json.encode(body)

        return callback_body

    return Patch("delivery.dispatcher:callback_body", make)


def put(*path: str, value: object) -> Callable[..., None]:
    def change(body: Body, *_: object) -> None:
        for name in path[:-1]:
            body = body[name]
        body[path[-1]] = value

    return change


def drop(*path: str) -> Callable[..., None]:
    def change(body: Body, *_: object) -> None:
        for name in path[:-1]:
            body = body[name]
        body.pop(path[-1], None)

    return change


def where(status: str, change: Callable[..., object]) -> Callable[..., None]:
    """The change, made to tasks of one status."""

    def made(body: Body, *more: object) -> None:
        if body["status"] == status:
            change(body, *more)

    return made


@contextmanager
def patched(patches: tuple[Patch, ...]) -> Iterator[None]:
    """With these in place, in this process, for as long as it lasts."""
    with ExitStack() as stack:
        for patch in patches:
            module, _, path = patch.where.partition(":")
            holder: Any = import_module(f"evolink_mock.{module}")
            *parents, name = path.split(".")
            for parent in parents:
                holder = getattr(holder, parent)
            old = getattr(holder, name)
            stack.callback(setattr, holder, name, old)
            setattr(holder, name, patch.make(old))
        yield

"""Changes of JSON bodies, which mutations make."""

from collections.abc import Callable

from evolink_mock.testing.mutations.base import Body


def put(*path: str, value: object) -> Callable[..., None]:
    """Puts a value at a path."""

    def change(body: Body, *_: object) -> None:
        for name in path[:-1]:
            body = body[name]
        body[path[-1]] = value

    return change


def drop(*path: str) -> Callable[..., None]:
    """Removes what is at a path."""

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


def created_as_id(body: Body) -> None:
    body["created"] += 5


def dips(body: Body, seen: int) -> None:
    if body["status"] == "processing" and seen % 2:
        body["progress"] = max(body["progress"] - 40, 1)


def revives(body: Body, seen: int) -> None:
    if body["status"] == "completed" and seen == 2:
        body.update(status="processing", progress=99, task_info={"can_cancel": True})
        body.pop("results", None)


def lags(body: Body, seen: int) -> None:
    if body["status"] == "completed" and seen == 0:
        body.update(status="processing", progress=99, task_info={"can_cancel": True})
        body.pop("results", None)


def wanders(body: Body, seen: int) -> None:
    if body["status"] == "completed":
        body["results"] = [f"{body['results'][0]}?read={seen}"]


def full_too_soon(body: Body) -> None:
    if body["status"] == "processing" and body["progress"] > 30:
        body["progress"] = 100


def later(body: Body, seen: int) -> None:
    body["created"] += 1


def other_code(body: Body) -> None:
    if body["error"]["code"] == "invalid_request":
        body["error"]["code"] = "invalid_parameter"

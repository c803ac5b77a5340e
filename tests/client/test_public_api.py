"""What integrators can see is documented: every name, every call, every field."""

import ast
import inspect
from pathlib import Path
from typing import Any

import pytest

import evolink_client

HOME = Path(evolink_client.__file__).parent
PUBLIC = [getattr(evolink_client, name) for name in evolink_client.__all__]
CLASSES = [thing for thing in PUBLIC if inspect.isclass(thing)]


def reachable() -> list[Any]:
    """Public things, and what hangs on a client."""
    from evolink_client import _async_client, _client, callbacks

    more = [_client.Videos, _client.Tasks, _async_client.AsyncVideos, _async_client.AsyncTasks]
    return [*PUBLIC, *more, callbacks.Memory, callbacks.InMemory]


@pytest.mark.parametrize("thing", reachable(), ids=lambda thing: thing.__name__)
def test_every_name_and_every_call_is_documented(thing: Any) -> None:
    assert inspect.getdoc(thing), thing
    if inspect.isclass(thing):
        for name, member in vars(thing).items():
            if not name.startswith("_") and (inspect.isfunction(member) or isinstance(member, property)):
                assert inspect.getdoc(member), f"{thing.__name__}.{name}"


def fields_of(source: str) -> list[tuple[str, str, str]]:
    """Each field of each class in a module, with what is said after it, and the docstring of its class."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef):
            for field, after in zip(node.body, [*node.body[1:], None], strict=True):
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                    said = (
                        after.value.value
                        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
                        else ""
                    )
                    found.append((f"{node.name}.{field.target.id}", str(said), ast.get_docstring(node) or ""))
    return found


OBVIOUS = {"model", "message", "code", "created", "remaining_credits", "used_credits", "transport", "mounts", "proxy"}
"""Names of the API's or of httpx's own that say it all, with their type."""


@pytest.mark.parametrize("module", ["models", "create", "flows", "polling", "exchange", "clock"])
def test_every_field_is_documented(module: str) -> None:
    fields = fields_of((HOME / f"_{module}.py").read_text(encoding="utf-8"))
    assert fields
    exported = {type_.__name__ for type_ in CLASSES} | {"Connections"}
    for field, said, of_class in fields:
        owner, _, name = field.partition(".")
        if owner in exported and name not in OBVIOUS:
            assert said or f"`{name}`" in of_class, field


def test_every_option_of_the_api_is_an_option_of_create() -> None:
    from evolink_contracts.spec.models import MODELS

    known = {"model", "prompt", "image_urls", "model_params", *evolink_client.CreateOptions.__annotations__}
    model = MODELS["wan2.6-image-to-video-flash"]
    assert {field.name for field in model.fields} <= known

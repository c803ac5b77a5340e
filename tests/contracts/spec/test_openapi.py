"""The OpenAPI document is valid, says what the facts say, and every example in it is an instance of its own schema."""

from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from evolink_contracts.spec.errors import ERRORS, HttpError
from evolink_contracts.spec.fields import Field
from evolink_contracts.spec.models import MODELS
from evolink_contracts.spec.openapi import render_openapi

PLAIN = render_openapi("http://127.0.0.1:8080")
WITH_CANCEL = render_openapi("http://127.0.0.1:8080", cancel_route=True)
CREATE = PLAIN["paths"]["/v1/videos/generations"]["post"]


def examples(node: Any, path: str = "#") -> Iterator[tuple[str, Any, Any]]:
    """Every example with the schema beside it: of media types, of parameters, and of schemas themselves."""
    if isinstance(node, list):
        for place, item in enumerate(node):
            yield from examples(item, f"{path}/{place}")
    if not isinstance(node, dict):
        return
    schema = node.get("schema", node)
    if "example" in node:
        yield f"{path}/example", schema, node["example"]
    match node.get("examples"):
        case list(values):
            yield from ((f"{path}/examples/{place}", schema, value) for place, value in enumerate(values))
        case dict(named):
            yield from ((f"{path}/examples/{name}", schema, held["value"]) for name, held in named.items())
    for name, item in node.items():
        if name not in ("example", "examples"):
            yield from examples(item, f"{path}/{name}")


EXAMPLES = [*examples(WITH_CANCEL)]


@pytest.mark.parametrize("document", [PLAIN, WITH_CANCEL, render_openapi("")], ids=["plain", "with cancel", "no host"])
def test_the_document_is_valid_openapi_3_1(document: Any) -> None:
    assert document["openapi"].startswith("3.1.")
    from openapi_spec_validator import OpenAPIV31SpecValidator

    assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


def test_schemas_are_valid_json_schemas() -> None:
    for schema in WITH_CANCEL["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_it_has_the_three_operations_and_the_draft_s_cancel_only_when_asked() -> None:
    operations = {(path, method) for path, item in PLAIN["paths"].items() for method in item}
    assert operations == {("/v1/videos/generations", "post"), ("/v1/tasks/{task_id}", "get"), ("/v1/credits", "get")}
    assert WITH_CANCEL["paths"]["/v1/tasks/{task_id}"].keys() == {"get", "delete"}
    assert PLAIN["security"] == [{"bearer": []}]
    assert PLAIN["components"]["securitySchemes"]["bearer"] == {"type": "http", "scheme": "bearer"}


def test_a_create_s_answer_leads_to_its_task() -> None:
    link = CREATE["responses"]["200"]["links"]["task"]
    assert link["operationId"] == PLAIN["paths"]["/v1/tasks/{task_id}"]["get"]["operationId"]
    assert link["parameters"] == {"task_id": "$response.body#/id"}


def test_the_callback_has_a_query_s_body_and_takes_any_2xx_for_success() -> None:
    callback = CREATE["callbacks"]["taskEnded"]["{$request.body#/callback_url}"]["post"]
    query = PLAIN["paths"]["/v1/tasks/{task_id}"]["get"]["responses"]["200"]
    sent, shown = (holder["content"]["application/json"]["schema"] for holder in (callback["requestBody"], query))
    assert sent == shown
    assert callback["responses"].keys() == {"2XX", "default"}
    assert callback["security"] == []
    assert "10 s" in callback["description"]
    assert "1, 2, 4 s" in callback["description"]


@pytest.mark.parametrize(("schema", "value"), [pytest.param(*rest, id=where) for where, *rest in EXAMPLES])
def test_every_example_is_an_instance_of_its_own_schema(schema: Any, value: object) -> None:
    validator = Draft202012Validator(schema | {"components": WITH_CANCEL["components"]})
    assert [error.message for error in validator.iter_errors(value)] == []


HOMES = {
    "create": CREATE,
    "query": PLAIN["paths"]["/v1/tasks/{task_id}"]["get"],
    "credits": PLAIN["paths"]["/v1/credits"]["get"],
}


@pytest.mark.parametrize(
    "row",
    [row for row in ERRORS.values() if row.operation in HOMES],
    ids=lambda row: f"{row.operation} {row.condition}",
)
def test_every_error_of_an_operation_is_among_its_examples(row: HttpError) -> None:
    answer = HOMES[row.operation]["responses"][str(row.status)]
    assert row.condition in answer["content"]["application/json"]["examples"]
    assert answer["x-basis"][row.condition] == row.basis
    assert answer["x-source"][row.condition] == row.source


def field_schema(model: str, field: Field) -> Any:
    alternatives = PLAIN["components"]["schemas"].values()
    (schema,) = (held for held in alternatives if held["properties"].get("model", {}).get("const") == model)
    for name in field.path.split("."):
        schema = schema["properties"][name]
    return schema


@pytest.mark.parametrize(
    ("model", "field"),
    [
        pytest.param(model.name, field, id=f"{model.name} {field.path}")
        for model in MODELS.values()
        for field in model.fields
    ],
)
def test_every_field_has_its_row_s_limits(model: str, field: Field) -> None:
    schema = field_schema(model, field)
    assert schema.get("minimum") == field.minimum
    assert schema.get("maximum") == field.maximum
    assert schema.get("maxLength") == field.max_length
    assert schema.get("maxItems") == field.max_items
    assert [choice for choice in schema.get("enum", []) if choice is not None] == list(field.choices)
    assert schema.get("default") == (field.default if field.schema_default else None)
    assert ("null" in schema["type"]) is not field.required
    assert (schema["x-basis"], schema["x-source"]) == (field.basis, field.source)

"""The HTTP API that the emulator serves, rendered from its OpenAPI document and the facts of the file endpoints."""

from collections.abc import Iterator, Mapping
from typing import Any

from docs.render import Page
from docs.render.markdown import bullets, code, codes, join, json_block, prose, sentence, table
from evolink_contracts.spec.errors import ERRORS, Operation
from evolink_contracts.spec.files import FILE_CALLS, FILE_ERRORS, FORMATS, HOST, MAX_BYTES, UPLOADED, FileCall
from evolink_contracts.spec.models import MODELS
from evolink_contracts.spec.openapi import render_openapi
from evolink_contracts.spec.prices import Price

_OPERATIONS: Mapping[str, Operation] = {
    "createVideoGeneration": "create",
    "getTaskDetail": "query",
    "cancelTask": "query",
    "getCredits": "credits",
}


def _body() -> str:
    document = render_openapi("", cancel_route=True)
    operations = [
        _operation(document, method.upper(), path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    return join(_INTRODUCTION, *operations, _models(document), _files(), _others())


def _operation(document: Mapping[str, Any], method: str, path: str, operation: Mapping[str, Any]) -> str:
    parameters = [
        (code(each["name"]), each["in"], sentence(each["description"]), each["x-source"])
        for each in operation.get("parameters", ())
    ]
    only = "Only under the setting `cancel_route`." if method == "DELETE" else ""
    callback = operation.get("callbacks", {}).get("taskEnded", {})
    return join(
        f"## {code(f'{method} {path}')}",
        f"{sentence(operation['summary'])} {only}".strip(),
        table(("Parameter", "In", "Meaning", "Source"), parameters) if parameters else "",
        *_successes(document, operation["responses"]),
        _errors(_OPERATIONS[operation["operationId"]], operation["responses"]),
        *(_callback(each["post"]) for each in callback.values()),
    )


def _successes(document: Mapping[str, Any], responses: Mapping[str, Any]) -> Iterator[str]:
    for status, response in responses.items():
        if not status.startswith("2"):
            continue
        content = response["content"]["application/json"]
        yield f"**{status}** {sentence(response['description'])}"
        yield _fields(_resolved(document, content["schema"]))
        headers = {code(name): sentence(each["description"]) for name, each in response.get("headers", {}).items()}
        yield f"Headers:\n\n{bullets(headers)}" if headers else ""
        for name, example in content.get("examples", {}).items():
            yield f"Example, {name}:\n\n{json_block(example['value'])}"


def _errors(operation: Operation, responses: Mapping[str, Any]) -> str:
    rows = []
    for status, response in responses.items():
        if status.startswith("2"):
            continue
        for condition in response["content"]["application/json"]["examples"]:
            row = ERRORS.get((operation, condition)) or ERRORS["any", condition]
            basis = f"{row.basis}, {row.source}"
            rows.append((status, code(condition), code(row.code), prose(row.message), basis))
    return join("Errors:", table(("Status", "Condition", "Code", "Message", "Basis"), rows))


def _callback(callback: Mapping[str, Any]) -> str:
    responses = {code(status): sentence(each["description"]) for status, each in callback["responses"].items()}
    return join(
        "### Callback",
        f"`POST` to the `callback_url`. {sentence(callback['description'])} The body is that of a task query.",
        bullets(responses),
    )


def _models(document: Mapping[str, Any]) -> str:
    schemas = document["components"]["schemas"]
    parts = []
    for name, model in MODELS.items():
        schema = next(each for each in schemas.values() if each["properties"].get("model", {}).get("const") == name)
        parts += [
            f"### {name}",
            f"{sentence(model.title)} Family: {code(model.family)}. `estimated_time`: {model.estimated_time} s.",
            _fields(schema),
            f"Price: its length × the credits per second, not less than {model.price.minimum:g} credits.",
            table(("Quality", "Audio", "Credits per second", "Basis"), _rates(model.price)),
        ]
    return join("## Models", "The fields of the body of `POST /v1/videos/generations` for each `model`.", *parts)


def _rates(price: Price) -> Iterator[tuple[str, str, str, str]]:
    for silent in (False,) if price.silent_factor is None else (False, True):
        for row in price.quality_factors:
            rate = float(price.per_second(row.quality, silent=silent))
            yield row.quality, "no" if silent else "yes", f"{rate:.15g}", f"{price.basis}, {price.source}"


def _fields(schema: Mapping[str, Any]) -> str:
    return table(("Field", "Type", "Bounds", "Meaning", "Source"), _rows(schema, ""))


def _rows(schema: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str, str, str, str]]:
    for name, field in schema.get("properties", {}).items():
        required = " Required." if name in schema.get("required", ()) and not prefix else ""
        meaning = sentence(field.get("description", "")) + required
        yield code(prefix + name), _type(field), _bounds(field), meaning.strip(), field.get("x-source", "")
        yield from _rows(field, f"{prefix}{name}.")
        yield from _rows(field.get("items", {}), f"{prefix}{name}[].")


def _type(field: Mapping[str, Any]) -> str:
    kinds = field.get("type", "string" if "enum" in field or "const" in field else "")
    listed = [kinds] if isinstance(kinds, str) else [kind for kind in kinds if kind != "null"]
    items = " of objects" if field.get("items", {}).get("type") == "object" else " of URLs"
    return " or ".join(kind + (items if kind == "array" else "") for kind in listed)


def _bounds(field: Mapping[str, Any]) -> str:
    values = field.get("enum", [field["const"]] if "const" in field else [])
    facts = {
        "": codes(str(value) for value in values if value is not None),
        "from": str(field.get("minimum", "")),
        "to": str(field.get("maximum", "")),
        "at most": f"{field['maxLength']:,} characters" if "maxLength" in field else "",
        "exactly": f"{field['minItems']} item" if "minItems" in field else "",
        "default": code(_literal(field["default"])) if "default" in field and "const" not in field else "",
    }
    return " ".join(f"{name} {fact}".strip() for name, fact in facts.items() if fact)


def _literal(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _resolved(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    name = schema["$ref"].rpartition("/")[2] if "$ref" in schema else ""
    return document["components"]["schemas"][name] if name else schema


def _files() -> str:
    errors = [
        (str(row.status), code(row.condition), str(row.code), prose(row.msg), f"{row.basis}, {row.source}")
        for row in FILE_ERRORS.values()
    ]
    return join(
        "## File endpoints",
        f"The real service has them at `{HOST}`, the emulator at its own address. A file has at most "
        f"{MAX_BYTES // 2**20} MiB and is one of {', '.join(FORMATS)}.",
        table(
            ("Call", "Meaning"), [(code(f"{call.method} {call.path}"), sentence(call.summary)) for call in FILE_CALLS]
        ),
        *(_upload(call) for call in FILE_CALLS if call.fields),
        f"Response to an upload. Write its `file_url` into `image_urls`:\n\n{json_block(dict(UPLOADED))}",
        'Errors have the form `{"success": false, "code": …, "msg": …}`:',
        table(("Status", "Condition", "Code", "Message", "Basis"), errors),
    )


def _upload(call: FileCall) -> str:
    rows = [
        (
            code(field.name) + (f" or {code(field.alias)}" if field.alias else ""),
            f"{sentence(field.meaning)}{' Required.' if field.required else ''}",
            f"{field.basis}, {field.source}",
        )
        for field in call.fields
    ]
    kind = "Parts of the form" if call.is_form else "Fields of the JSON body"
    return join(f"### {code(f'{call.method} {call.path}')}", f"{kind}:", table(("Field", "Meaning", "Basis"), rows))


def _others() -> str:
    return join(
        "## Other routes",
        "- `GET /openapi.json`: the OpenAPI 3.1 document that this page is rendered from.\n"
        "- `GET /v1/tasks/batch`: answered as the query of a malformed id; other methods get 404."
        "\n"
        "- `GET /media/{token}/{name}.mp4`: a result video; `HEAD`, ranges and entity tags are supported.",
    )


_INTRODUCTION = """\
The routes of the vendor's API as the emulator serves them. Every request needs `Authorization: Bearer KEY`; errors have
the form `{"error": {"code": …, "message": …, "type": …}}`. Sources such as S1a are those of [Fidelity](fidelity.md).
[Failure codes](failure-codes.md) lists the codes of failed tasks. [Recorded
behaviour](../how-to/recorded-behaviour.md) shows a completed task under `body_profile=recorded`."""

PAGE = Page("HTTP API", "Operations, fields, bounds and errors of the vendor's API, from the OpenAPI document.", _body)

"""What schemathesis leaves out, and why; it loads this file itself."""

import itertools
from typing import Any

import schemathesis
from schemathesis import GenerationMode

NUMBERS = itertools.count()

# What is left out, and why. All checks are on and all operations are in, but for the draft's cancel route, which is off
# by default: a second cancel is refused and a cancelled task can be read. Both are right, and both are taken for wrong.


@schemathesis.hook
def before_load_schema(context: schemathesis.HookContext, raw_schema: dict[str, Any]) -> None:
    """`format: uri` beside a pattern is a note, as the vendor's page has it: JSON Schema 2020-12 makes no rule of it.

    The pattern is the rule, and takes more than RFC 3986, because URLs with other letters in them are in use.
    """
    for schema in raw_schema["components"]["schemas"].values():
        for field in schema["properties"].values():
            for url in (field, field.get("items", {})):
                if "pattern" in url:
                    url.pop("format", None)


@schemathesis.hook
def map_case(context: schemathesis.HookContext, case: schemathesis.Case[Any]) -> schemathesis.Case[Any]:
    """What no schema can say: 5.0 is refused, a callback's host must be public, an idempotency key is for one request.

    Of what is to be accepted, numbers are written as integers, callbacks go to a public host, at the length that was
    drawn, and no key comes twice. `test_openapi_requests.py` has the refusals themselves.
    """
    if case.meta is not None and case.meta.generation.mode == GenerationMode.POSITIVE and isinstance(case.body, dict):
        body: dict[str, Any] = dict(case.body)
        if isinstance(body.get("duration"), float):
            body["duration"] = int(body["duration"])
        if isinstance(body.get("callback_url"), str):
            body["callback_url"] = "https://your-domain.com/hook".ljust(len(body["callback_url"]), "x")
        case.body = body
        if "Idempotency-Key" in case.headers:
            case.headers["Idempotency-Key"] = f"request-{next(NUMBERS):016}"
    return case

"""Schemathesis, knowing only the document, finds nothing wrong with a running emulator.

The file is the test and, loaded by schemathesis itself, the hooks that name what was left out.
"""

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from schemathesis import GenerationMode

from tests.support.server_process import Server

EXAMPLES = 20
NUMBERS = itertools.count()
PHASES = ("examples", "coverage", "fuzzing", "stateful")
PEERS = ("sk-alice", "sk-bob")
"""Two customers, of whom neither may see the other's tasks."""

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


# What is put in: all phases, all checks, data of both kinds, and two accounts


def configuration(home: Path) -> Path:
    """Warnings are failures; a body that is to be accepted must get 200, one that is to be refused a client error."""
    accounts = [{"name": key, "fixedHeaders": [{"name": "Authorization", "value": f"Bearer {key}"}]} for key in PEERS]
    (home / "accounts.json").write_text(json.dumps({"auth": accounts}), encoding="utf-8")
    file = home / "schemathesis.toml"
    file.write_text(
        f"""
        hooks = {json.dumps(__file__)}
        seed = 1
        continue-on-failure = true
        [generation]
        mode = "all"
        max-examples = {EXAMPLES}
        database = "none"
        [warnings]
        fail-on = true
        [auth.wfc]
        path = {json.dumps(str(home / "accounts.json"))}
        peers = {json.dumps(PEERS)}
        [checks.positive_data_acceptance]
        expected-statuses = [200, 404]
        [checks.negative_data_rejection]
        expected-statuses = [400, 401, 403, 404, 405]
        [reports.json]
        path = {json.dumps(str(home / "report.json"))}
        """,
        encoding="utf-8",
    )
    return file


SEEN = {
    "create": (200, 400, 401, 403),
    "query": (200, 400, 401, 403, 404),
    "credits": (200, 401),
}
"""What schemathesis must have met, or its silence says little."""


@pytest.mark.slow
def test_schemathesis_finds_nothing(tmp_path: Path) -> None:
    with Server("--clock", "auto", "--keys", ",".join(PEERS)) as server:
        command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(configuration(tmp_path)), "run"]
        run = subprocess.run(
            [*command, f"{server.url}/openapi.json", "--checks", "all", "--no-color"],
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)},
        )
        assert run.returncode == 0, run.stdout + run.stderr
        for route, statuses in SEEN.items():
            for status in statuses:
                rows = httpx.get(f"{server.url}/__mock/journal?all=true&route={route}&status={status}&limit=1").json()
                assert rows["rows"], f"no {route} was answered with {status}"
        assert "ERROR" not in server.output
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert report["complete"]
    assert {phase: outcome["status"] for phase, outcome in report["phases"].items()} == dict.fromkeys(PHASES, "success")
    assert (report["failures"], report["errors"]) == ([], [])
    assert not any(report["warnings"].values())

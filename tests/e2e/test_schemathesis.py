"""Schemathesis, knowing only the document, finds nothing wrong with a running emulator.

What was left out is in `schemathesis_hooks.py`.
"""

import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.support.server_process import Server

EXAMPLES = 20
PHASES = ("examples", "coverage", "fuzzing", "stateful")
PEERS = ("sk-alice", "sk-bob")
"""Two customers, of whom neither may see the other's tasks."""

# What is put in: all phases, all checks, data of both kinds, and two accounts


def configuration(home: Path) -> Path:
    """Warnings are failures; a body that is to be accepted must get 200, one that is to be refused a client error."""
    accounts = [{"name": key, "fixedHeaders": [{"name": "Authorization", "value": f"Bearer {key}"}]} for key in PEERS]
    (home / "accounts.json").write_text(json.dumps({"auth": accounts}), encoding="utf-8")
    file = home / "schemathesis.toml"
    file.write_text(
        f"""
        hooks = {json.dumps(str(Path(__file__).with_name("schemathesis_hooks.py")))}
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

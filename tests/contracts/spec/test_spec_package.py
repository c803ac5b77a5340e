"""The facts as a package: they need nothing but the standard library, and adding a model is adding a file."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import evolink_contracts

NEW_MODEL = '''
"""wan9-example: a model that only this test knows."""

from dataclasses import replace

from evolink_contracts.spec import fields
from evolink_contracts.spec.models import Model
from evolink_contracts.spec.prices import Price

MODEL = Model(
    name="wan9-example",
    family="wan9",
    title="An example",
    fields=(fields.PROMPT, replace(fields.DURATION, maximum=99), fields.CALLBACK_URL),
    price=Price(credits_per_second=7.0, minimum=1),
    estimated_time=60,
    basis="inferred",
    source="S10",
)
'''
ASK_ABOUT_IT = """
import json
import httpx
from evolink_mock import InProcessTransport, create_app

key = {"Authorization": "Bearer sk-local"}
with httpx.Client(transport=InProcessTransport(create_app()), base_url="http://emulator.test", headers=key) as client:
    document = client.get("/openapi.json").json()
    body = {"model": "wan9-example", "prompt": "x", "duration": 99}
    print(json.dumps({
        "documented": document["components"]["schemas"]["Wan9ExampleRequest"],
        "accepted": client.post("/v1/videos/generations", json=body).json(),
        "refused": client.post("/v1/videos/generations", json=body | {"duration": 100}).json(),
        "listed": client.get("/__mock/fidelity").json(),
    }))
"""
NAME_WHAT_THE_FACTS_IMPORT = """
import json, pkgutil, sys
before = set(sys.modules)
import evolink_contracts.spec as spec
for module in pkgutil.walk_packages(spec.__path__, "evolink_contracts.spec."):
    __import__(module.name)
print(json.dumps(sorted({name.partition(".")[0] for name in set(sys.modules) - before})))
"""


def run(script: str, first_on_path: Path | None = None) -> subprocess.CompletedProcess[str]:
    environ = os.environ | ({"PYTHONPATH": str(first_on_path)} if first_on_path else {})
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environ)


def test_adding_a_model_is_adding_a_file(tmp_path: Path) -> None:
    """It is served, validated, priced, documented and listed; no other file knows of it."""
    (package,) = evolink_contracts.__path__
    copied = shutil.copytree(package, tmp_path / "evolink_contracts")
    (copied / "spec" / "models" / "wan9_example.py").write_text(NEW_MODEL, encoding="utf-8")

    seen = json.loads(run(ASK_ABOUT_IT, first_on_path=tmp_path).stdout)
    assert seen["documented"]["properties"]["duration"]["maximum"] == 99
    assert seen["accepted"]["model"] == "wan9-example"
    assert seen["accepted"]["task_info"]["estimated_time"] == 60
    assert seen["accepted"]["usage"]["credits_reserved"] == 99 * 7
    assert "from 2 to 99" in seen["refused"]["error"]["message"]
    assert "wan9-example" in {row["model"] for row in seen["listed"]["fields"]}


def test_the_facts_import_nothing_outside_the_standard_library() -> None:
    """Hypothesis above all: who only reads the facts should not have to install it, or wait for it."""
    imported = set(json.loads(run(NAME_WHAT_THE_FACTS_IMPORT).stdout))
    assert "evolink_contracts" in imported
    assert imported - {"evolink_contracts"} <= sys.stdlib_module_names

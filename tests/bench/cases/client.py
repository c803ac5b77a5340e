"""What the client adds to plain httpx: for each call, and to the import."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from statistics import median

import httpx

from evolink_client import EvolinkClient
from tests.bench.measure.plan import Plan, say
from tests.bench.measure.report import Row
from tests.bench.measure.servers import EMULATOR, EMULATOR_PROBE, running
from tests.bench.measure.traffic import BODY, CREATE_PATH

KEY = "sk-bench-client"


def measure(plan: Plan) -> Iterator[Row]:
    say("the client")
    with running(EMULATOR, EMULATOR_PROBE) as server:
        url = f"http://127.0.0.1:{server.port}"
        headers = {"Authorization": f"Bearer {KEY}"}
        with httpx.Client(base_url=url, headers=headers) as plain, EvolinkClient(KEY, url) as client:
            task = plain.post(CREATE_PATH, json=BODY).json()["id"]
            path = f"/v1/tasks/{task}"
            rounds = [
                (_took(lambda: client.tasks.get(task), plan.calls), _took(lambda: plain.get(path).json(), plan.calls))
                for _ in range(plan.repeats)
            ]
    ours, bare = (median(figures) for figures in zip(*rounds, strict=True))
    yield Row(name="a call of the client, to httpx", unit="µs", ours=ours, bare=bare, goal=1.15, most=True)
    imports = [(_import("evolink_client"), _import("httpx")) for _ in range(plan.starts)]
    ours, bare = (median(figures) for figures in zip(*imports, strict=True))
    yield Row(name="import of the client, to httpx", unit="ms", ours=ours, bare=bare, goal=1.2, most=True)


def _took(call: Callable[[], object], times: int) -> float:
    """Microseconds of one call."""
    began = time.perf_counter()
    for _ in range(times):
        call()
    return (time.perf_counter() - began) / times * 1e6


def _import(module: str) -> float:
    """Milliseconds, as a new process sees it."""
    code = f"import time; a = time.perf_counter(); import {module}; print(time.perf_counter() - a)"
    # As installed: compiled once, and not each time.
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    ran = subprocess.run([sys.executable, "-c", code], env=environ, stdout=subprocess.PIPE, text=True, check=True)
    return float(json.loads(ran.stdout)) * 1000

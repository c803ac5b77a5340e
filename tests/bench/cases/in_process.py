"""Calls without a socket, one after another, on the emulator's own transport.

`python -m tests.bench.cases.in_process N M` prints the median calls a second as JSON.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from statistics import median

import httpx

from evolink_mock import InProcessTransport, Settings, create_app
from tests.bench.measure.bare import application
from tests.bench.measure.cores import SERVER_CORE, on_core
from tests.bench.measure.plan import Plan, say
from tests.bench.measure.report import Row
from tests.bench.measure.servers import ROOT
from tests.bench.measure.traffic import BODY, CREATE_PATH, KEY


def measure(plan: Plan) -> Iterator[Row]:
    say("in-process calls")
    command = [sys.executable, "-m", "tests.bench.cases.in_process", str(plan.repeats), str(plan.calls)]
    with on_core(SERVER_CORE):
        printed = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True, timeout=300).stdout
    for act, rates in json.loads(printed).items():
        yield Row(name=f"{act} in process", unit="/s", ours=rates["ours"], bare=rates["bare"], goal=0.9)


def main(repeats: int, calls: int) -> None:
    clients = {
        "bare": httpx.Client(transport=InProcessTransport(application()), base_url="http://bench.test"),
        "ours": httpx.Client(transport=InProcessTransport(create_app(Settings())), base_url="http://bench.test"),
    }
    rates: dict[str, dict[str, list[float]]] = {act: {name: [] for name in clients} for act in ("create", "query")}
    for repeat in range(repeats + 1):
        for name, client in clients.items():
            for act, rate in zip(rates, _calls(client, calls), strict=True):
                if repeat:
                    rates[act][name].append(rate)
    for client in clients.values():
        client.close()
    print(json.dumps({act: {name: median(found) for name, found in by.items()} for act, by in rates.items()}))


def _calls(client: httpx.Client, calls: int) -> tuple[float, float]:
    headers = {"Authorization": f"Bearer {KEY}"}
    began = time.perf_counter()
    for _ in range(calls):
        answer = client.post(CREATE_PATH, json=BODY, headers=headers)
        assert answer.status_code == 200
    between = time.perf_counter()
    path = f"/v1/tasks/{answer.json()['id']}"
    for _ in range(calls):
        assert client.get(path, headers=headers).status_code == 200
    return calls / (between - began), calls / (time.perf_counter() - between)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))

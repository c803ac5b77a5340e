"""Callbacks: how fast they go out, what waits for them, and what they cost whoever asks meanwhile."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import NamedTuple

import httpx
import trustme

from tests.bench.measure.bare_sender import HOST
from tests.bench.measure.chain import FAILURES
from tests.bench.measure.cores import LOAD_CORE, SERVER_CORE, on_core
from tests.bench.measure.load import fire
from tests.bench.measure.plan import Plan, say
from tests.bench.measure.report import Row
from tests.bench.measure.servers import EMULATOR_PROBE, PORT, ROOT, Server, running
from tests.bench.measure.traffic import BODY, CALLBACK_URL, CREATE_PATH, KEY, queries

AT_ONCE = 32
ENDING = 10_000
"""Tasks that end at the same instant."""
SLACK = 250
"""Milliseconds by which an attempt may start later than the rate explains."""


class Sent(NamedTuple):
    """Medians: callbacks a second, those with the end of their tasks included, the bare loop's, and bytes queued."""

    rate: float
    whole: float
    bare: float
    size: float


def measure(plan: Plan) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        authority = trustme.CA()
        # As the emulator keeps its own, so that it believes this one.
        authority.cert_pem.write_to_path(directory / "evolink-mock-ca.pem")
        authority.private_key_pem.write_to_path(directory / "evolink-mock-ca.key")
        made = authority.issue_cert(HOST)
        made.private_key_and_cert_chain_pem.write_to_path(directory / "receiver.pem")
        for scheme in ("http", "https"):
            found = _sent(plan, scheme, directory)
            yield Row(name=f"deliveries, {scheme}", unit="/s", ours=found.rate, bare=found.bare, goal=0.8)
            yield Row(name=f"tasks ended and delivered, {scheme}", unit="/s", ours=found.whole, bare=found.bare)
        yield Row(name="a queued delivery", unit="B", ours=found.size, goal=500, most=True)
    yield from _all_at_once(plan)
    yield _chain(plan)


def _receiver(scheme: str, directory: Path) -> tuple[str, ...]:
    pem = str(directory / "receiver.pem")
    return (sys.executable, "-m", "tests.bench.measure.receiver", PORT, *((pem, pem) if scheme == "https" else ()))


def _sent(plan: Plan, scheme: str, directory: Path) -> Sent:
    say(f"deliveries over {scheme}")
    receiver = Server(_receiver(scheme, directory), "/", core=LOAD_CORE)
    try:
        if scheme == "http":
            receiver.wait(10)
        else:
            time.sleep(1)  # The probe speaks no TLS.
        place = f"{scheme}://127.0.0.1:{receiver.port}"
        secure = [str(directory)] if scheme == "https" else []
        rounds: list[Sent] = []
        for _ in range(plan.repeats):
            ours = json.loads(_run("outgoing", place, str(plan.deliveries), *secure))
            ca = [str(directory / "evolink-mock-ca.pem")] if secure else []
            bare = float(_run("bare_sender", f"{place}/hook", str(plan.deliveries), str(AT_ONCE), *ca))
            count = plan.deliveries
            whole = count / (ours["ends"] + ours["sends"])
            rounds.append(Sent(count / ours["sends"], whole, count / bare, ours["bytes"]))
    finally:
        receiver.stop()
    return Sent(*map(median, zip(*rounds, strict=True)))


def _run(module: str, *arguments: str) -> str:
    command = [sys.executable, "-m", f"tests.bench.measure.{module}", *arguments]
    with on_core(SERVER_CORE):
        return subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True, timeout=300).stdout


def _all_at_once(plan: Plan) -> Iterator[Row]:
    """Tasks that end at one instant of a running clock: alone, and while somebody asks all the time."""
    receiver = Server(_receiver("http", Path()), "/", core=LOAD_CORE)
    try:
        receiver.wait(10)
        place = f"http://127.0.0.1:{receiver.port}"
        say(f"{ENDING:,} tasks ending at once")
        late, took = _ending(place)
        allowed = took + SLACK
        yield Row(name=f"{ENDING:,} ending at once, latest start", unit="ms", ours=late, goal=allowed, most=True)
        say(f"queries while {ENDING:,} callbacks go out")
        quiet, busy = _asking(place, plan)
        yield Row(name="queries meanwhile, compared with idle", unit="/s", ours=busy, bare=quiet, goal=0.5)
    finally:
        receiver.stop()


def _serve(place: str) -> tuple[str, ...]:
    options = ("--clock", "manual", "--generation-time", "3s", "--forward-to", place, "--set", "delivery_limit=100000")
    return (sys.executable, "-m", "evolink_mock", "serve", "--log-level", "warning", "--port", PORT, *options)


def _ending(place: str) -> tuple[float, float]:
    """By how many milliseconds the latest attempt started late, and how many it took to deliver all."""
    with running(_serve(place), EMULATOR_PROBE) as server, _client(server) as client:
        _create(client, ENDING)
        client.post("/__mock/clock", json={"mode": "real"})
        rows = _delivered(client)
    late = max(row["attempts"][0]["started"] - row["attempts"][0]["due"] for row in rows)
    took = max(row["attempts"][0]["finished"] for row in rows) - min(row["attempts"][0]["due"] for row in rows)
    return late * 1000, took * 1000


def _asking(place: str, plan: Plan) -> tuple[float, float]:
    """Answers to queries a second, in quiet and while callbacks go out."""
    quiet, busy = [], []
    for _ in range(max(plan.repeats // 2, 1)):
        with running(_serve(place), EMULATOR_PROBE) as server, _client(server) as client:
            asked = queries(_create(client, ENDING)[:1000])
            quiet.append(fire(server, asked, 1).rate)
            client.post("/__mock/clock", json={"mode": "real"})
            client.get("/__mock/deliveries?status=delivered&limit=1&wait=30s")
            busy.append(fire(server, asked, 1).rate)
            if not _waiting(client):
                say("  all callbacks were out before the load ended: the figure flatters")
            _delivered(client)
    return median(quiet), median(busy)


def _client(server: Server) -> httpx.Client:
    return httpx.Client(base_url=f"http://{server.host}", headers={"Authorization": f"Bearer {KEY}"}, timeout=90)


def _create(client: httpx.Client, count: int) -> list[str]:
    body = {**BODY, "callback_url": CALLBACK_URL}
    return [str(client.post(CREATE_PATH, json=body).json()["id"]) for _ in range(count)]


def _delivered(client: httpx.Client) -> list[dict[str, list[dict[str, float]]]]:
    """All deliveries, once they are done."""
    while client.get("/__mock/clock").json()["next_event"] or _waiting(client):
        time.sleep(0.1)
    rows: list[dict[str, list[dict[str, float]]]] = []
    while page := client.get(f"/__mock/deliveries?status=delivered&limit=1000&after={len(rows)}").json()["deliveries"]:
        rows += page
    assert len(rows) == ENDING
    return rows


def _waiting(client: httpx.Client) -> bool:
    return bool(client.get("/__mock/deliveries?status=waiting&limit=1").json()["deliveries"])


def _chain(plan: Plan) -> Row:
    say("a chain of three failures")
    took = float(_run("chain", str(plan.repeats * 20)))
    name = f"a chain of {FAILURES} failures, manual clock, in process"
    return Row(name=name, unit="ms", ours=took, goal=20, most=True)

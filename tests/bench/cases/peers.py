"""`python -m tests.bench.cases.peers`: the emulator beside what a person would pick instead, under the same load."""

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from tests.bench.__main__ import about
from tests.bench.measure.kits import BARE_KIT, KITS, CannotInstall, Kit
from tests.bench.measure.load import ENOUGH, Load, fire
from tests.bench.measure.plan import PEERS, QUICK, Plan, say
from tests.bench.measure.report import as_markdown, as_text, show
from tests.bench.measure.resident import MIB, resident_tree
from tests.bench.measure.servers import BARE, BARE_PROBE, DidNotStart, Server, running
from tests.bench.measure.traffic import Request, queries

HEADS = ("", "create", "to bare", "query", "to bare", "p99", "start", "resident", "")
REMEMBERED = 100
_PATIENCE = 60.0


class Standing(NamedTuple):
    """What a peer showed, and what the bare application did in turn with it. `start` is in milliseconds."""

    create: Load
    query: Load
    bare_create: Load
    bare_query: Load
    start: float
    resident: float


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.cases.peers", description="The emulator beside its peers."
    )
    parser.add_argument("--quick", action="store_true", help="a short run, for a rough idea")
    parser.add_argument("--markdown", action="store_true", help="print a Markdown table")
    parser.add_argument("--into", type=Path, help="where to install the peers, and find them the next time")
    given = parser.parse_args()
    plan = QUICK if given.quick else PEERS
    say(about())
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for kit in (BARE_KIT, *KITS):
            say(kit.name)
            place = (given.into or Path(scratch)).absolute() / kit.name.replace(" ", "-").lower()
            place.mkdir(parents=True, exist_ok=True)
            try:
                rows.append(_cells(kit, _measure(kit, kit.install(place), plan)))
            except (CannotInstall, DidNotStart) as error:
                rows.append((kit.name, *[""] * (len(HEADS) - 2), f"not measured: {error}"))
    table = as_markdown if given.markdown else as_text
    print(table(HEADS, rows))


def _measure(kit: Kit, command: Sequence[str], plan: Plan) -> Standing:
    """One peer at a time, in turn with the bare application: the runtimes of others are busy even without requests."""
    starts = []
    for _ in range(plan.repeats):
        with running(command, kit.probe, patience=_PATIENCE) as server:
            starts.append(server.started_in * 1000)
    with running(command, kit.probe, patience=_PATIENCE) as peer, running(BARE, BARE_PROBE) as bare:
        held = resident_tree(peer.pid) / MIB
        shots = _shots(kit, peer)
        loads: dict[tuple[Server, str], list[Load]] = {(of, act): [] for of in (peer, bare) for act in shots}
        for repeat in range(plan.repeats + 1):
            for act, requests in shots.items():
                for server, sent in ((bare, [getattr(BARE_KIT, act)]), (peer, requests)):
                    load = fire(server, sent, plan.seconds)
                    if kit.afterwards is not None and server is peer:
                        peer.ask(kit.afterwards)
                    # The first is for compilers that compile while they run.
                    if repeat:
                        loads[server, act].append(load)
        middles = {of: Load(*map(median, zip(*found, strict=True))) for of, found in loads.items()}
    return Standing(
        middles[peer, "create"],
        middles[peer, "query"],
        middles[bare, "create"],
        middles[bare, "query"],
        median(starts),
        held,
    )


def _shots(kit: Kit, server: Server) -> dict[str, Sequence[Request]]:
    if not kit.remembers:
        return {"create": [kit.create], "query": [kit.query]}
    ids = [str(json.loads(server.ask(kit.create)[1])["id"]) for _ in range(REMEMBERED)]
    return {"create": [kit.create], "query": queries(ids)}


def _cells(kit: Kit, found: Standing) -> tuple[str, ...]:
    remarks = [kit.note] if kit.note else []
    if min(found.bare_create.share, found.bare_query.share) < ENOUGH:
        remarks.append("the machine was busy meanwhile: rough")
    for act, load in (("create", found.create), ("query", found.query)):
        if load.failed:
            remarks.append(f"{load.failed / max(load.answers, 1):.0%} of {act} answers were no 2xx")
    return (
        kit.name,
        show(found.create.rate, "/s"),
        f"{found.create.rate / found.bare_create.rate:.2f}",
        show(found.query.rate, "/s"),
        f"{found.query.rate / found.bare_query.rate:.2f}",
        show(found.query.p99, "ms"),
        show(found.start, "ms"),
        show(found.resident, "MiB"),
        "; ".join(remarks),
    )


if __name__ == "__main__":
    main()

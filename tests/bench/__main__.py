"""`python -m tests.bench`: measures everything and prints one table."""

import argparse
import platform
import sys
from pathlib import Path

from tests.bench.cases import client, contract_kit, deliveries, in_process, memory, stalls, startup, throughput, videos
from tests.bench.measure.cores import LOAD_CORE, SERVER_CORE
from tests.bench.measure.load import CONNECTIONS, tool
from tests.bench.measure.plan import FULL, QUICK, say
from tests.bench.measure.report import HEADS, as_json, as_markdown, as_text


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Figures against a bare application.")
    parser.add_argument("--quick", action="store_true", help="a short run with fewer tasks, for a rough idea")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print the rows as JSON")
    form.add_argument("--markdown", action="store_true", help="print a Markdown table")
    given = parser.parse_args()
    if not Path("/proc/self/statm").exists():
        sys.exit("The benchmark reads memory from /proc and pins processes to cores: it needs Linux.")
    plan = QUICK if given.quick else FULL
    say(about())
    rows = [
        *throughput.measure(plan),
        *memory.measure(),
        *stalls.measure(),
        *startup.measure(plan),
        *in_process.measure(plan),
        *deliveries.measure(plan),
        *client.measure(plan),
        *contract_kit.measure(plan),
        *videos.measure(plan),
    ]
    if given.json:
        print(as_json(rows))
    else:
        table = as_markdown if given.markdown else as_text
        print(table(HEADS, [row.cells() for row in rows]))


def about() -> str:
    """What is measured, and where."""
    cores = f"server on core {SERVER_CORE}, load from core {LOAD_CORE}"
    if SERVER_CORE == LOAD_CORE:
        cores = "server and load share the only core, so rates say little"
    python = f"Python {platform.python_version()}"
    return f"{python}; {cores}, {CONNECTIONS} connections, {tool()}; medians of interleaved repeats"


if __name__ == "__main__":
    main()

"""Runs `evolink-contracts` in this process, or in a subprocess."""

import os
import subprocess
import sys

from evolink_contracts.cli.main import main
from tests.support.commands import Ran, ran


def kit(*arguments: str) -> Ran:
    return ran(main, *arguments)


def kit_process(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """It takes a second to start: for tests of what a process alone shows."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("EVOLINK_")}
    command = [sys.executable, "-m", "evolink_contracts", *arguments]
    return subprocess.run(command, env=clean, capture_output=True, text=True, check=False, timeout=120)

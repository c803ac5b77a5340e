"""Runs `evolink-contracts` in a subprocess."""

import os
import subprocess
import sys


def kit(*arguments: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    clean = {name: value for name, value in os.environ.items() if not name.startswith("EVOLINK_")}
    command = [sys.executable, "-m", "evolink_contracts", *arguments]
    return subprocess.run(command, env={**clean, **environ}, capture_output=True, text=True, check=False, timeout=120)

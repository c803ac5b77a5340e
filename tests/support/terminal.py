"""A command at a terminal, in a process of its own."""

import os
import pty
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress


def on_a_terminal(command: Sequence[str], environ: Mapping[str, str]) -> tuple[int, str, str]:
    """Its code, what it wrote into a pipe, and what a person saw on the terminal meanwhile."""
    ours, theirs = pty.openpty()
    given = {**environ, "TERM": "xterm-256color"}
    ran = subprocess.Popen(command, env=given, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs, text=True)
    os.close(theirs)
    seen = b""
    with suppress(OSError):  # What Linux says when the other side is closed.
        while chunk := os.read(ours, 65536):
            seen += chunk
    os.close(ours)
    printed, _ = ran.communicate(timeout=60)
    return ran.returncode, printed, seen.decode()

"""The commands in this process, with an environment that has none of the emulator's settings."""

import json
import os
import socket
from typing import Any, NamedTuple

import click
from click.testing import CliRunner, Result

from evolink_mock.cli import main


class Ran(NamedTuple):
    """The same as of a process of its own."""

    returncode: int
    stdout: str
    stderr: str


def in_process(command: click.Command, *arguments: str, **environ: str) -> Result:
    clean = {name: None for name in os.environ if name.startswith("EVOLINK_")}
    return CliRunner().invoke(command, arguments, env={**clean, **environ})


def ran(command: click.Command, *arguments: str, **environ: str) -> Ran:
    """A process of its own shows the same, a second later; an exception that is not caught is raised."""
    result = in_process(command, *arguments, **environ)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ran(result.exit_code, result.stdout, result.stderr)


def run(*arguments: str, **environ: str) -> Result:
    return in_process(main, *arguments, **environ)


def refused(*arguments: str, **environ: str) -> str:
    """The words with which `evolink-mock serve` refuses to start; its port is taken, so that it cannot listen."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = run("serve", "--port", str(taken.getsockname()[1]), *arguments, **environ)
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code, result.output
    return result.output


def doctor(url: str, *options: str, **environ: str) -> tuple[int, dict[str, Any]]:
    """The exit code of `evolink-mock doctor`, and its findings."""
    result = run("doctor", url, "--json", *options, **environ)
    assert result.exit_code in (0, 1), result.output
    return result.exit_code, json.loads(result.stdout)

"""The `evolink-mock` command in this process, with an environment that has none of its settings."""

import json
import os
from typing import Any

from click.testing import CliRunner, Result

from evolink_mock.cli import main


def run(*arguments: str, **environ: str) -> Result:
    clean = {name: None for name in os.environ if name.startswith("EVOLINK_")}
    return CliRunner().invoke(main, arguments, env={**clean, **environ})


def doctor(url: str, *options: str, **environ: str) -> tuple[int, dict[str, Any]]:
    """The exit code of `evolink-mock doctor`, and its findings."""
    result = run("doctor", url, "--json", *options, **environ)
    assert result.exit_code in (0, 1), result.output
    return result.exit_code, json.loads(result.stdout)

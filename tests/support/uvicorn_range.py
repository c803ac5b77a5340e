"""Runs the tests of the HTTP protocol with the oldest and the newest uvicorn that pyproject.toml allows.

uvicorn's protocol class is private, and the emulator builds on it. Each version is installed alone into a directory
that precedes the virtual environment on the path, so that the environment stays as it is. As a plugin of pytest this
module ends the session where another version than the requested one is imported, here or in a server's process.
"""

import os
import subprocess
import sys
import tempfile
import tomllib
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[2]
TESTS = (
    "tests/e2e/http/test_raw_socket.py",
    "tests/e2e/http/test_http_bounds.py",
    "tests/e2e/http/test_http_pipelines.py",
    "tests/e2e/http/test_wire_faults.py",
    "tests/contracts/target/test_listener.py",
)
PATIENCE = 900.0
"""Seconds for one version, since a server that does not stop would wait for ever."""
EXPECTED = "DEVKIT_UVICORN"
"""The environment variable that holds the requested version, and by which this plugin is active."""


def pytest_sessionstart(session: pytest.Session) -> None:
    expected = os.environ.get(EXPECTED)
    if expected is None:
        return
    import uvicorn

    asked = [sys.executable, "-c", "import uvicorn; print(uvicorn.__version__)"]
    served = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    if {uvicorn.__version__, served} != {expected}:
        pytest.exit(f"uvicorn {expected} was requested; got {uvicorn.__version__}, in a server {served}", returncode=3)


def bounds() -> tuple[Requirement, Requirement]:
    """The oldest uvicorn that is allowed, and any that is allowed, of which pip takes the newest."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (allowed,) = [need for line in project["dependencies"] if (need := Requirement(line)).name == "uvicorn"]
    (oldest,) = [part.version for part in allowed.specifier if part.operator == ">="]
    return Requirement(f"uvicorn=={oldest}"), allowed


def install(requirement: Requirement, directory: str) -> str:
    """The version that pip installed. Raises `SystemExit` if it is none that was requested."""
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--target", directory]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(requirement)], check=True)
    (found,) = [each.version for each in distributions(path=[directory]) if each.name == "uvicorn"]
    if found not in requirement.specifier:
        sys.exit(f"{requirement} was requested; pip installed {found}")
    return found


def run(version: str, directory: str, arguments: list[str]) -> int:
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "-p", "tests.support.uvicorn_range", *TESTS, *arguments]
    path = os.pathsep.join(filter(None, (directory, os.environ.get("PYTHONPATH"))))
    environ = {**os.environ, "PYTHONPATH": path, EXPECTED: version}
    return subprocess.run(command, cwd=ROOT, env=environ, check=False, timeout=PATIENCE).returncode


def main(arguments: list[str]) -> None:
    tested: list[str] = []
    for requirement in bounds():
        with tempfile.TemporaryDirectory() as directory:
            version = install(requirement, directory)
            print(f"uvicorn {version} ({requirement}):", flush=True)
            if run(version, directory, arguments):
                sys.exit(f"the tests fail with uvicorn {version}")
            tested.append(version)
    oldest, newest = tested
    if Version(newest) < Version(oldest):
        sys.exit(f"uvicorn {newest} is no newer than {oldest}")
    print(f"passed with uvicorn {oldest} and {newest}")


if __name__ == "__main__":
    main(sys.argv[1:])

"""The peers: how each is installed by its package's name, started, and asked for what comes nearest to our calls."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from evolink_contracts.spec.openapi import render_openapi
from tests.bench.measure.servers import BARE, BARE_PROBE, EMULATOR, EMULATOR_PROBE, PORT, ROOT
from tests.bench.measure.traffic import COMPLETED, CREATE_PATH, CREATED, EXAMPLE_ID, Request, create, let_all_end, query

_PATIENCE = 600.0
_CREATE, _QUERY = create(), query(EXAMPLE_ID)


class CannotInstall(Exception):
    """The message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kit:
    """`install` takes an empty directory, or one it has filled before, and gives the command."""

    name: str
    install: Callable[[Path], tuple[str, ...]]
    probe: str
    create: Request = _CREATE
    query: Request = _QUERY
    remembers: bool = False
    """Whether what is queried has to be created before."""
    afterwards: Request | None = None
    """Sent after a load, so that nothing is left to do while the other one has its turn."""
    note: str = ""


def _pip(directory: Path, *packages: str) -> Path:
    """The programs of an environment with these packages."""
    programs = directory / "bin"
    if not (programs / "python").exists():
        _run(sys.executable, "-m", "venv", str(directory))
        _run(str(programs / "python"), "-m", "pip", "install", "--quiet", *packages)
    return programs


def _npm(directory: Path, package: str) -> Path:
    modules = directory / "node_modules"
    if not modules.exists():
        if shutil.which("npm") is None:
            raise CannotInstall("npm is not installed")
        (directory / "package.json").write_text('{"private": true}')
        _run("npm", "install", "--no-audit", "--no-fund", "--prefix", str(directory), package)
    return modules


def _run(*command: str) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=_PATIENCE, stdin=subprocess.DEVNULL)
    except subprocess.CalledProcessError as error:
        lines = [line.strip() for line in error.stderr.splitlines() if line.strip()]
        raise CannotInstall(lines[-1][:200] if lines else f"{command[0]} ended with {error.returncode}") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotInstall(str(error)[:200]) from None


def _document(directory: Path) -> str:
    """Our OpenAPI document, for those that mock one."""
    path = directory / "openapi.json"
    path.write_text(json.dumps(render_openapi("http://127.0.0.1")))
    return str(path)


def _fastapi(directory: Path) -> tuple[str, ...]:
    programs = _pip(directory, "fastapi", "uvicorn", "httptools", "uvloop")
    where = ("--app-dir", str(ROOT / "tests" / "bench"), "--port", PORT)
    return (str(programs / "uvicorn"), "handwritten:app", "--no-access-log", "--log-level", "warning", *where)


def _moto(directory: Path) -> tuple[str, ...]:
    return (str(_pip(directory, "moto[server]") / "moto_server"), "-H", "127.0.0.1", "-p", PORT)


def _prism(directory: Path) -> tuple[str, ...]:
    program = _npm(directory, "@stoplight/prism-cli") / ".bin" / "prism"
    return (str(program), "mock", "--host", "127.0.0.1", "--port", PORT, "-v", "silent", _document(directory))


def _mockoon(directory: Path) -> tuple[str, ...]:
    program = _npm(directory, "@mockoon/cli") / ".bin" / "mockoon-cli"
    where = ("--hostname", "127.0.0.1", "--port", PORT)
    return (str(program), "start", "--disable-log-to-file", *where, "--data", _document(directory))


def _wiremock(directory: Path) -> tuple[str, ...]:
    if shutil.which("java") is None:
        raise CannotInstall("java is not installed")
    (jar,) = (_npm(directory, "wiremock") / "wiremock" / "build").glob("*.jar")
    mappings = directory / "mappings"
    mappings.mkdir(exist_ok=True)
    # It does not read OpenAPI documents: the two answers by hand.
    for name, asked, body in (
        ("create", {"method": "POST", "urlPath": CREATE_PATH}, CREATED),
        ("query", {"method": "GET", "urlPathPattern": "/v1/tasks/[^/]+"}, COMPLETED),
    ):
        headers = {"Authorization": {"matches": "Bearer .+"}}
        answer = {"status": 200, "jsonBody": body, "headers": {"Content-Type": "application/json"}}
        stub = {"request": {**asked, "headers": headers}, "response": answer}
        (mappings / f"{name}.json").write_text(json.dumps(stub))
    where = ("--bind-address", "127.0.0.1", "--port", PORT, "--root-dir", str(directory))
    return ("java", "-jar", str(jar), "--disable-banner", "--max-request-journal-entries", "2000", *where)


def _of_queue(action: str) -> Request:
    signature = "AWS4-HMAC-SHA256 Credential=bench/20250906/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=0"
    headers = (
        ("Authorization", signature),
        ("Content-Type", "application/x-amz-json-1.0"),
        ("X-Amz-Target", f"AmazonSQS.{action}"),
    )
    return Request("POST", "/", headers, b'{"QueueName":"bench"}')


BARE_KIT = Kit(name="bare starlette", install=lambda _: BARE, probe=BARE_PROBE, note="constant answers")
KITS = (
    Kit(
        name="this emulator", install=lambda _: EMULATOR, probe=EMULATOR_PROBE, remembers=True, afterwards=let_all_end()
    ),
    Kit(
        name="FastAPI by hand",
        install=_fastapi,
        probe="/health",
        remembers=True,
        note="tasks in a dict; no scenarios, clocks or journal",
    ),
    Kit(
        name="Prism",
        install=_prism,
        probe=f"/v1/tasks/{EXAMPLE_ID}",
        note="from our OpenAPI document; no state",
    ),
    Kit(
        name="Mockoon",
        install=_mockoon,
        probe=f"/v1/tasks/{EXAMPLE_ID}",
        note="from our OpenAPI document; no state",
    ),
    Kit(name="WireMock", install=_wiremock, probe="/__admin/health", note="two stubs by hand; no state"),
    Kit(
        name="moto",
        install=_moto,
        probe="/moto-api/",
        create=_of_queue("CreateQueue"),
        query=_of_queue("GetQueueUrl"),
        note="of another API: CreateQueue and GetQueueUrl",
    ),
)

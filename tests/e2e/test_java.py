"""A Java application on the JDK alone, whose HTTP client offers HTTP/2, with the emulator and its callbacks."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.media.media_samples import jpeg
from tests.support.server_process import PATIENCE, Server

PROGRAM = Path(__file__).parents[1] / "examples" / "java" / "PostcardService.java"
MADE = "status completed\nvideo ftyp\ncallback true\n"

pytestmark = pytest.mark.slow


def java() -> str:
    """A `java` that runs source files, which needs a compiler; skips the test without one, unless it is required."""
    found = shutil.which("java") if shutil.which("javac") else None
    if found is None and os.environ.get("DEVKIT_JAVA") == "required":
        pytest.fail("no JDK was found; .ci/run installs one, or apt-get install default-jdk-headless")
    return found or pytest.skip("no JDK was found; apt-get install default-jdk-headless gives one")


@contextmanager
def started(program: Path, *arguments: str) -> "Iterator[subprocess.Popen[str]]":
    # One thread for the compiler and the collector: the program is short.
    command = [java(), "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", str(program), *arguments]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8"
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def test_a_java_application_makes_a_video_and_receives_its_callback(tmp_path: Path) -> None:
    image = tmp_path / "cat.jpg"
    image.write_bytes(jpeg())
    with started(PROGRAM, "sk-java", str(image)) as application:
        assert application.stdout is not None
        port = application.stdout.readline().strip()
        assert port, application.communicate(timeout=PATIENCE)
        forward = f"http://127.0.0.1:{port}"
        with Server("--clock", "auto", "--forward-to", forward) as server:
            printed, errors = application.communicate(f"{server.url}\n", 2 * PATIENCE)
    assert (printed, errors, application.returncode) == (MADE, "", 0)

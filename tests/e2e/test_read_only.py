"""An emulator on a read-only file system, without /tmp, without HOME, with an unknown user: a strict container."""

import base64
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.support.emulator import DOCUMENTED, bearer
from tests.support.media.media_samples import encoded, photo
from tests.support.server_process import PATIENCE

FILES = "/api/v1/files"
READ_ONLY = """
for place in $(cut -d' ' -f2 /proc/mounts | grep -v ^/proc); do
    mount -o remount,bind,ro "$place" 2>/dev/null
done
"""
UNPRIVILEGED = "exec unshare -U --map-user=10001 --map-group=10001 "


def namespaces() -> bool:
    """Whether this machine lets us make a file system read-only for a process."""
    if shutil.which("unshare") is None:
        return False
    tried = subprocess.run(
        ["unshare", "-rm", "sh", "-c", f"{READ_ONLY} ! touch /tmp/.writable 2>/dev/null && {UNPRIVILEGED} true"],
        capture_output=True,
        check=False,
    )
    return tried.returncode == 0


pytestmark = [pytest.mark.slow, pytest.mark.skipif(not namespaces(), reason="namespaces are not allowed here")]


@contextmanager
def strict_container(*arguments: str) -> Iterator[str]:
    """The URL of an emulator that may write nowhere."""
    command = [sys.executable, "-m", "evolink_mock", "serve", "--port", "0", "--log-format", "json", "--clock", "auto"]
    environ = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        ["unshare", "-rm", "sh", "-c", f"{READ_ONLY} {UNPRIVILEGED} {shlex.join([*command, *arguments])}"],
        cwd="/",
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line, process.communicate(timeout=PATIENCE)
        yield json.loads(line)["url"]
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE)


def test_uploads_and_videos_work_where_nothing_can_be_written() -> None:
    small, large = encoded(photo(), "PNG"), encoded(photo(), "PNG") + b"\0" * 3_000_000
    with strict_container() as url, httpx.Client(base_url=url, headers=bearer(), timeout=PATIENCE) as client:
        for content in (small, large):
            for answer in (
                client.post(f"{FILES}/upload/stream", files={"file": ("cat.png", content)}),
                client.post(f"{FILES}/upload/base64", json={"base64_data": base64.b64encode(content).decode()}),
            ):
                assert answer.status_code == 200, answer.text
                assert client.get(answer.json()["data"]["file_url"]).content == content
        image = answer.json()["data"]["file_url"]
        task = client.post("/v1/videos/generations", json=DOCUMENTED | {"image_urls": [image]}).json()["id"]
        client.get(f"/v1/tasks/{task}")
        done = client.get(f"/v1/tasks/{task}").json()
        assert done["status"] == "completed", done
        assert client.get(done["results"][0]).content[4:8] == b"ftyp"


def test_it_speaks_tls_with_an_authority_in_memory() -> None:
    with strict_container("--tls") as url, httpx.Client(base_url=url, headers=bearer(), verify=False) as client:
        assert client.get("/v1/credits").status_code == 200

"""What a newcomer does first: `make run` in a fresh copy, and `pip install .` in a clean environment."""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zipfile import ZipFile

import httpx
import pytest

from tests.support.emulator import DOCUMENTED, bearer
from tests.support.server_process import PATIENCE

ROOT = Path(__file__).parent.parent.parent
SETTING_UP = 300.0

pytestmark = pytest.mark.slow


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The project's files and nothing that was built from them."""
    target = tmp_path / "project"
    left = (".git", ".venv*", "__pycache__", ".*_cache", ".hypothesis", "*.egg-info", "build", "dist")
    shutil.copytree(ROOT, target, ignore=shutil.ignore_patterns(*left))
    return target


@contextmanager
def made_run(home: Path, ready: Path, *variables: str, printed: list[str] | None = None) -> Iterator[str]:
    """`make run` in a directory; the emulator's URL while it runs, and afterwards what it printed."""
    command = ["make", "run", f"PYTHON={sys.executable}", f"ARGS=--port 0 --ready-file {ready}", *variables]
    process = subprocess.Popen(command, cwd=home, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        deadline = time.monotonic() + SETTING_UP
        while not ready.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.1)
        announced = json.loads(ready.read_text(encoding="utf-8"))
        yield str(announced["url"])
        os.kill(announced["pid"], 15)
    finally:
        text, _ = process.communicate(timeout=PATIENCE)
        if printed is not None:
            printed.append(text)


def test_make_run_sets_itself_up_and_serves(copy: Path, tmp_path: Path) -> None:
    printed: list[str] = []
    with made_run(copy, tmp_path / "ready.json", printed=printed) as url:
        answer = httpx.post(f"{url}/v1/videos/generations", json=DOCUMENTED, headers=bearer())
        assert answer.json()["status"] == "pending"
    assert "Create a task:" in printed[0]
    assert "curl -s http://127.0.0.1:" in printed[0]


@pytest.fixture
def unpacked(tmp_path: Path) -> Path:
    """The source archive, unpacked."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", "sdist", "--directory", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        opened.extractall(tmp_path, filter="data")
    return tmp_path / archive.name.removesuffix(".tar.gz")


def test_the_source_archive_serves_and_tests_itself(unpacked: Path, tmp_path: Path) -> None:
    with made_run(unpacked, tmp_path / "ready.json") as url:
        assert httpx.get(f"{url}/__mock/ready").status_code == 200
    chosen = "tests/test_architecture.py tests/docs tests/mockserver/core/test_lifecycle.py"
    command = ["make", "docs", "test", f"PYTHON={sys.executable}", f"ARGS={chosen}"]
    ran = subprocess.run(command, cwd=unpacked, capture_output=True, text=True, timeout=2 * SETTING_UP, check=False)
    assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr[-4000:]
    assert (unpacked / "build" / "docs" / "llms.txt").is_file()


def test_make_run_installs_the_extra_that_is_named(copy: Path, tmp_path: Path) -> None:
    with made_run(copy, tmp_path / "ready.json", "EXTRAS=media") as url:
        assert httpx.get(f"{url}/__mock/ready").status_code == 200
    python = copy / ".venv-run" / "bin" / "python"
    subprocess.run([python, "-c", "from evolink_mock.settings import MEDIA; assert MEDIA"], check=True)
    refused = subprocess.run(["make", "run", "EXTRAS=none"], cwd=copy, capture_output=True, text=True, check=False)
    assert "EXTRAS can be media" in refused.stderr


def test_the_long_description_has_no_link_into_the_project(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with ZipFile(wheel) as opened:
        (name,) = (each for each in opened.namelist() if each.endswith("METADATA"))
        description = opened.read(name).decode().partition("\n\n")[2]
    assert description.startswith("# EvoLink devkit")
    assert re.findall(r"\]\((?!https?://|#)[^)]*\)|<img|<source|!\[", description) == []


def test_pip_install_gives_a_working_command_and_typed_packages(copy: Path, tmp_path: Path) -> None:
    home = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", home], check=True)
    subprocess.run([home / "bin" / "python", "-m", "pip", "install", "--quiet", copy], check=True, timeout=SETTING_UP)
    version = subprocess.run([home / "bin" / "evolink-mock", "--version"], capture_output=True, text=True, check=True)
    assert "0.1.0" in version.stdout
    code = """
import importlib, pathlib
for name in ("evolink_mock", "evolink_contracts", "evolink_client"):
    module = importlib.import_module(name)
    home = pathlib.Path(module.__file__).parent
    assert "site-packages" in str(home), home
    assert (home / "py.typed").exists(), name
import evolink_mock
assert evolink_mock.create_app()
from evolink_mock.control.pages import page_files
assert {"index.html", "app.js", "style.css"} <= page_files().keys()
from evolink_mock.media.frame_size import Size
from evolink_mock.media.placeholder import encode_placeholder
from evolink_mock.media.video import Video
import httpx
from evolink_mock import InProcessTransport, Settings
app = evolink_mock.create_app(Settings(clock="manual", generation_time="1s"))
key = {"authorization": "Bearer sk-1"}
with httpx.Client(transport=InProcessTransport(app), base_url="http://mock", headers=key) as client:
    body = {"model": "wan2.6-text-to-video", "prompt": "A cat", "duration": 2}
    task = client.post("/v1/videos/generations", json=body).json()["id"]
    client.post("/__mock/clock", json={"advance": "1s"})
    link = client.get(f"/v1/tasks/{task}").json()["results"][0]
    assert client.get(link).content[4:8] == b"ftyp"
try:
    import av
except ModuleNotFoundError:
    pass
else:
    raise AssertionError("the base install has PyAV")
assert encode_placeholder(Video("task", Size(1280, 720), 2_000_000), lambda digest: None)[4:8] == b"ftyp"
"""
    subprocess.run([home / "bin" / "python", "-c", code], cwd=tmp_path, check=True)
    shutil.copy(copy / "tests" / "examples" / "video_service" / "service.py", tmp_path)
    mypy = [sys.executable, "-m", "mypy", "--strict", "--config-file=", f"--python-executable={home}/bin/python"]
    typed = subprocess.run([*mypy, "service.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert typed.stdout == "Success: no issues found in 1 source file\n"

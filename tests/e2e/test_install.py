"""What a newcomer does first: `make run` in a fresh copy, and `pip install .` in a clean environment."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

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


def test_make_run_sets_itself_up_and_serves(copy: Path, tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    command = ["make", "run", f"PYTHON={sys.executable}", f"ARGS=--port 0 --ready-file {ready}"]
    process = subprocess.Popen(command, cwd=copy, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        deadline = time.monotonic() + SETTING_UP
        while not ready.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.1)
        announced = json.loads(ready.read_text(encoding="utf-8"))
        answer = httpx.post(f"{announced['url']}/v1/videos/generations", json=DOCUMENTED, headers=bearer())
        assert answer.json()["status"] == "pending"
        os.kill(announced["pid"], 15)
    finally:
        printed, _ = process.communicate(timeout=PATIENCE)
    assert "Create a task:" in printed
    assert "curl -s http://127.0.0.1:" in printed


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

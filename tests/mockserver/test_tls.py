"""The certificate authority and the trust store, on platforms without `fcntl` and in directories of every kind."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from evolink_mock.settings import Settings
from evolink_mock.tls import TrustStore, authority_directory, issue

WITHOUT_FCNTL = """
import sys

sys.modules["fcntl"] = None  # Any import of it raises ImportError, as on Windows.
import warnings

# filelock says on import that it marks its locks by files alone.
warnings.filterwarnings("ignore", message="only soft file lock is available")
from pathlib import Path

import httpx

import evolink_mock.server.run
from evolink_mock import InProcessTransport, create_app
from evolink_mock.tls import issue

with httpx.Client(transport=InProcessTransport(create_app()), base_url="http://evolink") as client:
    health = client.get("/__mock/health")
    create = client.post("/v1/videos/generations", headers={"Authorization": "Bearer sk-a"}, json={
        "model": "wan2.6-text-to-video", "prompt": "A cat"})
print(health.status_code, create.status_code)
for _ in range(2):
    for file in issue(Path(sys.argv[1]), "app.example.com", Path(sys.argv[1])):
        print(file.name)
"""


def test_without_fcntl_the_emulator_answers_and_signs(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", WITHOUT_FCNTL, str(tmp_path)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["200", "200", *["app.example.com.pem", "app.example.com.key"] * 2]
    assert not [path for path in tmp_path.iterdir() if "lock" in path.name]


@pytest.mark.skipif(sys.platform != "linux", reason="the directory of another platform is platformdirs' matter")
def test_the_authority_is_in_the_state_directory_of_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for state, expected in (
        (None, tmp_path / ".local/state/evolink-mock"),
        ("", tmp_path / ".local/state/evolink-mock"),
        (str(tmp_path / "state"), tmp_path / "state/evolink-mock"),
    ):
        if state is None:
            monkeypatch.delenv("XDG_STATE_HOME", raising=False)
        else:
            monkeypatch.setenv("XDG_STATE_HOME", state)
        assert authority_directory(Settings()) == expected
    assert not (tmp_path / ".local").exists()
    assert authority_directory(Settings(authority=str(tmp_path / "own"))) == tmp_path / "own"


def test_an_authority_that_cannot_be_written_to_still_signs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    authority, out = tmp_path / "authority", tmp_path / "out"
    issue(authority, "app.example.com", out)
    access = os.access

    # As on a volume that is mounted read-only, which permissions cannot imitate where the tests run as root.
    monkeypatch.setattr(os, "access", lambda path, mode: path != authority and access(path, mode))
    monkeypatch.setattr("filelock.FileLock", lambda path: pytest.fail("locked") if path.parent == authority else Lock())
    certificate, key = issue(authority, "app.example.com", out)
    assert certificate.exists()
    assert key.exists()


class Lock:
    """Open to all."""

    def __enter__(self) -> None: ...

    def __exit__(self, *error: object) -> None: ...


def test_a_user_without_a_home_directory_has_no_authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(*_: object, **__: object) -> Path:
        raise RuntimeError("could not determine the home directory")

    monkeypatch.setattr("platformdirs.user_state_path", nowhere)
    monkeypatch.chdir(tmp_path)
    assert TrustStore(Settings()).context().get_ca_certs() is not None
    with pytest.raises(OSError, match="no home directory"):
        issue(authority_directory(Settings()), "app.example.com", tmp_path)
    assert list(tmp_path.iterdir()) == []

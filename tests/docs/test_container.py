"""The container files, as far as they can be shown without an engine: schema, and each command of the image."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import yaml

from serving import PATIENCE

ROOT = Path(__file__).parent.parent.parent
COMPOSE = ROOT / "docker-compose.yml"


def instructions() -> list[tuple[str, str]]:
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    return [(word, rest) for line in lines if line for word, _, rest in [line.partition(" ")]]


def of(word: str) -> list[str]:
    return [rest for kind, rest in instructions() if kind == word]


def test_the_compose_file_follows_its_schema() -> None:
    checker = Path(sys.executable).parent / "check-jsonschema"
    command: list[str | Path] = [checker, "--builtin-schema", "vendor.compose-spec", COMPOSE]
    subprocess.run(command, check=True, capture_output=True)


def test_the_emulator_is_published_on_loopback_alone_and_as_nobody() -> None:
    service = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]["evolink"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert service["read_only"] is True
    assert of("USER") == ["10001"]
    assert of("FROM")[-1].endswith("-slim")


def test_every_variable_of_the_container_files_is_a_setting() -> None:
    from evolink_mock.settings import load_settings

    text = COMPOSE.read_text(encoding="utf-8") + (ROOT / "Dockerfile").read_text(encoding="utf-8")
    names = set(re.findall(r"EVOLINK_MOCK_[A-Z_]+", text))
    values = {"HOST": "0.0.0.0", "PORT": "1", "GENERATION_TIME": "quick", "PUBLIC_URL": "http://localhost:8080"}
    loaded = load_settings({}, {name: values.get(name.removeprefix("EVOLINK_MOCK_"), "x") for name in names})
    assert not loaded.loopback


def test_the_image_gets_what_it_copies() -> None:
    admitted = set(re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(encoding="utf-8"), re.MULTILINE))
    sources = {name for line in of("COPY") if not line.startswith("--from") for name in line.split()[:-1]}
    assert sources == admitted


@pytest.mark.slow
def test_each_command_of_the_image_works_in_a_fresh_environment(tmp_path: Path) -> None:
    home, source = tmp_path / "evolink", tmp_path / "src"
    source.mkdir()

    def here(text: str) -> str:
        return text.replace("/opt/evolink", str(home)).replace(":8080", ":18980")

    for word, rest in instructions():
        if word == "COPY" and not rest.startswith("--from"):
            *names, _ = rest.split()
            for name in names:
                if (ROOT / name).is_dir():
                    shutil.copytree(ROOT / name, source / name)
                else:
                    shutil.copy(ROOT / name, source / name)
        if word == "RUN" and not rest.startswith("useradd"):
            subprocess.run(
                here(rest.replace("python -m venv", f"{sys.executable} -m venv")), shell=True, cwd=source, check=True
            )
    environ = dict(pair.split("=", 1) for pair in of("ENV")[0].split()) | {"EVOLINK_MOCK_PORT": "18980"}
    serve = json.loads(here(of("ENTRYPOINT")[0])) + json.loads(of("CMD")[0])
    health = json.loads(here(of("HEALTHCHECK")[0].partition("CMD ")[2]))
    environ["PATH"] = os.environ["PATH"]
    server = subprocess.Popen(serve, cwd="/", env=environ, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        first = server.stdout.readline()
        assert "ready at http://localhost:8080" in first
        subprocess.run(health, check=True, timeout=PATIENCE)
        assert httpx.get("http://127.0.0.1:18980/__mock/clock?all=true").status_code == 401
    finally:
        server.terminate()
        server.communicate(timeout=PATIENCE)

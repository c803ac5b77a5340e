"""The container files, as far as they can be shown without an engine: schema, and each command of the image."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.support.emulator import DOCUMENTED
from tests.support.reserved_ports import reserved_ports
from tests.support.server_process import PATIENCE

ROOT = Path(__file__).parent.parent.parent
COMPOSE = ROOT / "docker-compose.yml"
EXAMPLE = ROOT / "tests" / "examples" / "receiver" / "app.py"


def instructions() -> list[tuple[str, str]]:
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    return [(word, rest) for line in lines if line for word, _, rest in [line.partition(" ")]]


def of(word: str) -> list[str]:
    return [rest for kind, rest in instructions() if kind == word]


def services() -> dict[str, Any]:
    found = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]
    assert isinstance(found, dict)
    return found


def environment(name: str) -> dict[str, str]:
    """The variables of a service, where nobody sets any outside."""
    return {
        variable: re.sub(r"\$\{[A-Z_]+:-([^}]*)\}", r"\1", text)
        for variable, text in services()[name]["environment"].items()
    }


@pytest.fixture
def two_ports() -> Iterator[list[str]]:
    with reserved_ports(2) as ports:
        yield ports


def test_the_compose_file_follows_its_schema() -> None:
    checker = Path(sys.executable).parent / "check-jsonschema"
    command: list[str | Path] = [checker, "--builtin-schema", "vendor.compose-spec", COMPOSE]
    subprocess.run(command, check=True, capture_output=True)


def test_the_guide_names_the_services_of_the_compose_file() -> None:
    guide = (ROOT / "docs" / "how-to" / "containers.md").read_text(encoding="utf-8")
    (override,) = re.findall(r"`compose.override.yaml`:\n\n```yaml\n(.*?)```", guide, re.DOTALL)
    assert yaml.safe_load(override)["services"].keys() <= services().keys()
    assert set(re.findall(r"reach it as `http://([a-z-]+):8080`", guide)) == {"evolink"} <= services().keys()


@pytest.mark.parametrize("name", ["evolink", "receiver"])
def test_each_service_is_published_on_loopback_alone_and_as_nobody(name: str) -> None:
    service = services()[name]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service.keys().isdisjoint({"user", "privileged", "cap_add", "network_mode"})
    assert all(volume.endswith(":ro") for volume in service.get("volumes", ()))
    assert of("USER") == ["10001"]
    assert of("FROM")[-1].endswith("-slim")


def test_every_variable_of_the_container_files_is_a_setting() -> None:
    from evolink_mock.settings import load_settings

    variables = dict(pair.split("=", 1) for pair in of("ENV")[0].split()) | environment("evolink")
    text = COMPOSE.read_text(encoding="utf-8") + (ROOT / "Dockerfile").read_text(encoding="utf-8")
    names = set(re.findall(r"EVOLINK_MOCK_[A-Z_]+", text))
    loaded = load_settings({}, {name: variables[name] for name in names})
    assert not loaded.loopback
    # Only the outside knows the port: links follow the request.
    assert (loaded.public_url, loaded.control_token) == ("", "local")


def test_every_setting_of_the_emulator_can_be_given_from_outside() -> None:
    for name, text in services()["evolink"]["environment"].items():
        assert text.startswith(f"${{{name}:-")


def test_the_route_leads_to_the_example_and_the_example_to_the_emulator() -> None:
    from evolink_mock.core.callback_routes import parse_callback_url
    from evolink_mock.settings import load_settings

    receiver, variables = services()["receiver"], environment("receiver")
    routes = load_settings({"callback_route": environment("evolink")["EVOLINK_MOCK_CALLBACK_ROUTE"]}).callback_route
    port = receiver["command"][receiver["command"].index("--port") + 1]
    assert routes == {parse_callback_url(variables["CALLBACK_URL"]).origin: f"http://receiver:{port}"}
    assert receiver["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert variables["EVOLINK_BASE_URL"] == "http://evolink:8080"
    assert receiver["depends_on"] == {"evolink": {"condition": "service_healthy"}}


def test_the_example_is_a_profile_of_the_same_image_and_a_folder_of_this_project() -> None:
    evolink, receiver = services()["evolink"], services()["receiver"]
    assert "profiles" not in evolink
    assert receiver["profiles"] == ["example"]
    assert (receiver["image"], receiver["build"]) == (evolink["image"], evolink["build"])
    ((source, inside),) = [volume.split(":")[:2] for volume in receiver["volumes"]]
    module, _, _ = receiver["command"][0].partition(":")
    assert (ROOT / source / f"{module}.py").is_file()
    assert receiver["command"][receiver["command"].index("--app-dir") + 1] == inside


def test_every_variable_of_the_example_is_one_that_it_reads() -> None:
    read = set(re.findall(r'os\.environ\.get\("([A-Z_]+)"', EXAMPLE.read_text(encoding="utf-8")))
    given = {name for name in environment("receiver") if not name.startswith("PYTHON")}
    assert given <= read


def test_the_image_gets_what_it_copies() -> None:
    admitted = set(re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(encoding="utf-8"), re.MULTILINE))
    sources = {name for line in of("COPY") if not line.startswith("--from") for name in line.split()[:-1]}
    assert sources == admitted


class Image:
    """The image and the services made of it, as far as they can be had without an engine: in a directory of our own."""

    def __init__(self, home: Path, ports: list[str]) -> None:
        self._home = home
        self._ports = dict(zip(("8080", "3000"), ports, strict=True))
        source = home / "src"
        source.mkdir()
        for word, rest in instructions():
            if word == "COPY" and not rest.startswith("--from"):
                *names, _ = rest.split()
                for name in names:
                    if (ROOT / name).is_dir():
                        shutil.copytree(ROOT / name, source / name)
                    else:
                        shutil.copy(ROOT / name, source / name)
            if word == "RUN" and not rest.startswith("useradd"):
                command = self.here(rest).replace("python -m venv", f"{sys.executable} -m venv")
                subprocess.run(command, shell=True, cwd=source, check=True)

    def here(self, text: str) -> str:
        """What stands in the container files, with our directory, host and ports in the place of the container's."""
        text = text.replace("/opt/evolink", f"{self._home}/evolink").replace("/srv/receiver", str(EXAMPLE.parent))
        text = re.sub(r"//(receiver|evolink|localhost):", "//127.0.0.1:", text)
        for inside, outside in self._ports.items():
            text = re.sub(rf"(?<![0-9]){inside}(?![0-9])", outside, text)
        return text

    def url(self, port: str) -> str:
        return f"http://127.0.0.1:{self._ports[port]}"

    def run(self, name: str, command: list[str]) -> None:
        """Run a command in a service, where an engine has put the variables of a proxy."""
        environ = self.environ(name) | dict.fromkeys(("http_proxy", "HTTP_PROXY", "ALL_PROXY"), "http://127.0.0.1:9")
        subprocess.run([self.here(part) for part in command], check=True, timeout=PATIENCE, env=environ)

    def environ(self, name: str) -> dict[str, str]:
        variables = dict(pair.split("=", 1) for pair in of("ENV")[0].split()) | environment(name)
        return {key: self.here(value) for key, value in variables.items()} | {"PATH": os.environ["PATH"]}

    @contextmanager
    def started(self, name: str, ready: str) -> Iterator[str]:
        """A service as a process; the line in which it says that it is ready."""
        service = services()[name]
        entry = service.get("entrypoint") or json.loads(of("ENTRYPOINT")[0])
        command = [self.here(part) for part in (*entry, *(service.get("command") or json.loads(of("CMD")[0])))]
        process = subprocess.Popen(
            command, cwd="/", env=self.environ(name), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        try:
            assert process.stdout is not None
            printed = [process.stdout.readline()]
            while printed[-1] and ready not in printed[-1]:
                printed.append(process.stdout.readline())
            assert printed[-1], printed
            yield printed[-1]
        finally:
            process.terminate()
            process.communicate(timeout=PATIENCE)


@pytest.mark.slow
def test_each_command_works_in_a_fresh_environment_and_the_example_is_called_back(
    tmp_path: Path, two_ports: list[str]
) -> None:
    image = Image(tmp_path, two_ports)
    token = {"X-Mock-Token": environment("evolink")["EVOLINK_MOCK_CONTROL_TOKEN"]}
    own = {"Authorization": f"Bearer {environment('receiver')['EVOLINK_API_KEY']}"}
    with (
        image.started("evolink", "ready at") as line,
        image.started("receiver", "running on"),
        httpx.Client(base_url=image.url("8080"), headers=own) as emulator,
        httpx.Client(base_url=image.url("3000")) as receiver,
    ):
        assert image.url("8080").replace("127.0.0.1", "localhost") in line
        image.run("evolink", json.loads(of("HEALTHCHECK")[0].partition("CMD ")[2]))
        image.run("receiver", services()["receiver"]["healthcheck"]["test"][1:])
        assert emulator.get("/__mock/clock").status_code == 401
        assert emulator.get("/__mock/clock", headers=token).status_code == 200
        task = receiver.post("/videos", json=DOCUMENTED).json()["task"]
        ended = emulator.post(f"/__mock/tasks/{task}/outcome", json={"status": "completed"}, headers=token)
        assert ended.status_code == 200
        query = f"/__mock/deliveries?task={task}&status=ended&wait=20s"
        (record,) = emulator.get(query, headers=token, timeout=PATIENCE).json()["deliveries"]
        assert record["status"] == "delivered", record
        video = receiver.get(f"/videos/{task}").json()
        assert (video["status"], video["callbacks"]) == ("completed", 1)
        assert httpx.get(video["link"]).content[4:8] == b"ftyp"

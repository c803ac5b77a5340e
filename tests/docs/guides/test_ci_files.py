"""The files of the CI guide: each follows its schema, and its shell steps run, in a fresh directory and environment."""

import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.pages.markdown_pages import files_of

ROOT = Path(__file__).parents[3]
GUIDES = ROOT / "docs" / "how-to"
GITHUB, GITLAB = ".github/workflows/tests.yml", ".gitlab-ci.yml"
SCHEMAS = {GITHUB: "vendor.github-workflows", GITLAB: "vendor.gitlab-ci"}
DEVKIT = ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE", "contracts", "mockserver", "client")
"""The parts of a checkout of the devkit that its installation needs."""
PATIENCE = 600.0


def file(name: str) -> Any:
    """A file of the guide, parsed."""
    return yaml.safe_load(files_of(GUIDES / "ci.md")[name])


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_file_follows_the_schema_of_its_service(name: str, tmp_path: Path) -> None:
    copied = tmp_path / Path(name).name
    copied.write_text(files_of(GUIDES / "ci.md")[name], encoding="utf-8")
    checker = Path(sys.executable).parent / "check-jsonschema"
    ran = subprocess.run(
        [checker, "--builtin-schema", SCHEMAS[name], copied], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout


class Machine:
    """A machine of a CI service: the project in a directory, and the programs of its image. `apt-get` does nothing."""

    def __init__(self, home: Path) -> None:
        self.project = home / "project"
        self.project.mkdir()
        for name, text in {**files_of(GUIDES / "other-languages.md"), **files_of(GUIDES / "ci.md")}.items():
            (self.project / name).parent.mkdir(parents=True, exist_ok=True)
            (self.project / name).write_text(text, encoding="utf-8")
        programs = home / "programs"
        programs.mkdir()
        for name, command in {
            "python": f'exec {getattr(sys, "_base_executable", sys.executable)} "$@"',
            "apt-get": "exit 0",
        }.items():
            (programs / name).write_text(f"#!/bin/sh\n{command}\n", encoding="utf-8")
            (programs / name).chmod(0o755)
        own = str(Path(sys.executable).parent)
        path = [folder for folder in os.environ["PATH"].split(os.pathsep) if folder != own]
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("EVOLINK_", "VIRTUAL_ENV"))}
        self.environ = {**clean, "PATH": os.pathsep.join([str(programs), *path])}

    def run(self, script: str) -> None:
        ran = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", script],
            cwd=self.project,
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
        assert ran.returncode == 0, f"{script}\n{ran.stdout}\n{ran.stderr}"

    def check_out_devkit(self, to: Path) -> None:
        to.mkdir()
        for name in DEVKIT:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, to / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / name, to / name)

    def assert_contract_kept(self) -> None:
        suite = ElementTree.parse(self.project / "evolink-report" / "contract.xml").getroot()
        assert int(suite.get("tests", "0")) > 70
        assert (suite.get("failures"), suite.get("errors")) == ("0", "0")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    if any(shutil.which(program) is None for program in ("node", "git", "curl")):
        pytest.skip("node, git or curl not found")
    return Machine(tmp_path)


@pytest.mark.slow
def test_the_steps_of_the_github_workflow_run(machine: Machine, tmp_path: Path) -> None:
    (job,) = file(GITHUB)["jobs"].values()
    added = tmp_path / "path"
    added.touch()
    machine.environ["GITHUB_PATH"] = str(added)
    for step in job["steps"]:
        if "run" in step:
            machine.run(step["run"])
            folders = [*reversed(added.read_text(encoding="utf-8").splitlines()), machine.environ["PATH"]]
            machine.environ["PATH"] = os.pathsep.join(folders)
            added.write_text("", encoding="utf-8")
        elif step["uses"].startswith("actions/checkout@") and "with" in step:
            machine.check_out_devkit(machine.project / step["with"]["path"])
        elif step["uses"].startswith("actions/upload-artifact@"):
            assert step["if"] == "failure()"
            assert (machine.project / step["with"]["path"]).is_dir()
    machine.assert_contract_kept()


@pytest.mark.slow
def test_the_script_of_the_gitlab_job_runs(machine: Machine, tmp_path: Path) -> None:
    (job,) = file(GITLAB).values()
    devkit = tmp_path / "devkit"
    machine.check_out_devkit(devkit)
    commit = "git init -q && git add . && git -c user.name=CI -c user.email=ci@example.com commit -qm devkit"
    subprocess.run(commit, shell=True, cwd=devkit, check=True)
    machine.environ["EVOLINK_DEVKIT"] = f"file://{devkit}"
    machine.run("\n".join([*job["before_script"], *job["script"]]))
    assert job["artifacts"]["reports"]["junit"] == "evolink-report/contract.xml"
    assert all((machine.project / path).is_dir() for path in job["artifacts"]["paths"])
    machine.assert_contract_kept()

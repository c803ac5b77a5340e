"""Without the extra `contracts`: what needs Hypothesis says so, and how it is installed."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from evolink_contracts.cli.main import main
from tests.support.commands import in_process
from tests.support.pytest_plugins import NO_OTHERS

WAY = "needs Hypothesis: from a checkout, pip install '.[contracts]'"


@pytest.fixture
def without_hypothesis(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evolink_contracts.reference.extras.find_spec", lambda name: None)


@pytest.mark.parametrize("name", ["strategies", "machine"])
@pytest.mark.usefixtures("without_hypothesis")
def test_a_module_of_strategies_names_the_extra(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, f"evolink_contracts.{name}", raising=False)
    with pytest.raises(ModuleNotFoundError) as error:
        import_module(f"evolink_contracts.{name}")
    assert str(error.value) == f"evolink_contracts.{name} {WAY}"
    assert error.value.name == "hypothesis"


@pytest.mark.usefixtures("without_hypothesis")
def test_the_option_of_the_command_names_the_extra() -> None:
    given = ("--base-url", "http://127.0.0.1:1", "--api-key", "sk-a", "--histories", "2")
    result = in_process(main, "run", *given)
    assert result.exit_code == 2
    assert f"--histories {WAY}" in result.stderr


def test_the_option_of_pytest_names_the_extra(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("import sys\nsys.modules['hypothesis'] = None\n", encoding="utf-8")
    given = ("--evolink-base-url", "http://127.0.0.1:1", "--evolink-api-key", "sk-a", "--evolink-histories", "2")
    command = [sys.executable, "-m", "pytest", *NO_OTHERS, "-k", "histories", *given, str(tmp_path)]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert f"--evolink-histories {WAY}" in ran.stdout + ran.stderr

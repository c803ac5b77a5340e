"""A scenario file is reloaded when it changes, a broken one changes nothing, and errors are named by line."""

import gzip
import os
import tomllib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import msgspec.inspect
import pytest
from jsonschema import Draft202012Validator

from evolink_mock import Settings, create_app
from evolink_mock.core.seed import derive_seed
from evolink_mock.scenarios import file_check
from evolink_mock.scenarios.file import MAX_BYTES, ScenarioFile, check_file
from evolink_mock.scenarios.schema import MAX_RULES
from evolink_mock.scenarios.state import ScenarioState
from tests.support.commands import run
from tests.support.emulator import DOCUMENTED, Emulator
from tests.support.server_process import Server

FAILS = '[[rule]]\nname = "{}"\nscenario = "fail=upstream:{}"\n'
SHAKY = """
[[rule]]
steps = [
  { scenario = "create=rate_limited", times = 3 },
  { scenario = "ok", times = 1 },
  { weights = { "fail=service_error" = 40, "ok" = 60 } },
]
"""


def write(file: Path, content: str | bytes) -> Path:
    """As if it had been written a while ago: the emulator waits until nobody can still be writing."""
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    write.ago += 1  # type: ignore[attr-defined]
    os.utime(file, (1_700_000_000 + write.ago, 1_700_000_000 + write.ago))  # type: ignore[attr-defined]
    return file


write.ago = 0  # type: ignore[attr-defined]


def code(emulator: Emulator, **fields: Any) -> str | None:
    """How a task that is created now is planned to fail."""
    task = emulator.post(DOCUMENTED | fields).json()["id"]
    found = emulator.control(f"tasks/{task}")["plan"]["outcome"].get("code")
    assert found is None or isinstance(found, str)
    return found


def shown(emulator: Emulator) -> dict[str, Any]:
    found = emulator.control("scenarios")["file"]
    assert isinstance(found, dict)
    return found


def test_three_refusals_then_a_success_then_two_in_five_fail_and_the_same_again(tmp_path: Path) -> None:
    def session(seed: int) -> list[Any]:
        with Emulator.in_process(scenarios=str(write(tmp_path / "s.toml", SHAKY)), seed=seed) as emulator:
            answers = [emulator.post(DOCUMENTED) for _ in range(404)]
            assert [answer.headers.get("retry-after") for answer in answers[:4]] == ["1", "1", "1", None]
            emulator.advance("10s")
            statuses = [row["status"] for row in emulator.control("tasks?limit=500")["tasks"]]
        assert [answer.status_code for answer in answers] == [429] * 3 + [200] * 401
        return statuses

    first = session(1)
    assert first[0] == "completed"
    assert 120 < first[1:].count("failed") < 200
    assert first == session(1) != session(2)


def test_a_change_is_loaded_and_a_broken_file_changes_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = write(tmp_path / "s.toml", FAILS.format("a", "A"))
    with Emulator.in_process(scenarios=str(file)) as emulator:
        assert code(emulator) == "A"
        write(file, FAILS.format("b", "B"))
        assert code(emulator) == "B"
        for broken in ("[[rule", '[[rule]]\nscenario = "fial=x"\n', b"\xff", "x" * (MAX_BYTES + 1)):
            caplog.clear()
            write(file, broken)
            assert code(emulator) == "B"
            assert shown(emulator)["error"]
            assert [rule["name"] for rule in shown(emulator)["rules"]] == ["b"]
            (line,) = [record.message for record in caplog.records if "stay in force" in record.message]
            assert str(file) in line
        file.unlink()
        assert code(emulator) == "B"
        assert shown(emulator)["error"] == "No such file or directory"
        write(file, FAILS.format("c", "C"))
        assert code(emulator) == "C"
        assert shown(emulator)["error"] is None
        write(file, "")
        assert code(emulator) is None


def test_a_replaced_file_is_loaded(tmp_path: Path) -> None:
    file = write(tmp_path / "s.toml", FAILS.format("a", "A"))
    with Emulator.in_process(scenarios=str(file)) as emulator:
        assert code(emulator) == "A"
        write(tmp_path / "new.toml", FAILS.format("a", "B")).replace(file)
        assert code(emulator) == "B"


def test_a_file_that_was_written_just_now_is_loaded_a_moment_later(tmp_path: Path) -> None:
    file = write(tmp_path / "s.toml", FAILS.format("a", "A"))
    with Emulator.in_process(scenarios=str(file)) as emulator:
        assert code(emulator) == "A"
        file.write_text(FAILS.format("a", "B"), encoding="utf-8")
        seen = [code(emulator)]
        while seen[-1] == "A":
            seen.append(code(emulator))
        assert set(seen) <= {"A", "B"}


def test_an_unchanged_rule_keeps_its_count_and_a_changed_one_restarts(tmp_path: Path) -> None:
    twice = '[[rule]]\nname = "{}"\nscenario = "fail=upstream:{}"\ntimes = 2\n'
    first, second = twice.format("first", "A"), twice.format("second", "B")
    file = write(tmp_path / "s.toml", first + second)
    with Emulator.in_process(scenarios=str(file)) as emulator:
        assert [code(emulator) for _ in range(3)] == ["A", "A", "B"]
        write(file, second + first)
        assert [code(emulator) for _ in range(2)] == ["B", None]
        write(file, first.replace("A", "C") + second)
        assert [code(emulator) for _ in range(3)] == ["C", "C", None]


def test_equal_rules_are_counted_apart(tmp_path: Path) -> None:
    file = write(tmp_path / "s.toml", '[[rule]]\nscenario = "fail=upstream:A"\ntimes = 1\n' * 2)
    with Emulator.in_process(scenarios=str(file)) as emulator:
        assert [code(emulator) for _ in range(3)] == ["A", "A", None]


def test_a_rule_is_counted_for_each_key_and_can_be_limited_to_one(tmp_path: Path) -> None:
    content = FAILS.format("a", "A") + "times = 1\n" + FAILS.format("b", "B") + 'match.key = "sk-b"\n'
    with Emulator.in_process(scenarios=str(write(tmp_path / "s.toml", content))) as emulator:
        other = emulator.as_key("sk-b")
        assert [code(emulator), code(emulator), code(other), code(other)] == ["A", None, "A", "B"]


def test_a_rule_can_match_some_requests_only(tmp_path: Path) -> None:
    content = "\n".join(
        f'[[rule]]\nscenario = "fail=upstream:{name}"\nmatch = {{ {name} = "{text}" }}'
        for name, text in (
            ("prompt_contains", "dog"),
            ("image_contains", "/b.png"),
            ("callback_contains", "sink.mock/500"),
            ("model", "wan2.6-image-to-video"),
        )
    )
    with Emulator.in_process(scenarios=str(write(tmp_path / "s.toml", content))) as emulator:
        assert code(emulator) is None
        assert code(emulator, prompt="A dog") == "prompt_contains"
        assert code(emulator, image_urls=["https://a.example/b.png"]) == "image_contains"
        assert code(emulator, callback_url="https://sink.mock/500") == "callback_contains"
        assert code(emulator, model="wan2.6-image-to-video") == "model"


@pytest.mark.parametrize("content", ["", "# nothing\n", SHAKY, SHAKY.replace("\n", "\r\n"), "\ufeff" + SHAKY])
def test_check_and_schema_accept_a_valid_file(content: str, tmp_path: Path) -> None:
    file = write(tmp_path / "s.toml", content)
    checked = run("check", str(file))
    assert checked.exit_code == 0, checked.output
    assert checked.stdout == f"{file}: {content.count('[[rule]]')} rule{'s' * ('rule' not in content)}, nothing wrong\n"
    with Emulator.in_process() as emulator:
        schema = emulator.control("scenarios/schema")
    Draft202012Validator.check_schema(schema)
    assert list(Draft202012Validator(schema).iter_errors(tomllib.loads(content.removeprefix("\ufeff")))) == []


R = "[[rule]]\n"
OK = R + 'scenario = "ok"\n'
FAULTY: list[tuple[str, list[tuple[int, str]]]] = [
    ("[[rule\n", [(1, "it is not valid TOML")]),
    (OK + "times =\n", [(3, "it is not valid TOML")]),
    (OK + "scenario = 'ok'\n", [(3, "it is not valid TOML")]),
    ("[rule]\nscenario = 'ok'\n", [(1, "rule must be a list of at most 1000 tables: [[rule]]")]),
    ("\n[[rules]]\nscenario = 'ok'\n", [(2, "'rules' is not a known table of a scenario file; did you mean 'rule'?")]),
    (R + "scenrio = 'ok'\n", [(2, "'scenrio' is not a known setting of a rule; did you mean 'scenario'?")]),
    (OK + OK + "\nmatches = {}\n", [(6, "'matches' is not a known setting of a rule; did you mean 'match'?")]),
    (
        OK + "match = { prompt = 'x' }\n",
        [(3, "'prompt' is not a known setting of a match; did you mean")],
    ),
    (OK + "match.modle = 'x'\n", [(3, "'modle' is not a known setting of a match; did you mean 'model'?")]),
    (R + "steps = [\n  { scenario = 'ok', times = 1 },\n  { scenaro = 'ok' },\n]\n", [(4, "did you mean 'scenario'?")]),
    (
        R + "steps = [\n  { scenario = 'ok', times = 1 },\n\n  { scenario = 'fail=servce_error' },\n]\n",
        [
            (
                5,
                "step 2: scenario 'fail=servce_error': 'servce_error' is not a known value of fail",
            )
        ],
    ),
    (R + "name = 'x'\nscenario = 'fial=x'\n", [(3, "'fial' is not a known scenario word; did you mean 'fail'?")]),
    (R + "weights = { ok = 1, 'create=drop' = 2 }\n", [(2, "'drop' is not a known value of create")]),
    (R + "name = 5\nscenario = 'ok'\n", [(2, "name must be text of at most 100 characters; got 5")]),
    (OK + "times = 0\n", [(3, "times must be an integer from 1 to 1,000,000; got 0")]),
    (OK + "times = 'x'\n", [(3, "times must be an integer from 1 to 1,000,000; got 'x'")]),
    (OK + "repeat = 1\n", [(3, "repeat must be true or false; got 1")]),
    (
        OK + "operation = 'create '\n",
        [(3, "operation must be one of create, credits, query; got 'create '; did you mean 'create'?")],
    ),
    (OK + "name = 'x'\nrepeat = true\n", [(4, "repeat: the last step needs times too")]),
    (
        R + "steps = [\n  { scenario = 'ok' },\n  { scenario = 'ok' },\n]\n",
        [(2, "steps: every step but the last needs")],
    ),
    (R + "scenario = 'ok'\nweights = { ok = 1 }\n", [(2, "give either scenario or weights")]),
    (OK + "steps = []\n", [(3, "give either steps or one scenario with its times")]),
    (R + "name = 'x'\n", [(1, "a rule needs a scenario, or steps")]),
    (R + "steps = []\n", [(2, "a rule needs a scenario, or steps")]),
    (R + "weights = { ok = 0 }\n", [(2, "weights must be from 0 to 1000000, and one of them above 0")]),
    (
        R + "scenario = 'fail=service_error'\noperation = 'query'\n",
        [(3, "operation is query, but the scenarios apply only to create")],
    ),
    (R + "scenario = 'fial=x'\n" + OK + R + "name = 'y'\nscenrio = 'ok'\n", [(2, "'fial'"), (7, "'scenrio'")]),
    (
        R + "steps = [\n  { scenario = 'ok', times = 1 },\n  { scenario = 'ok', times = 0 },\n]\n",
        [(4, "steps[1].times must be an integer from 1 to 1,000,000; got 0")],
    ),
    ("rule = [\n  { scenario = 'ok' },\n  { scenario = 'fial=x' },\n]\n", [(3, "'fial' is not a known scenario word")]),
    (OK + "[rule.match]\nmodel = 'x'\nmodle = 'x'\n", [(5, "'modle' is not a known setting of a match")]),
    (
        R
        + "scenario = 'create=rate_limitd; fial=x; times=no'\nnam = 'x'\noperation = 'querry'\n"
        + "match = { modl = 'x' }\n",
        [
            (2, "'rate_limitd' is not a known value of create; did you mean 'rate_limited'?"),
            (2, "'fial' is not a known scenario word; did you mean 'fail'?"),
            (2, "times: 'no' is not a number from 1 to 1000000"),
            (3, "'nam' is not a known setting of a rule; did you mean 'name'?"),
            (4, "operation must be one of create, credits, query; got 'querry'; did you mean 'query'?"),
            (5, "'modl' is not a known setting of a match; did you mean 'model'?"),
        ],
    ),
    (
        R
        + "steps = [\n  { scenario = 'stuck=banana', tims = 1 },\n"
        + "  { scenario = 'delivery=twice', times = 'forty' },\n  {},\n]\n",
        [
            (3, "'tims' is not a known setting of a step; did you mean 'times'?"),
            (3, "step 1: scenario 'stuck=banana': 'banana' is not a known value of stuck; known: pending, 99"),
            (4, "steps[1].times must be an integer from 1 to 1,000,000; got 'forty'"),
            (4, "step 2: scenario 'delivery=twice': 'twice' is not a known value of delivery"),
            (5, "step 3: give either scenario or weights"),
        ],
    ),
    (OK + f"times = {'1' * 5000}\n", [(3, "it is not valid TOML: an integer has thousands of digits")]),
    (OK + f"times = 0x{'f' * 5000}\n", [(3, "times must be an integer from 1 to 1,000,000; got an integer of 20000")]),
    (OK + f"operation = 0x{'f' * 5000}\n", [(3, "operation must be one of create, credits, query; got an integer of")]),
    (OK + f"x = {'[' * 5000}\n\n", [(3, "its lists or tables are nested more than 64 levels deep")]),
    (OK + f"x = {'{a=' * 5000}\n\n", [(3, "its lists or tables are nested more than 64 levels deep")]),
    (gzip.compress(b"[[rule]]\n", mtime=0), [(1, "it is compressed with gzip; unpack it")]),  # type: ignore[list-item]
    (b"\n\xff\n", [(2, "it is not UTF-8")]),  # type: ignore[list-item]
]


@pytest.mark.parametrize(("content", "errors"), FAULTY, ids=[str(number) for number in range(len(FAULTY))])
def test_each_error_is_named_with_its_line(content: str, errors: list[tuple[int, str]], tmp_path: Path) -> None:
    file = write(tmp_path / "s.toml", content)
    checked = run("check", str(file))
    assert checked.exit_code == 1
    lines = checked.output.splitlines()
    assert len(lines) == len(errors)
    for line, (number, message) in zip(lines, errors, strict=True):
        assert line.startswith(f"{file}:{number}: "), line
        assert message in line


IDLE = [
    (OK + OK, 3, "'rule 2' never applies: 'rule 1' before it matches the same requests, without an end"),
    (
        R
        + "scenario = 'ok'\nmatch.prompt_contains = 'cat'\n"
        + R
        + "scenario = 'ok'\nmatch.prompt_contains = 'cats'\n",
        4,
        "'rule 2' never applies: 'rule 1' before it",
    ),
    (OK + "match.task = 'task-unified-1-x'\n", 3, "a create request has no task"),
    (R + "scenario = 'credits=rate_limited'\nmatch.model = 'x'\n", 3, "a credits request has no model"),
    (OK + "match.model = 'wan2.6-text-to-vido'\n", 3, "did you mean 'wan2.6-text-to-video'?"),
    (
        R + "steps = [\n  { scenario = 'create=drip', times = 1 },\n  { scenario = 'query=drip' },\n]\n",
        4,
        "step 2: 'query=drip' has no word that applies to a create request",
    ),
    (R + "weights = { ok = 1, 'fail=service_error' = 0 }\n", 1, "has the weight 0, so it is never drawn"),
]


@pytest.mark.parametrize(("content", "line", "says"), IDLE)
def test_what_can_never_apply_is_a_warning(
    content: str, line: int, says: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = write(tmp_path / "s.toml", content)
    checked = run("check", str(file))
    assert checked.exit_code == 0
    assert f"{file}:{line}: warning: " in checked.stderr
    assert says in checked.stderr
    assert checked.stdout.endswith(" 1 warning\n")
    with Emulator.in_process(scenarios=str(file)) as emulator:
        assert [says in warning for warning in shown(emulator)["warnings"]] == [True]
    assert any(says in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize(
    "content",
    [
        OK + "times = 3\n" + OK,
        R + "scenario = 'ok'\nmatch.key = 'sk-a'\n" + OK,
        OK + R + "scenario = 'query=drip'\n",
        R
        + "scenario = 'ok'\nmatch.prompt_contains = 'cats'\n"
        + R
        + "scenario = 'ok'\nmatch.prompt_contains = 'cat'\n",
    ],
)
def test_rules_that_can_apply_are_not_warned_of(content: str, tmp_path: Path) -> None:
    assert run("check", str(write(tmp_path / "s.toml", content))).stdout.endswith("nothing wrong\n")


def test_warnings_are_shown_beside_errors_by_line(tmp_path: Path) -> None:
    content = R + "scenario = 'fial=x'\n" + OK + OK + R + "nam = 'x'\nscenario = 'ok'\n"
    file = write(tmp_path / "s.toml", content)
    checked = run("check", str(file))
    assert checked.exit_code == 1
    assert [line.removeprefix(f"{file}:")[:12] for line in checked.stderr.splitlines()] == [
        "2: scenario ",
        "5: warning: ",
        "8: 'nam' is ",
    ]
    assert "'rule 3' never applies: 'rule 2' before it" in checked.stderr


def test_a_settings_file_is_named_as_such(tmp_path: Path) -> None:
    file = write(tmp_path / "evolink.toml", "unknown = 1\nport = 8081\n[choices]\n[keys.'sk-a']\nbalance = 1\n")
    checked = run("check", str(file))
    assert checked.exit_code == 1
    (line,) = checked.stderr.splitlines()
    assert line.startswith(f"{file}:2: this is a settings file, since 'port' is a setting")
    assert "`evolink-mock settings --config FILE`" in line
    with pytest.raises(ValueError, match="line 2: this is a settings file"):
        create_app(Settings(scenarios=str(file)))
    both = run("check", str(write(tmp_path / "both.toml", "port = 8081\n" + R + "scenario = 'ok'\n")))
    assert "both.toml:1: 'port' is a setting: it belongs in a settings file" in both.stderr


def test_check_refuses_a_missing_and_a_huge_file(tmp_path: Path) -> None:
    missing = run("check", str(tmp_path / "none.toml"))
    assert missing.exit_code == 2
    directory = run("check", str(tmp_path))
    assert (directory.exit_code, f"cannot read {tmp_path}: Is a directory" in directory.output) == (2, True)
    assert f"cannot read {tmp_path}/none.toml: No such file or directory" in missing.output
    huge = run("check", str(write(tmp_path / "huge.toml", "#" * (MAX_BYTES + 1))))
    assert (huge.exit_code, "at most 1048576 bytes" in huge.output) == (1, True)


@pytest.mark.parametrize("content", [None, '[[rule]]\nscenario = "fial=x"\n'])
def test_a_server_does_not_start_with_a_faulty_scenario_file(content: str | None, tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    if content is not None:
        write(file, content)
    with pytest.raises(AssertionError, match="did not start") as failure, Server("--scenarios", str(file)):
        pass
    assert f"scenarios: {file}: " in str(failure.value)
    assert "Traceback" not in str(failure.value)


WRONG = [
    {"rules": []},
    {"rule": {}},
    {"rule": [{"scenrio": "ok"}]},
    {"rule": [{"times": 0}]},
    {"rule": [{"steps": [{"scenario": 5}]}]},
]


@pytest.mark.parametrize("table", WRONG)
def test_the_schema_refuses_faulty_files(table: dict[str, Any]) -> None:
    with Emulator.in_process() as emulator:
        assert list(Draft202012Validator(emulator.control("scenarios/schema")).iter_errors(table))


def test_counts_of_removed_rules_are_dropped() -> None:
    script = ScenarioState("sk", derive_seed(0, "sk"))
    for number in range(3000):
        script.use_of_file(str(number))
        script.use_of_file("kept")
    assert len(script.used) == 2 * MAX_RULES
    assert script.used["kept"] == 3000
    for number in range(3000):
        script.usage(f"create  {number}", number)
    assert script.usage("create  2999", 5000) == (1, 2999)
    assert script.usage("create  0", 5000) == (0, 5000)
    assert len(script.snapshot().windows) == 1000


def rules_apart(count: int) -> bytes:
    return "".join(FAILS.format(f"r{n}", "A") + f'match.key = "sk-{n}"\n' for n in range(count)).encode()


def test_the_work_of_a_check_grows_with_the_number_of_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counter[str]()

    def count(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def counting(*arguments: Any) -> Any:
            counted[name] += 1
            return function(*arguments)

        return counting

    monkeypatch.setattr(file_check, "_covers", count("covers", file_check._covers))
    monkeypatch.setattr(msgspec.inspect, "type_info", count("type_info", msgspec.inspect.type_info))
    report = check_file(rules_apart(1000))
    assert (len(report.rules), report.errors, report.warnings) == (1000, [], [])
    assert counted["covers"] == 0
    assert counted["type_info"] <= 1


@pytest.mark.parametrize("fault", [f"times = {'1' * 5000}", f"times = 0x{'f' * 5000}", f"x = {'[' * 5000}"])
def test_a_reload_that_fails_leaves_the_rules_and_is_logged(
    fault: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path / "s.toml", FAILS.format("a", "A"))
    watched = ScenarioFile(path)
    (before,) = watched.rules()
    write(path, FAILS.format("b", "B") + fault)
    assert watched.rules() == [before]
    assert watched.error is not None
    assert watched.error.startswith("line ")
    assert "the previous rules stay in force" in caplog.text


def test_a_check_that_fails_leaves_the_rules_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "s.toml", FAILS.format("a", "A"))
    watched = ScenarioFile(path)
    (before,) = watched.rules()
    monkeypatch.setattr("evolink_mock.scenarios.file.check_file", lambda *content: 1 / 0)
    write(path, FAILS.format("b", "B"))
    assert watched.rules() == [before]
    assert watched.error == "it cannot be checked: ZeroDivisionError('division by zero')"

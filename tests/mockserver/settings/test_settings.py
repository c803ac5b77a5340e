"""Settings come from flags, environment, file and defaults, in that order, and an unknown or wrong one is refused."""

import re
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from evolink_contracts.spec.sources import CONFLICTS
from evolink_mock.core.grant import Grant
from evolink_mock.settings import NAMES, KeyRule, Settings, load_settings, unknown_variables
from evolink_mock.settings.record import BOUNDS, MEDIA
from tests.support.commands import run


def write(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "evolink.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_flags_win_over_environment_over_file_over_defaults(tmp_path: Path) -> None:
    file = write(tmp_path, 'port = 1\nseed = 1\nspeed = 2.0\ngeneration_time = "5s"\n')
    environ = {"EVOLINK_MOCK_PORT": "2", "EVOLINK_MOCK_SEED": "2", "PATH": "/bin"}
    loaded = load_settings({"port": 3}, environ, file)
    assert (loaded.port, loaded.seed, loaded.speed, loaded.host) == (3, 2, 2.0, "127.0.0.1")
    assert loaded.generation_time == "5s"


def test_choices_can_be_given_in_their_own_table(tmp_path: Path) -> None:
    file = write(tmp_path, 'cancel_route = true\n[choices]\ncancelled_as = "cancelled"\noversize_status = 400\n')
    choices = load_settings(file=file).choices
    assert (choices.cancel_route, choices.cancelled_as, choices.oversize_status) == (True, "cancelled", 400)


def test_every_setting_is_an_environment_variable() -> None:
    texts = {
        "clock": "auto",
        "generation_time": "documented",
        "keys": "sk-a, sk-b",
        "log_format": "json",
        "public_url": "https://x.example/",
        "billing_rule": "per_call",
        "tls": "true",
        "balance": "1.5",
    }
    loaded = load_settings({}, {f"EVOLINK_MOCK_{name.upper()}": text for name, text in texts.items()})
    assert (loaded.clock, loaded.log_format, loaded.tls, loaded.balance) == ("auto", "json", True, 1.5)
    assert loaded.public_url == "https://x.example"
    assert list(loaded.keys) == ["sk-a", "sk-b"]
    assert loaded.choices.billing_rule == "per_call"


def test_keys_can_have_their_own_settings(tmp_path: Path) -> None:
    keys = load_settings(
        file=write(tmp_path, '[keys."sk-a"]\nbalance = 2.5\nmodels = ["wan2.6-text-to-video"]\n[keys."sk-b"]\n')
    ).keys
    assert keys["sk-a"].grant().balance == 25_000
    assert keys["sk-a"].grant().models == frozenset({"wan2.6-text-to-video"})
    assert keys["sk-b"].grant() == Grant()


def test_a_speed_implies_a_scaled_clock() -> None:
    assert load_settings({"speed": 10}).clock == "scaled"
    assert Settings(speed=10).resolved().clock == "scaled"
    with pytest.raises(ValueError, match="speed needs a scaled clock"):
        load_settings({"speed": 10, "clock": "manual"})


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({"EVOLINK_MOCK_PORT": "http"}, "EVOLINK_MOCK_PORT"),
        ({"EVOLINK_MOCK_PORT": "65536"}, "from 0 to 65535"),
        ({"EVOLINK_MOCK_CLOCK": "fast"}, "must be one of real, scaled, manual, auto; got 'fast'"),
        ({"EVOLINK_MOCK_HOST": ""}, "host must be an address"),
        ({"EVOLINK_MOCK_KEYS": "sk-a b"}, "cannot be sent as a bearer key"),
        ({"EVOLINK_MOCK_SPEED": "nan"}, "speed must be"),
        ({"EVOLINK_MOCK_SEED": "-1"}, "seed must be"),
        ({"EVOLINK_MOCK_GENERATION_TIME": "soon"}, "write quick, documented"),
        ({"EVOLINK_MOCK_TLS": "perhaps"}, "EVOLINK_MOCK_TLS"),
        ({"EVOLINK_MOCK_DEFAULT_DURATION": "16"}, "from 2 to 15"),
        ({"EVOLINK_MOCK_PUBLIC_URL": "ftp://x"}, "http or https URL"),
        ({"EVOLINK_MOCK_CANCELLED_AS": "canceled"}, "EVOLINK_MOCK_CANCELLED_AS"),
    ],
)
def test_a_wrong_variable_is_refused_by_name(environ: dict[str, str], says: str) -> None:
    with pytest.raises(ValueError, match=r"EVOLINK_MOCK|must|generation_time|keys") as refused:
        load_settings({}, environ)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("prot = 1", "did you mean 'port'?"),
        ('port = "1"', "port"),
        ("[choices]\ncanceled_as = 1", "did you mean 'cancelled_as'?"),
        ("choices = 1", "must be a table"),
        ("port = ", "not valid TOML"),
        ('[keys."sk-a"]\nbalanse = 1', "did you mean 'balance'?"),
        ('[keys."sk-a"]\nbalance = -5', "from 0 to 1,000,000,000"),
        ('[keys."sk-a"]\nbalance = nan', "from 0 to 1,000,000,000"),
        ('[keys."sk-a"]\nmodels = ["wan2.6-text-to-vido"]', "did you mean 'wan2.6-text-to-video'?"),
        ("keys = [1]", "keys must list API keys"),
    ],
)
def test_a_wrong_file_is_refused_with_the_place(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        load_settings(file=write(tmp_path, text))
    assert says in str(refused.value)


def test_an_unknown_variable_is_a_warning() -> None:
    environ = {"EVOLINK_MOCK_PROT": "1", "EVOLINK_MOCK_CONFIG": "x.toml", "EVOLINK_MOCK_SEED": "3", "PATH": "/bin"}
    assert load_settings({}, environ).seed == 3
    (warning,) = unknown_variables(environ)
    assert warning == ("'EVOLINK_MOCK_PROT' is not a known setting; did you mean 'EVOLINK_MOCK_PORT'?; it is ignored")


SERVICE = {
    "EVOLINK_MOCK_PORT": "tcp://10.96.14.7:8080",
    "EVOLINK_MOCK_SERVICE_HOST": "10.96.14.7",
    "EVOLINK_MOCK_SERVICE_PORT": "8080",
    "EVOLINK_MOCK_SERVICE_PORT_HTTP": "8080",
    "EVOLINK_MOCK_PORT_8080_TCP": "tcp://10.96.14.7:8080",
    "EVOLINK_MOCK_PORT_8080_TCP_PROTO": "tcp",
    "EVOLINK_MOCK_PORT_8080_TCP_PORT": "8080",
    "EVOLINK_MOCK_PORT_8080_TCP_ADDR": "10.96.14.7",
    "EVOLINK_MOCK_CI_SERVICE_HOST": "fd00::7",
    "EVOLINK_MOCK_CI_PORT": "udp://[fd00::7]:8080",
}
"""The variables of a Service called evolink-mock, and two of another one called evolink-mock-ci."""


def test_variables_of_a_kubernetes_service_are_one_warning_and_no_setting(tmp_path: Path) -> None:
    assert load_settings({}, SERVICE) == load_settings({}, {})
    assert load_settings({}, SERVICE, write(tmp_path, "port = 9")).port == 9
    (warning,) = unknown_variables(SERVICE)
    assert all(name in warning for name in SERVICE)
    assert "Kubernetes" in warning
    assert unknown_variables({"EVOLINK_MOCK_PORT": "8080"}) == []


@pytest.mark.parametrize("scheme", ["tcp", "udp", "sctp"])
def test_a_port_of_any_protocol_of_kubernetes_is_no_setting(scheme: str) -> None:
    assert load_settings({}, {"EVOLINK_MOCK_PORT": f"{scheme}://10.0.0.1:1"}).port == 8080
    with pytest.raises(ValueError, match="EVOLINK_MOCK_PORT"):
        load_settings({}, {"EVOLINK_MOCK_PORT": "http://10.0.0.1:1"})


@pytest.mark.parametrize("command", [["settings"], ["doctor", "https://app.example.com/", "--dry-run"], ["cert"]])
def test_every_command_runs_beside_a_kubernetes_service(tmp_path: Path, command: list[str]) -> None:
    if command == ["cert"]:
        command = ["cert", "app.example.com", "--out", str(tmp_path)]
    done = run(*command, **SERVICE, EVOLINK_MOCK_AUTHORITY=str(tmp_path / "authority"))
    assert "Kubernetes" in done.stderr
    # A callback URL without a route is a finding of doctor, not a mistake.
    assert done.exit_code == (1 if command[0] == "doctor" else 0), done.output


def test_keys_of_a_flag_overrule_malformed_ones(tmp_path: Path) -> None:
    file = write(tmp_path, '[keys."sk-a"]\nbalance = 2\n[keys."sk-b"]\nbalance = "much"\n')
    keys = load_settings({"keys": ("sk-a",)}, {"EVOLINK_MOCK_KEYS": "sk-a=1"}, file).keys
    assert (list(keys), keys["sk-a"].balance) == (["sk-a"], 2)
    assert list(load_settings({"keys": ("sk-a",)}, file=write(tmp_path, "keys = [1]")).keys) == ["sk-a"]


def test_a_flag_outranks_a_malformed_variable_and_both_outrank_a_malformed_file(tmp_path: Path) -> None:
    file = write(tmp_path, 'port = "http"\nseed = "x"\n')
    environ = {"EVOLINK_MOCK_PORT": "http", "EVOLINK_MOCK_SEED": "4"}
    loaded = load_settings({"port": 3}, environ, file)
    assert (loaded.port, loaded.seed) == (3, 4)
    assert load_settings({"port": 3}, assignments={"port": ["5"]}).port == 5


@pytest.mark.parametrize("name", [name for name in NAMES if name != "keys"])
def test_every_error_names_the_setting_and_its_source(tmp_path: Path, name: str) -> None:
    """A value of the wrong type, in a file, as a variable, and by `--set`."""
    is_text = get_type_hints(Settings).get(name) is str or name == "not_found_code"
    wrong = "[]" if is_text else '"\\u0007 perhaps"'
    file = write(tmp_path, f"{name} = {wrong}\n")
    with pytest.raises(ValueError, match=r".") as refused:
        load_settings(file=file)
    assert str(refused.value).startswith(f"{file}: line 1: {name}")
    if is_text:
        return
    with pytest.raises(ValueError, match=r".") as refused:
        load_settings({}, {f"EVOLINK_MOCK_{name.upper()}": "\a perhaps"})
    assert str(refused.value).startswith(f"EVOLINK_MOCK_{name.upper()}")
    with pytest.raises(ValueError, match=r".") as refused:
        load_settings(assignments={name: ["\a perhaps"]})
    assert str(refused.value).startswith(f"--set {name}: {name}")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("port = 65536", "{file}: line 1: port must be from 0 to 65535; got 65536"),
        ('port = "x"', "{file}: line 1: port must be an integer from 0 to 65535; got 'x'"),
        ('tls = "x"', "{file}: line 1: tls must be true or false; got 'x'"),
        ("default_duration = 16", "{file}: line 1: default_duration must be from 2 to 15; got 16"),
        (
            '[keys."sk-poor-one"]\nbalance = "much"',
            "{file}: line 2: keys: balance of sk-p…e must be a number from 0 to 1,000,000,000; got 'much'",
        ),
        (
            '[keys."sk-poor-one"]\nrequests_per_minute = 0',
            "{file}: line 2: keys: requests_per_minute of sk-p…e must be from 1 to 1,000,000; got 0",
        ),
        (
            '[keys."sk-poor-one"]\nmodels = "x"',
            "{file}: line 2: keys: models of sk-p…e must be a list of texts; got 'x'",
        ),
        (
            '[keys."sk-poor-one"]\nbalanse = 1',
            "{file}: line 2: keys: of sk-p…e: 'balanse' is not a known setting of a key; did you mean 'balance'?",
        ),
        (
            'generation_tim = "5s"',
            "{file}: line 1: 'generation_tim' is not a known setting; did you mean 'generation_time'?",
        ),
    ],
)
def test_an_error_of_a_file_says_what_would_be_right(tmp_path: Path, given: str, says: str) -> None:
    file = write(tmp_path, given)
    with pytest.raises(ValueError, match=r".") as refused:
        load_settings(file=file)
    assert str(refused.value).startswith(says.format(file=file))


MANY_MISTAKES = """\
port = 65536
clok = "manual"
clock = "manul"
forward_to = "x"
generation_time = "soon"
callback_route = "x"
speed = 2

[choices]
not_found_code = ""
cancelled_as = "gone"

[keys."sk-poor-one"]
balance = "much"
models = ["wan"]
[keys."sk-rich-one"]
scenario = "create=rate_limitd"
concurrent_tasks = 0
"""


def test_every_mistake_of_a_file_is_named_by_line_with_values_that_would_be_right(tmp_path: Path) -> None:
    file = write(tmp_path, MANY_MISTAKES)
    with pytest.raises(ValueError, match=r".") as refused:
        load_settings({"seed": "x"}, {"EVOLINK_MOCK_TLS": "perhaps"}, file)
    lines = str(refused.value).splitlines()
    expected = [
        (1, "port must be from 0 to 65535; got 65536"),
        (2, "'clok' is not a known setting; did you mean 'clock'?"),
        (3, "clock must be one of real, scaled, manual, auto; got 'manul'; did you mean 'manual'?"),
        (4, "forward_to: 'x' is not a target for callbacks"),
        (5, "generation_time: "),
        (6, "callback_route"),
        (10, "not_found_code must be of 1 to 100 characters; got ''"),
        (11, "cancelled_as must be one of "),
        (14, "keys: balance of sk-p…e must be a number from 0 to 1,000,000,000; got 'much'"),
        (15, "keys: models of sk-p…e: 'wan' is not a known model; known: wan2.6-"),
        (17, "keys: scenario of sk-r…e: 'rate_limitd' is not a known value of create; did you mean 'rate_limited'?"),
        (18, "keys: concurrent_tasks of sk-r…e must be from 1 to 1,000,000; got 0"),
    ]
    for line, (number, says) in zip(lines, expected, strict=False):
        assert line.startswith(f"{file}: line {number}: {says}")
    assert len(lines) == len(expected) + 2
    assert lines[-2].startswith("EVOLINK_MOCK_TLS: tls must be true or false")
    assert lines[-1].startswith("--seed: seed must be ")


def test_a_key_without_a_mistake_of_type_is_checked_in_full_and_hides_no_other_setting(tmp_path: Path) -> None:
    file = write(tmp_path, 'only_keys = true\nport = -1\n[keys."sk-a"]\nmodels = ["wan"]\nbalance = -1\n[keys.""]\n')
    with pytest.raises(ValueError, match=r".") as refused:
        load_settings(file=file)
    places = [line.removeprefix(f"{file}: line ").split(": ", 2)[:2] for line in str(refused.value).splitlines()]
    assert [place for place, _ in places] == ["2", "4", "5", "6"]


def test_a_scenario_file_is_named_as_such(tmp_path: Path) -> None:
    file = write(tmp_path, '[[rule]]\nscenario = "fail=service_error"\n')
    shown = run("settings", "--config", str(file))
    assert shown.exit_code == 2
    assert f"{file}: line 1: [[rule]] belongs in a scenario file: give that with --scenarios" in shown.output
    assert f"evolink-mock check {file}" in shown.output
    assert run("check", str(file)).exit_code == 0


def test_an_assignment_of_an_unknown_name_gets_the_nearest_names_and_not_all() -> None:
    with pytest.raises(ValueError, match="--set foo: 'foo' is not a known setting") as refused:
        load_settings(assignments={"foo": ["1"]})
    assert sum(name in str(refused.value) for name in NAMES) <= 5
    assert "`evolink-mock settings` lists them all" in str(refused.value)


def test_a_missing_file_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot read the settings file"):
        load_settings(file=Path("/nowhere/evolink.toml"))


def test_refusals_never_repeat_a_secret() -> None:
    with pytest.raises(ValueError, match="keys") as refused:
        load_settings({"keys": {"sk-very-secret": {"balance": "much"}}})
    assert "very-secret" not in str(refused.value)


def test_resolved_settings_stay_as_they_are() -> None:
    given = Settings(
        speed=2,
        callback_route={"https://App.example.com:443/": "HTTP://127.0.0.1:3000/"},
        forward_to="http://LOCALHOST:4000",
        public_url="http://emulator.test/",
    )
    resolved = given.resolved()
    assert resolved.callback_route == {"https://app.example.com": "http://127.0.0.1:3000"}
    assert (resolved.forward_to, resolved.public_url) == ("http://localhost:4000", "http://emulator.test")
    assert resolved.resolved() == resolved


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"port": 65536}, "port must be from 0 to 65535; got 65536"),
        ({"speed": 0.0001}, "speed must be from 0.001 to 100000; got 0.0001"),
        ({"seed": 2**63}, "seed must be from 0 to 2^63 - 1"),
        ({"max_body": 1023}, "max_body must be from 1 KiB to 64 MiB"),
        ({"task_limit": 0}, "task_limit must be from 1 to 100,000,000; got 0"),
        ({"callback_concurrency": 10_001}, "callback_concurrency must be from 1 to 10,000; got 10001"),
        ({"clock_start": -1}, "clock_start must be Unix seconds up to the year 2100; got -1"),
        ({"balance": -1.0}, "balance must be from 0 to 1,000,000,000; got -1.0"),
        *(
            ({"public_url": url}, f"public_url must be an http or https URL; got {url!r}")
            for url in ("http://x y", "http://x\n", "http://", "http://x\x00", " http://x", "\n")
        ),
        *(
            ({"host": host}, f"host must be an address, such as 127.0.0.1; got {host!r}")
            for host in ("\n", "", " ", "127.0.0.1\n", "a b", "\x00")
        ),
        ({"port": 10**5000}, "port must be from 0 to 65535; got an integer of 16610 bits"),
        ({"speed": 10**5000}, "speed must be a number, from 0.001 to 100000; got an integer of 16610 bits"),
        ({"clock": [10**5000]}, "clock must be one of real, scaled, manual, auto; got a value of type list"),
        ({"public_url": "http:/x"}, "public_url must be an http or https URL; got 'http:/x'"),
        ({"forward_to": "x"}, "forward_to: 'x' is not a target for callbacks"),
        ({"keys": {"sk-0123456789": KeyRule(concurrent_tasks=0)}}, "keys: concurrent_tasks of sk-0…89 must be from 1"),
    ],
)
def test_wrong_settings_are_refused_at_construction(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        Settings(**given)


def test_names_are_unique_lower_case_identifiers() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert all(name.isidentifier() and name == name.lower() for name in NAMES)


LONG = {"decimal": "1" * 5000, "hexadecimal": f"0x{'f' * 5000}", "list": f"[0x{'f' * 5000}]", "nested": "[" * 5000}


@pytest.mark.parametrize("value", LONG)
@pytest.mark.parametrize(
    "name", ["port", "speed", "host", "clock", "control_token", "keys", "callback_route", "no_such"]
)
def test_a_file_with_a_huge_value_is_refused_with_its_name(tmp_path: Path, name: str, value: str) -> None:
    file = tmp_path / "evolink.toml"
    file.write_text(f"seed = 1\n{name} = {LONG[value]}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r".") as refused:
        load_settings({}, {}, file)
    shown = str(refused.value)
    beginnings = {
        "decimal": "line 2: it is not valid TOML",
        "nested": "line 2: its lists or tables are nested more than",
    }
    assert shown.startswith(f"{file}: {beginnings.get(value, '')}")
    assert "set_int_max_str_digits" not in shown
    assert len(shown) < len(str(file)) + 300


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    file = tmp_path / "evolink.toml"
    file.write_bytes("\ufeffport = 7\n".encode())
    assert load_settings({}, {}, file).port == 7


@pytest.mark.parametrize("name", ["port", "speed", "seed", "clock_start", "balance"])
def test_a_huge_variable_is_refused_with_its_name(name: str) -> None:
    variable = f"EVOLINK_MOCK_{name.upper()}"
    with pytest.raises(ValueError, match=f"^{variable}: {name} must be"):
        load_settings({}, {variable: "1" * 5000})


@pytest.mark.parametrize(
    "name", [name for name, each in BOUNDS.items() if re.search("iB|second|day|year ", each.words)]
)
def test_a_bound_with_a_unit_says_in_which_unit_a_value_is_given(name: str) -> None:
    words = BOUNDS[name].words
    assert "bytes" in words or "seconds" in words or words.startswith("Unix seconds")
    if (numbers := re.search(r"\(([\d,]+) to ([\d,]+)\)|from ([\d,]+) to ([\d,]+) seconds", words)) is not None:
        low, high = (int(each.replace(",", "")) for each in numbers.groups() if each)
        for value in (low, high):
            load_settings({name: str(value)})
        for value in (low - 1, high + 1):
            with pytest.raises(ValueError, match=name):
                load_settings({name: str(value)})


@pytest.mark.parametrize(("name", "value"), [("max_body", "1MiB"), ("media_limit", "1 GiB"), ("body_timeout", "5m")])
def test_a_text_with_a_unit_is_refused_with_the_unit_that_is_meant(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=rf"must be an integer from .*, in (bytes|seconds) \(.*; got '{value}'"):
        load_settings(assignments={name: [value]})


@pytest.mark.parametrize(
    "table",
    ["[callback_route]", pytest.param("[media_route]", marks=pytest.mark.skipif(not MEDIA, reason="the extra media"))],
)
def test_every_mistake_of_a_table_of_routes_is_named_by_its_line(table: str, tmp_path: Path) -> None:
    rows = ('"https://a.example.com" = "http://127.0.0.1:3000"', '"nonsense" = "http://127.0.0.1:1"')
    file = write(tmp_path, "\n".join(("port = 1", "", table, *rows, '"https://c.example.com" = "ftp://x"', "")))
    with pytest.raises(ValueError, match=r".") as refused:
        load_settings(file=file)
    lines = [re.search(r"line (\d+): (\w+)", line) for line in str(refused.value).splitlines()]
    assert [each.groups() for each in lines if each] == [("5", table[1:-1]), ("6", table[1:-1])]
    rows = ('"https://a.example.com" = "http://127.0.0.1:3000"', '"https://b.example.com" = 3000')
    file = write(tmp_path, "\n".join((table, *rows, '"https://c.example.com" = true', "")))
    with pytest.raises(ValueError, match=r".") as refused:
        load_settings(file=file)
    lines = [re.search(r"line (\d+): (\w+) of (\S+) must be text", line) for line in str(refused.value).splitlines()]
    assert [each[1] for each in lines if each] == ["3", "4"]


def test_the_open_questions_of_the_api_are_listed_after_the_settings() -> None:
    questions = [name in CONFLICTS for name in NAMES]
    assert questions == sorted(questions)
    assert NAMES[:2] == ("host", "port")


def test_a_mistake_in_a_list_of_routes_is_named_by_the_line_of_its_item(tmp_path: Path) -> None:
    items = (
        "https://a.example.com=http://127.0.0.1:3000",
        "nonsense=http://127.0.0.1:1",
        "https://c.example.com=ftp://x",
    )
    text = "callback_route = [\n" + "".join(f'  "{item}",\n' for item in items) + "]\n"
    with pytest.raises(ValueError, match=r".") as refused:
        load_settings(file=write(tmp_path, text))
    assert re.findall(r"line (\d+): callback_route", str(refused.value)) == ["3", "4"]
    with pytest.raises(ValueError, match=r".") as refused:
        load_settings(file=write(tmp_path, text.replace("nonsense=", "nonsense ").replace("=ftp", " ftp")))
    assert re.findall(r"line (\d+): callback_route", str(refused.value)) == ["3", "4"]

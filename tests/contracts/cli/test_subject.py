"""A report names the service that was checked, or says that it is about a recording; one that covers nothing fails."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import fromstring

import pytest

from evolink_contracts.trace import Call, Header, read_recording, write_trace
from tests.support.kit_command import kit
from tests.support.server_process import Server

FORMS = ("text", "markdown", "html", "json", "junit")
CREDITS = {
    "kind": "call",
    "at": 1.0,
    "method": "GET",
    "path": "/v1/credits",
    "status": 200,
    "answer": "{}",
    "headers": {},
}
UNCOVERED = {"kind": "call", "at": 1.0, "method": "GET", "path": "/favicon.ico", "status": 200}
HEADER = {
    "kind": "header",
    "base_url": "https://user:pw@proxy.example/x/?token=sec#f",
    "recorded": "2026-11-29T03:10:00Z",
}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server("--generation-time", "5s") as server:
        yield server


def written(tmp_path: Path, *lines: object) -> str:
    file = tmp_path / "trace.jsonl"
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    return str(file)


def test_a_run_names_its_service_and_records_it_without_secrets(server: Server, tmp_path: Path) -> None:
    trace, report = tmp_path / "trace.jsonl", tmp_path / "report"
    secret = server.url.replace("http://", "http://user:pa55@") + "/?token=s3cret"
    ran = kit("run", "--base-url", secret, "--api-key", "sk-a", "--profile", "live-safe", "--trace", str(trace))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert f"\nAgainst {server.url}.\n" in ran.stdout
    assert "Warning: --base-url: credentials, a query and a fragment in the URL are not sent" in ran.stderr
    first = json.loads(trace.read_text(encoding="utf-8").splitlines()[0])
    assert (first["kind"], first["base_url"]) == ("header", server.url)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", first["recorded"])
    for form in FORMS:
        checked = kit("check", str(trace), "--format", form, "--out", str(report))
        assert checked.returncode == 0
        shown = report.read_text(encoding="utf-8")
        assert server.url in shown
        assert first["recorded"] in shown
        assert not {"pa55", "s3cret"} & set(re.findall(r"\w+", shown + ran.stdout + ran.stderr))
    drifted = kit("drift", str(trace))
    assert f"A recording of {server.url}, {first['recorded']} was compared with the emulator." in drifted.stdout


@pytest.mark.parametrize("form", FORMS)
def test_an_old_recording_is_of_an_unknown_service(form: str, tmp_path: Path) -> None:
    ran = kit("check", written(tmp_path, CREDITS), "--format", form)
    assert ran.returncode == 1
    assert "api.evolink.ai" not in ran.stdout
    if form == "json":
        found = json.loads(ran.stdout)
        assert (found["base_url"], found["recorded"]) == (None, None)
    else:
        assert "Against a recording." in ran.stdout
        assert "$EVOLINK_BASE_URL" in ran.stdout.replace("&quot;", '"')
    drifted = kit("drift", written(tmp_path, CREDITS), "--format", "json")
    assert json.loads(drifted.stdout)["base_url"] is None
    assert "api.evolink.ai" not in drifted.stdout


def test_a_header_of_another_program_is_shown_without_its_secrets(tmp_path: Path) -> None:
    ran = kit("check", written(tmp_path, HEADER, CREDITS))
    assert "Against a recording of https://proxy.example/x, 2026-11-29T03:10:00Z." in ran.stdout
    assert not {"pw", "sec"} & set(re.findall(r"\w+", ran.stdout))
    suite = fromstring(kit("check", written(tmp_path, HEADER, CREDITS), "--format", "junit").stdout)
    prop = suite.find("properties/property[@name='base_url']")
    assert prop is not None
    assert prop.get("value") == "https://proxy.example/x"


@pytest.mark.parametrize(
    ("lines", "base_url"),
    [
        ((HEADER, CREDITS, HEADER, CREDITS), "https://proxy.example/x"),
        ((HEADER, CREDITS, {**HEADER, "base_url": "https://other.example"}, CREDITS), None),
        ((CREDITS, HEADER, CREDITS), None),
        (({"kind": "header"}, CREDITS), None),
    ],
)
def test_files_that_were_put_together_name_a_service_only_if_they_agree(
    lines: tuple[object, ...], base_url: str | None
) -> None:
    assert read_recording(map(json.dumps, lines)).header.base_url == base_url


def test_a_header_is_written_and_read_again() -> None:
    lines = [
        *write_trace([Call(0, "GET", "/v1/credits", 200)], Header("http://u:p@a.test/?x=1", "2026-11-29T03:10:00Z"))
    ]
    assert "u:p" not in lines[0]
    assert read_recording(lines).header == Header("http://a.test", "2026-11-29T03:10:00Z")


EMPTY = {
    "zero bytes": "",
    "blank lines": "\n  \n\n",
    "only a header": json.dumps(HEADER) + "\n",
    "nothing covered": json.dumps(UNCOVERED) + "\n",
}


@pytest.mark.parametrize("text", EMPTY.values(), ids=EMPTY.keys())
@pytest.mark.parametrize("command", ["check", "drift"])
def test_an_empty_recording_does_not_pass(command: str, text: str, tmp_path: Path) -> None:
    file = tmp_path / "trace.jsonl"
    file.write_text(text, encoding="utf-8")
    ran = kit(command, str(file))
    assert (ran.returncode, ran.stderr.count("Error: ")) == (3, 1), ran.stdout
    assert re.search("nothing (to check|was checked)|no call that could be compared", ran.stderr)


def test_a_selection_that_covers_nothing_does_not_pass(server: Server, tmp_path: Path) -> None:
    recording = written(tmp_path, CREDITS)
    ran = kit("check", recording, "--only", "VC-040", "--format", "junit")
    assert ran.returncode == 3
    assert "no call or callback of this recording is covered by a chosen promise" in ran.stderr
    assert fromstring(ran.stdout).get("errors") == "1"
    ran = kit("check", recording, "--only", "VC-040", "--skip", "VC-040")
    assert ran.returncode == 3
    assert "--only and --skip leave no promise to check" in ran.stderr
    run = ("run", "--base-url", server.url, "--api-key", "sk-none")
    ran = kit(*run, "--profile", "live-safe", "--only", "VC-040")
    assert ran.returncode == 3
    assert "nothing was checked: no call or callback of this run" in ran.stderr
    history = tmp_path / "history.json"
    for steps in ("[]", '{"steps": []}'):
        history.write_text(steps, encoding="utf-8")
        ran = kit(*run, "--replay", str(history))
        assert ran.returncode == 3
        assert "the history has no step, so there is nothing to check" in ran.stderr


@pytest.mark.parametrize("form", FORMS)
def test_what_failed_comes_first(form: str, tmp_path: Path) -> None:
    ran = kit("check", written(tmp_path, CREDITS), "--format", form)
    first = re.search(r"VC-\d\d\d", ran.stdout)
    assert first is not None
    assert first[0] == "VC-034"
    assert ran.stdout.index("VC-082") < ran.stdout.index("VC-001")

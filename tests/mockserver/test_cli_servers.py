"""The commands at servers that are no emulators, or hostile ones: a line within the time, and no control characters."""

import json
from pathlib import Path

import pytest

from evolink_mock.cli import main
from tests.support.commands import ran, refused
from tests.support.hostile_servers import SLOW, Play, endless, gzipped, hostile, says
from tests.support.receivers import whole

ODD = "a\x1b]0;title\x07b\x9b31mc\x7fd\re\u202ef"
CONTROL = {chr(code) for code in (*range(10), *range(11, 32), *range(127, 160), *range(0xD800, 0xE000))}
ODD_STORY = {"task": ODD, "story": [{"at": 1, "after": "1s", "about": ODD, "says": ODD}], ODD: [ODD]}
ODD_ERROR = {"error": {"type": "mock_control_error", "code": ODD, "message": ODD}}


@pytest.mark.parametrize(
    "answer",
    [
        whole(200, json.dumps(ODD_STORY).encode()),
        whole(200, json.dumps(ODD_STORY, ensure_ascii=False).encode()),
        whole(400, json.dumps(ODD_ERROR).encode()),
        whole(200, b'{"story": "' + b"\\ud800" + b'"}'),
        whole(502, ODD.encode()),
        ODD.encode() + b"\r\n\r\n",
    ],
    ids=["story", "raw story", "error", "half a surrogate", "text", "no HTTP"],
)
@pytest.mark.parametrize("command", [("explain", "t"), ("explain", "t", "--json"), ("health",)], ids=" ".join)
def test_no_server_controls_the_terminal(command: tuple[str, ...], answer: bytes) -> None:
    with hostile(says(answer)) as url:
        done = ran(main, *command, "--url", url)
    assert not CONTROL & set(done.stdout + done.stderr)
    if "--json" in command and done.returncode == 0:
        assert json.loads(done.stdout) == ODD_STORY


@pytest.mark.parametrize("command", [("explain", "t"), ("explain", "t", "--json")], ids=" ".join)
@pytest.mark.parametrize(
    "body",
    [
        b'{"story": [], "more": ' + b"[" * 990 + b"]" * 990 + b"}",
        b'{"story": [{"after": "1s", "about": "a", "says": "b", "at": 1e999}]}',
        b'{"story": [{"after": "1s", "about": "a", "says": "b", "at": 1' + b"0" * 400 + b"}]}",
        b'{"story": [{"after": "1' + b"0" * 400 + b's", "about": "a", "says": "b"}]}',
    ],
    ids=["deep", "infinite", "digits", "late"],
)
def test_explain_ends_with_a_line_at_whatever_answers(command: tuple[str, ...], body: bytes) -> None:
    with hostile(says(whole(200, body))) as url:
        done = ran(main, *command, "--url", url)
    assert done.returncode in (0, 1)
    assert done.returncode == 0 or done.stderr.startswith(f"Error: {url}")


@pytest.mark.parametrize("slow", SLOW)
def test_no_drip_and_no_flood_stretches_a_health_check(slow: str) -> None:
    with hostile(SLOW[slow](b'{"ready": true}')) as url:
        done = ran(main, "health", "--url", url, "--timeout", "0.4")
    assert done.returncode == 1
    assert "it took longer than 0.4 s" in done.stderr
    assert not url.completed


@pytest.mark.parametrize(
    ("play", "why"),
    [
        (endless, "its response to /__mock/ready has more than 16,777,216 bytes"),
        (
            says(whole(200, gzipped(2**27), "Content-Encoding: gzip")),
            "its response to /__mock/ready is compressed, which was not requested",
        ),
    ],
    ids=["endless", "gzip"],
)
def test_a_response_of_the_control_api_is_bounded(play: Play, why: str) -> None:
    with hostile(play) as url:
        done = ran(main, "health", "--url", url, "--timeout", "60")
    assert (done.returncode, why in done.stderr) == (1, True), done.stderr


@pytest.mark.parametrize("name", ["host", "ready_file", "state", "scenarios", "authority", "callback_ca", "public_url"])
def test_a_name_with_the_character_nul_is_named(name: str, tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(f'port = 0\n{name} = "a\\u0000b"\n')
    said = refused("--config", str(file))
    assert f"{file}: line 2: {name} must be " in said
    assert "a\\x00b" in said

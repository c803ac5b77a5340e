"""Byte-order marks: every file that the commands read may have them, and a file in UTF-16 is refused by that name."""

import json
import ssl
from pathlib import Path

import httpx
import pytest
import trustme

from evolink_contracts.target.listener import Certificate, Listener
from evolink_contracts.target.webhook import Webhook
from evolink_mock.settings import Settings
from evolink_mock.tls import TrustStore
from tests.support.certificates import HOST, certificate
from tests.support.commands import refused, run
from tests.support.kit_command import kit
from tests.support.mutated_emulators import served

MARK = b"\xef\xbb\xbf"
WIDE = ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le"]
RULES = '[[rule]]\nname = "a"\nscenario = "create=rate_limited"\n'


def foreign() -> bytes:
    return trustme.CA().cert_pem.bytes()


def widened(file: Path, encoding: str) -> str:
    """Save a file in another encoding; its name without variants."""
    file.write_bytes(file.read_bytes().decode().encode(encoding))
    return encoding.upper()[:6]


def subjects(context: ssl.SSLContext) -> int:
    return len(context.get_ca_certs())


@pytest.mark.parametrize(
    ("name", "text", "command"),
    [("settings.toml", "balance = 7\n", ("settings", "--config")), ("rules.toml", RULES, ("check",))],
)
def test_settings_and_scenarios(name: str, text: str, command: tuple[str, ...], tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    plain = run(*command, str(file))
    file.write_bytes(MARK + file.read_bytes())
    assert run(*command, str(file)).output == plain.output
    assert plain.exit_code == 0
    for encoding in WIDE:
        file.write_text(text, encoding=encoding)
        result = run(*command, str(file))
        assert result.exit_code != 0
        assert f"it is in {encoding.upper()[:6]}; save it in UTF-8" in result.output


@pytest.mark.parametrize("joined", ["alone", "first", "middle", "everywhere", "with a comment"])
def test_every_authority_of_callback_ca_counts(joined: str, tmp_path: Path) -> None:
    right = foreign()
    contents = {
        "alone": (MARK + right, 1),
        "first": (MARK + right + foreign(), 2),
        "middle": (foreign() + MARK + right, 2),
        "everywhere": (MARK + foreign() + b"\r\n" + MARK + right, 2),
        "with a comment": (MARK + "# Büro-CA é\r\n".encode() + right.replace(b"\n", b"\r\n"), 1),
    }
    content, count = contents[joined]
    file = tmp_path / "ca.pem"
    file.write_bytes(content)
    without = subjects(TrustStore(Settings(authority=str(tmp_path))).context())
    trusted = TrustStore(Settings(authority=str(tmp_path), callback_ca=str(file))).context()
    assert subjects(trusted) == without + count


@pytest.mark.parametrize("encoding", WIDE)
def test_authorities_in_utf_16_are_refused(encoding: str, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_bytes(foreign())
    shown = widened(file, encoding)
    assert f"{file} is in {shown}; save it in UTF-8" in refused("--callback-ca", str(file)).replace("\n", "")


def test_a_broken_certificate_after_a_mark_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_bytes(MARK + foreign() + foreign()[:200])
    assert "must have certificates as PEM" in refused("--callback-ca", str(file))


def test_the_emulators_own_authority(tmp_path: Path) -> None:
    command = "cert", HOST, "--out", str(tmp_path / "out")
    assert run(*command, EVOLINK_MOCK_AUTHORITY=str(tmp_path)).exit_code == 0
    for name in ("evolink-mock-ca.pem", "evolink-mock-ca.key"):
        (tmp_path / name).write_bytes(MARK + (tmp_path / name).read_bytes())
    again = run(*command, EVOLINK_MOCK_AUTHORITY=str(tmp_path))
    assert again.exit_code == 0, again.output
    without = subjects(TrustStore(Settings(authority=str(tmp_path / "none"))).context())
    assert subjects(TrustStore(Settings(authority=str(tmp_path))).context()) == without + 1


def test_the_authorities_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "ca.pem"
    file.write_bytes(MARK + foreign() + foreign())
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    assert subjects(TrustStore(Settings(authority=str(tmp_path))).context()) == 2
    widened(file, "utf-16")
    with pytest.raises(ssl.SSLError, match=r"SSL_CERT_FILE.* is in UTF-16; save it in UTF-8"):
        TrustStore(Settings(authority=str(tmp_path))).context()


@pytest.mark.parametrize("marked", ["chain", "key", "both"])
def test_the_certificate_of_the_kits_listener(marked: str, tmp_path: Path) -> None:
    own, ca = certificate(tmp_path)
    for name in ("chain", "key") if marked == "both" else (marked,):
        file: Path = getattr(own, name)
        file.write_bytes(MARK + file.read_bytes())
    with (
        Listener(Webhook(), "127.0.0.1", 0, own) as listener,
        httpx.Client(base_url=listener.url, verify=ssl.create_default_context(cafile=ca)) as client,
    ):
        answer = client.post("/1/204", content=b"{}", extensions={"sni_hostname": HOST})
    assert answer.status_code == 204


@pytest.mark.parametrize("encoding", WIDE)
def test_a_certificate_of_the_listener_in_utf_16_is_refused(encoding: str, tmp_path: Path) -> None:
    own, _ = certificate(tmp_path)
    shown = widened(own.key, encoding)
    with pytest.raises(OSError, match=f"key.pem is in {shown}; save it in UTF-8"):
        Listener(Webhook(), "127.0.0.1", 0, Certificate(*own))


def test_saved_histories(tmp_path: Path) -> None:
    history = tmp_path / "history.json"
    steps: list[dict[str, object]] = [{"do": "create", "fields": {}, "outcome": None, "answers": None}]
    history.write_bytes(MARK + json.dumps(steps).encode())
    with served() as url:
        given = ("run", "--base-url", url, "--api-key", "sk-bom", "--only", "VC-083", "--replay", str(history))
        assert kit(*given).returncode == 0
        for encoding in WIDE:
            history.write_text(json.dumps(steps), encoding=encoding)
            refusal = kit(*given)
            assert refusal.returncode == 2
            assert f"it is in {encoding.upper()[:6]}; save it in UTF-8" in refusal.stderr.replace("\n", " ")


def test_recordings(tmp_path: Path) -> None:
    trace = tmp_path / "trace.jsonl"
    with served() as url:
        kit("run", "--base-url", url, "--api-key", "sk-bom", "--only", "VC-010", "--trace", str(trace))
    recorded = trace.read_bytes()
    header, _, events = recorded.partition(b"\n")
    first, _, others = events.partition(b"\n")
    plain = kit("check", str(trace)).stdout
    # Joined parts have a mark each.
    trace.write_bytes(MARK + (header + b"\n" + MARK + first + b"\n" + MARK + others).replace(b"\n", b"\r\n") + MARK)
    assert kit("check", str(trace)).stdout == plain
    for encoding in WIDE:
        trace.write_bytes(recorded.decode().encode(encoding))
        for command in ("check", "drift"):
            refusal = kit(command, str(trace))
            assert refusal.returncode == 3
            assert f"{trace}: it is in {encoding.upper()[:6]}; save it in UTF-8" in refusal.stderr


def test_a_recording_in_latin_1_names_the_line(tmp_path: Path) -> None:
    trace = tmp_path / "trace.jsonl"
    trace.write_bytes(b'{"kind": "header"}\n{"kind": "\xe9"}\n')
    assert "line 2 is not UTF-8: it has the byte 0xe9" in kit("check", str(trace)).stderr

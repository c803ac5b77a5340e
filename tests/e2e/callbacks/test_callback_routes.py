"""Where callbacks go is said by flags, environment or file, and a route that is none is refused at once."""

from pathlib import Path

import httpx
import pytest
import trustme

from evolink_mock.settings import load_settings
from tests.support.commands import doctor, refused, run
from tests.support.emulator import Emulator
from tests.support.receivers import Receiver
from tests.support.server_process import Server
from tests.support.webhook_receiver import until

TARGET = "/hooks/video?secret=a%2Fb"
ELSEWHERE = "https://other.example.com=http://127.0.0.1:1"


def test_routes_come_from_flags_environment_and_file_alike(tmp_path: Path) -> None:
    file = tmp_path / "evolink.toml"
    with Receiver(200) as receiver:
        file.write_text(f'[callback_route]\n"{receiver.origin}" = "{receiver.place}"\n', encoding="utf-8")
        url = f"{receiver.origin}/"
        tried = [
            doctor(url, "--callback-route", ELSEWHERE, "--forward-to", receiver.place),
            doctor(url, EVOLINK_MOCK_CALLBACK_ROUTE=receiver.route),
            doctor(url, EVOLINK_MOCK_FORWARD_TO=f"{receiver.place}/"),
            doctor(url, "--config", str(file)),
            doctor(url, EVOLINK_MOCK_CONFIG=str(file)),
            doctor(
                url, "--callback-route", receiver.route, EVOLINK_MOCK_CALLBACK_ROUTE=f"{receiver.origin}=http://x.test"
            ),
        ]
    assert [code for code, _ in tried] == [0] * len(tried)


def test_a_server_takes_its_routes_from_environment_and_file(tmp_path: Path) -> None:
    file = tmp_path / "evolink.toml"
    with Receiver(200) as one, Receiver(200) as other:
        file.write_text(f'[callback_route]\n"{other.origin}" = "{other.place}"\n', encoding="utf-8")
        both = {"EVOLINK_MOCK_CALLBACK_ROUTE": f"{one.route}, {other.route}"}
        for environ, receivers in ((both, (one, other)), ({"EVOLINK_MOCK_CONFIG": str(file)}, (other,))):
            with Server("--clock", "auto", environ=environ) as server, httpx.Client(base_url=server.url) as client:
                emulator = Emulator(client)
                for receiver in receivers:
                    task = emulator.create(callback_url=f"{receiver.origin}{TARGET}")
                    until(emulator, task=task, status="delivered")
                    assert task.encode() in receiver.received[-1].body
        assert [received.target for received in other.received] == [TARGET] * 2


EXAMPLE = "takes ORIGIN=DESTINATION, such as https://app.example.com=http://127.0.0.1:3000"
ORIGIN = "a route takes a whole origin, such as https://app.example.com"
MISTAKES = [
    ("app.example.com", EXAMPLE),
    ("app.example.com=http://127.0.0.1:3000", ORIGIN),
    ("http://app.example.com=http://127.0.0.1:3000", ORIGIN),
    (
        "https://app.example.com/hooks=http://127.0.0.1:3000",
        "has a path; a route takes a whole origin, such as https://",
    ),
    (
        "https://app.example.com=http://127.0.0.1:3000/hooks",
        "write http://HOST:PORT or https://HOST:PORT, without a path",
    ),
    ("https://app.example.com=127.0.0.1:3000", "write http://HOST:PORT or https://HOST:PORT"),
    ("https://app.example.com=http://127.0.0.1:65536", "write http://HOST:PORT"),
    ("https://app.example.com=http://127.0.0.1:0", "write http://HOST:PORT"),
    ("https://app.example.com=", "write http://HOST:PORT"),
    ("https://app.example.com:x=http://127.0.0.1:3000", ORIGIN),
    ("https://user@app.example.com=http://127.0.0.1:3000", ORIGIN),
]


@pytest.mark.parametrize(("route", "says"), MISTAKES)
def test_a_route_that_is_none_is_refused_with_what_would_be_right(route: str, says: str) -> None:
    refused = run("doctor", "https://app.example.com/", "--callback-route", route)
    assert refused.exit_code == 2
    assert says in refused.output
    assert "callback_route" in refused.output
    with pytest.raises(ValueError, match=r"(?i)callback_route") as error:
        load_settings({}, {"EVOLINK_MOCK_CALLBACK_ROUTE": route})
    assert says in str(error.value)


def test_serve_refuses_the_same_before_it_listens(tmp_path: Path) -> None:
    file = tmp_path / "evolink.toml"
    file.write_text('[callback_route]\n"https://app.example.com" = 3000\n', encoding="utf-8")
    nonsense = {name: tmp_path / name for name in ("empty.pem", "text.pem", "half.pem", "key.pem")}
    whole = trustme.CA()
    nonsense["empty.pem"].touch()
    nonsense["text.pem"].write_text("nonsense", encoding="utf-8")
    nonsense["half.pem"].write_bytes(whole.cert_pem.bytes()[:200])
    nonsense["key.pem"].write_bytes(whole.private_key_pem.bytes())
    for arguments, says in (
        (("--callback-route", "app.example.com"), EXAMPLE),
        (("--forward-to", "127.0.0.1:3000"), "forward_to: '127.0.0.1:3000' is not a target for callbacks"),
        (("--callback-ca", "/nowhere.pem"), "there is no file /nowhere.pem"),
        *((("--callback-ca", str(path)), f"{path} must have certificates as PEM") for path in nonsense.values()),
        (("--config", str(file)), "callback_route"),
    ):
        said = refused(*arguments)
        assert says in said
        assert "Traceback" not in said

"""The User-Agent of a download: with `user_agent=strict` result links refuse Python's urllib, as the service did."""

from collections.abc import Iterator
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import httpx
import pytest

from tests.support.emulator import Emulator
from tests.support.server_process import Server

URLLIB = ("Python-urllib/3.11", "python-urllib/3.14", "PYTHON-URLLIB/1.17", " Python-urllib/3.12 extra")
OTHERS = ("python-urllib3/2.5.0", "python-requests/2.32", "curl/8.5", "MyApp/1 (like Python-urllib/3.11)", "", "Python")


@pytest.fixture
def strict() -> Iterator[Emulator]:
    with Emulator.in_process(user_agent="strict") as emulator:
        yield emulator


def finished(emulator: Emulator) -> str:
    task = emulator.create()
    emulator.advance("10s")
    return str(emulator.query(task).json()["results"][0])


@pytest.mark.parametrize("agent", URLLIB)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("more", [{}, {"range": "bytes=0-3"}, {"if-none-match": "*"}])
def test_urllib_is_refused_by_every_method_and_whatever_else_it_asks(
    strict: Emulator, agent: str, method: str, more: dict[str, str]
) -> None:
    answer = strict.client.request(method, finished(strict), headers={"user-agent": agent, **more})
    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/json"
    if method == "GET":
        assert answer.json()["error"]["code"] == "forbidden"
        assert "User-Agent" in answer.json()["error"]["message"]


@pytest.mark.parametrize("agent", OTHERS)
def test_any_other_program_gets_the_video(strict: Emulator, agent: str) -> None:
    answer = strict.client.get(finished(strict), headers={"user-agent": agent})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "video/mp4")


def test_a_request_without_a_user_agent_gets_the_video(strict: Emulator) -> None:
    link = finished(strict)
    request = httpx.Request("GET", link)
    request.headers.pop("user-agent", None)
    assert strict.client.send(request).status_code == 200


def test_the_refusal_comes_before_the_link_is_looked_up_and_is_journaled(strict: Emulator) -> None:
    link = finished(strict)
    unknown = link.replace("task-unified", "task-unknown")
    assert strict.client.get(unknown, headers={"user-agent": URLLIB[0]}).status_code == 403
    assert strict.client.get(unknown).status_code == 404
    rows = strict.control("journal")["rows"]
    statuses = [row["answer"]["status"] for row in rows if row["request"]["path"].startswith("/media/")]
    assert statuses == [403, 404]


def test_the_explanation_of_a_task_has_the_refused_downloads(strict: Emulator) -> None:
    path = finished(strict)
    task = strict.create()
    (earlier,) = (row["id"] for row in strict.control("tasks")["tasks"] if row["id"] != task)
    link = path.replace(earlier, task)
    strict.client.get(link)
    strict.advance("10s")
    strict.client.get(link, headers={"user-agent": URLLIB[0]})
    strict.client.get(link)
    lines = strict.control(f"tasks/{task}/explain")["story"]
    says = [line["says"] for line in lines if line["about"] == "download"]
    assert says == ["GET answered 404", "GET answered 403", "GET answered 200"]
    rows = strict.control("journal")["rows"]
    assert [row["task"] for row in rows if row["request"]["path"].startswith("/media/")] == [task] * 3


def test_the_api_itself_answers_urllib(strict: Emulator) -> None:
    assert strict.request("GET", "/v1/credits", {"user-agent": URLLIB[0]}).status_code == 200


def test_pythons_own_urllib_is_refused_on_a_socket_until_it_names_itself() -> None:
    with (
        Server("--clock", "manual", "--set", "user_agent=strict") as server,
        httpx.Client(base_url=server.url) as client,
    ):
        link = finished(Emulator(client))
        with pytest.raises(HTTPError) as refused:
            urlopen(link)
        assert refused.value.code == 403
        assert b"User-Agent" in refused.value.read()
        with urlopen(Request(link, headers={"User-Agent": "my-app/1"})) as answer:
            assert answer.read()[4:8] == b"ftyp"

"""Links lead to the address by which their request came, unless a public URL is set."""

import base64
from typing import Any

import httpx
import pytest

from evolink_mock.worlds.config import PublicUrl
from tests.support.emulator import DOCUMENTED, Emulator
from tests.support.media.media_samples import jpeg

FALLBACK = "http://127.0.0.1:8080"
CREATE = "/v1/videos/generations"


def finished(emulator: Emulator, host: str, **more: Any) -> str:
    created = emulator.request("POST", CREATE, json=DOCUMENTED | more, headers={"host": host})
    emulator.request("POST", "/__mock/clock", json={"advance": "60s"})
    return str(created.json()["id"])


def link(emulator: Emulator, task: str, host: str) -> str:
    return str(emulator.request("GET", f"/v1/tasks/{task}", headers={"host": host}).json()["results"][0])


def test_the_link_of_a_query_leads_where_the_query_came() -> None:
    with Emulator.in_process() as emulator:
        task = finished(emulator, "localhost:49153")
        for host in ("localhost:49153", "evolink", "emulator.test:1", "[::1]:49153"):
            assert link(emulator, task, host).startswith(f"http://{host}/media/")


def test_the_link_of_a_callback_leads_where_its_create_came() -> None:
    with Emulator.in_process() as emulator:
        url = "https://sink.mock/200"
        task = finished(emulator, "localhost:49153", callback_url=url)
        (kept,) = emulator.request("GET", "/__mock/inbox").json()["rows"]
        assert "http://localhost:49153/media/" in str(kept)
        assert link(emulator, task, "other:1").startswith("http://other:1/media/")


def test_a_public_url_that_is_set_is_the_address_of_every_link() -> None:
    with Emulator.in_process(public_url="https://videos.example/base/") as emulator:
        task = finished(emulator, "localhost:49153")
        assert link(emulator, task, "evil.example").startswith("https://videos.example/base/media/")


def test_a_control_call_sets_it_at_run_time() -> None:
    with Emulator.in_process() as emulator:
        task = finished(emulator, "localhost:49153")
        set_to = emulator.request("POST", "/__mock/public-url", json={"public_url": "http://localhost:5000/"})
        assert set_to.json() == {"public_url": "http://localhost:5000"}
        assert link(emulator, task, "evolink").startswith("http://localhost:5000/media/")
        for wrong in (
            "localhost:5000",
            "ftp://x",
            "http://a b",
            "http://x/?q",
            "http://a\0b",
            "http://x/\x1b[31m",
            "http://x\x7f",
        ):
            answer = emulator.request("POST", "/__mock/public-url", json={"public_url": wrong})
            assert answer.status_code == 400, wrong
        emulator.request("POST", "/__mock/public-url", json={"public_url": None})
        assert link(emulator, task, "evolink").startswith("http://evolink/media/")


def test_an_upload_is_found_by_whatever_address_its_link_has() -> None:
    with Emulator.in_process() as emulator:
        content = base64.b64encode(jpeg()).decode()
        path = "/api/v1/files/upload/base64"
        answer = emulator.request("POST", path, json={"base64_data": content}, headers={"host": "localhost:49153"})
        data = answer.json()["data"]
        assert data["file_url"].startswith("http://localhost:49153/files/")
        assert data["download_url"].startswith("http://localhost:49153/api/")
        task = finished(emulator, "evolink", image_urls=[data["file_url"]])
        found = emulator.request("GET", f"/__mock/tasks/{task}").json()
        assert found["status"] == "completed", found


@pytest.mark.parametrize(
    "host",
    [
        *(b"", b"a b", b"a/b", b"a@b", b"a:b", b"a:123456", b"<b>", b"a, b", b"[::1", b"a?b", b"a#b", b"\xff", b"-a"),
        *(b"a" * 300, b"a\r\nb", b"a\n"),
    ],
)
def test_a_host_that_is_none_is_not_followed(host: bytes) -> None:
    assert PublicUrl("", FALLBACK).of(host) == ""
    assert PublicUrl("", FALLBACK).base("") == FALLBACK


def test_the_address_of_a_tls_server_has_its_scheme() -> None:
    assert PublicUrl("", "https://localhost:1").of(b"A.test:2") == "https://a.test:2"
    assert PublicUrl("http://x", FALLBACK).of(b"a.test") == ""
    assert httpx.URL(PublicUrl("", FALLBACK).of(b"[::1]:80")).host == "::1"

"""Input files: fetched through a route, judged by their content, and used in the result video."""

import asyncio
import base64
import socket
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import httpx
import numpy as np
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from PIL import Image

from evolink_mock import InProcessTransport, Settings, create_app
from evolink_mock.api.endpoint import Endpoint
from evolink_mock.app import Emulator as Application
from evolink_mock.core.media_routes import FromPublic
from evolink_mock.media import encoder as moving
from evolink_mock.media import fetcher as fetching
from evolink_mock.media.video import FileLookup, Video
from tests.support.emulator import DOCUMENTED, Emulator, bearer
from tests.support.media.media_samples import audio_file, encoded, jpeg, photo, rotated_jpeg
from tests.support.media.video_decoder import boxes, decode, psnr
from tests.support.server_process import Server

CDN = "https://cdn.example.com"


@lru_cache
def pictures_and_sounds() -> Mapping[str, bytes]:
    return {
        "cat.jpg": jpeg(1000, 750),
        "tall.webp": encoded(photo(450, 800), "WEBP", quality=95),
        "turned.jpg": rotated_jpeg(6, 1000, 750),
        "really.png": jpeg(),
        "named.gif": encoded(photo(), "PNG"),
        "small.jpg": jpeg(300, 300),
        "page.jpg": b"<html>Not found</html>",
        "long.mp3": audio_file(12),
        "short.mp3": audio_file(3),
        "tiny.mp3": audio_file(1),
        "changing.mp3": audio_file(2) + audio_file(2, rate=32_000),
    }


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A directory of pictures and sounds."""
    (tmp_path / "files").mkdir()
    for name, content in pictures_and_sounds().items():
        (tmp_path / "files" / name).write_bytes(content)
    (tmp_path / "secret.jpg").write_bytes(jpeg())
    (tmp_path / "files" / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    return tmp_path / "files"


@pytest.fixture
def emulator(home: Path) -> Iterator[Emulator]:
    with Emulator.in_process(result_video="best", media_route={CDN: str(home)}) as emulator:
        yield emulator


def ended(emulator: Emulator, picture: str = f"{CDN}/cat.jpg", **fields: Any) -> dict[str, Any]:
    """The task, when it is over."""
    answer = emulator.post({**DOCUMENTED, "image_urls": [picture], **fields})
    assert answer.status_code == 200, answer.text
    emulator.advance("10s")
    found: dict[str, Any] = emulator.query(answer.json()["id"]).json()
    return found


def failure(task: dict[str, Any]) -> tuple[str, str]:
    assert task["status"] == "failed", task
    return task["error"]["code"], task["error"]["message"]


@pytest.mark.parametrize(
    ("name", "size"),
    [("cat.jpg", (1000, 750)), ("tall.webp", (450, 800)), ("turned.jpg", (750, 1000)), ("really.png", (640, 480))],
)
def test_the_video_begins_with_the_input_image_in_its_proportions(
    emulator: Emulator, home: Path, name: str, size: tuple[int, int]
) -> None:
    task = ended(emulator, f"{CDN}/{name}", duration=2, generate_audio=False)
    content = emulator.client.get(task["results"][0]).content
    found = decode(content)
    assert boxes(content)[:2] == ["ftyp", "moov"]
    assert (found.codec, found.pixels, found.audio_codec) == ("h264", "yuv420p", None)
    assert abs(found.width / found.height - size[0] / size[1]) < 0.01
    assert abs(found.width * found.height / (1280 * 720) - 1) < 0.01
    assert abs(found.seconds - 2) <= 1 / 24
    with Image.open(home / name) as picture:
        upright = picture.rotate(-90, expand=True) if name == "turned.jpg" else picture
        shown = upright.convert("RGB").resize((found.width, found.height), Image.Resampling.LANCZOS)
    assert psnr(found.first, np.asarray(shown)) >= 30
    # A slow zoom follows: the last frame is alike, and not the same.
    assert 10 < psnr(found.first, found.last) < 40


def test_bright_colours_are_reproduced(emulator: Emulator, home: Path) -> None:
    """As a player of large pictures reads them, which says so in the file."""
    stripes = Image.new("RGB", (640, 480))
    for place, colour in enumerate(("red", "lime", "blue", "yellow", "magenta", "cyan", "white", "black")):
        stripes.paste(colour, (place * 80, 0, place * 80 + 80, 480))
    stripes.save(home / "stripes.png")
    task = ended(emulator, f"{CDN}/stripes.png", duration=2, generate_audio=False)
    found = decode(emulator.client.get(task["results"][0]).content)
    shown = stripes.resize((found.width, found.height), Image.Resampling.LANCZOS)
    assert psnr(found.first, np.asarray(shown)) >= 30


def test_a_field_that_the_model_lacks_is_ignored(emulator: Emulator) -> None:
    body = {"model": "wan2.6-text-to-video", "prompt": "A cat", "image_urls": [f"{CDN}/small.jpg"], "duration": 2}
    answer = emulator.post(body)
    emulator.advance("10s")
    task = emulator.query(answer.json()["id"]).json()
    assert task["status"] == "completed"
    found = decode(emulator.client.get(task["results"][0]).content)
    assert (found.width, found.height) == (1280, 720)


def test_better_quality_is_larger(emulator: Emulator) -> None:
    task = ended(emulator, duration=2, quality="1080p", generate_audio=False)
    found = decode(emulator.client.get(task["results"][0]).content)
    assert abs(found.width * found.height / (1920 * 1080) - 1) < 0.01


def test_the_video_has_audio_unless_it_is_switched_off(emulator: Emulator) -> None:
    found = decode(emulator.client.get(ended(emulator, duration=2)["results"][0]).content)
    assert found.audio_codec == "aac"
    assert abs(found.audio_seconds - 2) < 0.1
    assert min(found.loudness[1:18]) > 0.01


@pytest.mark.parametrize(
    ("name", "duration", "heard"), [("long.mp3", 5, 5.0), ("short.mp3", 5, 3.0), ("changing.mp3", 5, 4.0)]
)
def test_input_audio_is_trimmed_or_padded_with_silence(
    emulator: Emulator, name: str, duration: int, heard: float
) -> None:
    task = ended(emulator, duration=duration, audio_url=f"{CDN}/{name}", generate_audio=False)
    found = decode(emulator.client.get(task["results"][0]).content)
    assert abs(found.audio_seconds - duration) < 0.1
    loud = [place / 10 for place, height in enumerate(found.loudness) if height > 0.1]
    assert abs(loud[-1] + 0.1 - heard) < 0.21


@pytest.mark.parametrize(
    ("picture", "code", "says"),
    [
        (f"{CDN}/small.jpg", "invalid_parameters", "image dimensions must be between 360 and 2000; got 300 x 300"),
        (f"{CDN}/page.jpg", "image_processing_error", "The image is not an image, whatever its name says"),
        (f"{CDN}/nowhere.jpg", "image_processing_error", "The image is not there: /nowhere.jpg"),
        (f"{CDN}/../secret.jpg", "image_processing_error", "The image is not there"),
        (f"{CDN}/%2e%2e/secret.jpg", "image_processing_error", "The image is not there"),
        (f"{CDN}/link.jpg", "image_processing_error", "The image is not there"),
        (f"{CDN}/", "image_processing_error", "The image is not there"),
        (f"{CDN}/cat.jpg%00.png", "image_processing_error", "The image could not be fetched"),
    ],
)
def test_an_unacceptable_image_fails_its_task_later(emulator: Emulator, picture: str, code: str, says: str) -> None:
    found = failure(ended(emulator, picture))
    assert found[0] == code
    assert says in found[1]


def test_the_name_of_a_probed_file_is_ignored(emulator: Emulator) -> None:
    assert ended(emulator, f"{CDN}/named.gif")["status"] == "completed"
    assert failure(ended(emulator, "https://elsewhere.example.com/named.gif"))[0] == "image_processing_error"
    assert ended(emulator, "https://elsewhere.example.com/nowhere.jpg")["status"] == "completed"


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({"image_urls": f"{CDN}/cat.jpg"}, f'image_urls must be a list of 1 URL; got "{CDN}/cat.jpg"'),
        ({"audio_url": [f"{CDN}/short.mp3"]}, "audio_url must be a URL; got a list of 1"),
    ],
)
def test_a_file_in_a_value_of_the_wrong_type_is_refused_with_what_was_sent(
    emulator: Emulator, fields: dict[str, Any], shown: str
) -> None:
    body = {**DOCUMENTED, "image_urls": [f"{CDN}/cat.jpg"], **fields}
    # The same file elsewhere in the body is probed.
    body = body | {"audio_url": f"{CDN}/cat.jpg"} if "image_urls" in fields else body
    answer = emulator.post(body)
    assert (answer.status_code, answer.json()["error"]["message"]) == (400, shown)


def test_audio_that_is_too_short_fails_its_task(emulator: Emulator) -> None:
    found = failure(ended(emulator, audio_url=f"{CDN}/tiny.mp3"))
    assert found == ("invalid_parameters", "audio duration must be between 3 and 30 seconds; got 1.0")


@pytest.mark.parametrize(
    ("name", "says"),
    [("nowhere.mp3", "The audio file is not there"), ("page.jpg", "The audio file cannot be read")],
)
def test_a_file_without_audio_fails_its_task(emulator: Emulator, name: str, says: str) -> None:
    code, message = failure(ended(emulator, audio_url=f"{CDN}/{name}"))
    assert code == "invalid_parameters"
    assert message.startswith(says)


def test_failures_are_not_charged(emulator: Emulator) -> None:
    ended(emulator, f"{CDN}/small.jpg")
    assert emulator.request("GET", "/v1/credits").json()["data"]["user"]["used_credits"] == 0


def test_the_same_image_gives_the_same_bytes(home: Path) -> None:
    made = []
    for _ in range(2):
        with Emulator.in_process(result_video="best", media_route={CDN: str(home)}) as emulator:
            made.append(emulator.client.get(ended(emulator, duration=2)["results"][0]).content)
    assert made[0] == made[1]


class Place(BaseHTTPRequestHandler):
    """A server of pictures that also redirects, dawdles and lies."""

    asked: ClassVar[list[tuple[str, str]]] = []

    def do_GET(self) -> None:
        Place.asked.append((self.path, str(self.headers["host"])))
        word = self.path.strip("/").partition("?")[0]
        if word == "slow":
            self.send_response(200)
            self.end_headers()
            threading.Event().wait(3)
        elif word in ("away", "round", "near"):
            to = {"away": "http://127.0.0.1:9/cat.jpg", "round": "/round", "near": "/cat.jpg?b"}[word]
            self.send_response(302)
            self.send_header("location", to)
            self.end_headers()
        elif word == "endless":
            self.send_response(200)
            self.end_headers()
            try:
                for _ in range(64):
                    self.wfile.write(bytes(2**20))
            except OSError:
                return
        else:
            self.send_response(200 if word == "cat.jpg" else 404)
            self.end_headers()
            self.wfile.write(jpeg())

    def log_message(self, *_: object) -> None:
        """Silent."""


@pytest.fixture
def place() -> Iterator[str]:
    Place.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Place)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_media_route_can_lead_to_a_server(place: str) -> None:
    with Emulator.in_process(result_video="best", media_route={CDN: place}) as emulator:
        assert ended(emulator, f"{CDN}/cat.jpg?a=%2F")["status"] == "completed"
        assert Place.asked == [("/cat.jpg?a=%2F", "cdn.example.com")]
        assert ended(emulator, f"{CDN}/near")["status"] == "completed"
        says = {
            "gone": "its server answered 404",
            "away": "it redirects to http://127.0.0.1:9/cat.jpg, away from its route",
            "round": "it redirects more than 5 times",
        }
        for word, why in says.items():
            assert failure(ended(emulator, f"{CDN}/{word}")) == (
                "image_processing_error",
                f"The image could not be fetched: {why}",
            )
        assert failure(ended(emulator, f"{CDN}/endless")) == ("invalid_parameters", "file size exceeds 10MB")


def test_fetching_from_a_slow_server_times_out(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "LIMIT", 0.2)
    with Emulator.in_process(result_video="best", media_route={CDN: place}) as emulator:
        assert failure(ended(emulator, f"{CDN}/slow"))[1] == "The image could not be fetched within 0.2 s"


def test_nothing_is_fetched_for_an_unauthenticated_request(place: str) -> None:
    with Emulator.in_process(result_video="best", media_route={CDN: place}) as emulator:
        body = {**DOCUMENTED, "image_urls": [f"{CDN}/cat.jpg"]}
        for headers in ({}, {"authorization": "Bearer sk-invalid-1"}):
            assert emulator.client.post("/v1/videos/generations", json=body, headers=headers).status_code == 401
    assert Place.asked == []


def test_nothing_is_fetched_without_a_route_unless_public_fetching_is_on(place: str) -> None:
    with Emulator.in_process() as emulator:
        assert ended(emulator, f"{place}/cat.jpg")["status"] == "completed"
    with Emulator.in_process(fetch_public=True) as emulator:
        found = failure(ended(emulator, f"{place}/cat.jpg"))
        assert found[0] == "image_processing_error"
        assert "could not be fetched" in found[1]
    assert Place.asked == []


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"image_urls": 5}', b'{"image_urls": [5], "audio_url": []}', b"\xff"])
def test_malformed_requests_get_the_same_errors(emulator: Emulator, body: bytes) -> None:
    headers = {"content-type": "application/json"}
    assert emulator.request("POST", "/v1/videos/generations", headers, content=body).status_code == 400


def test_a_repeated_idempotent_create_makes_one_task(emulator: Emulator) -> None:
    headers = {"idempotency-key": "sixteen-letters-and-more"}
    body = {**DOCUMENTED, "image_urls": [f"{CDN}/cat.jpg"]}
    made = [httpx.Response.json(emulator.request("POST", "/v1/videos/generations", headers, json=body)) for _ in "ab"]
    assert made[0]["id"] == made[1]["id"]


def test_public_fetching_does_not_reach_internal_addresses(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The names of the public internet lead to this machine here, as they do nowhere else."""

    class Everywhere(AbstractResolver):
        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
        ) -> list[ResolveResult]:
            flags = socket.AI_NUMERICHOST
            return [ResolveResult(hostname=host, host="127.0.0.1", port=port, family=family, proto=0, flags=flags)]

        async def close(self) -> None:
            """Nothing is open."""

    port = place.rpartition(":")[2]
    monkeypatch.setattr(fetching, "PublicResolver", Everywhere)
    with Emulator.in_process(fetch_public=True) as emulator:
        assert ended(emulator, f"HTTP://pictures.example.com:{port}/cat.jpg#top")["status"] == "completed"
        code, why = failure(ended(emulator, f"http://pictures.example.com:{port}/away"))
        assert code == "image_processing_error"
        assert "127.0.0.1" in why
    assert [path for path, _ in Place.asked] == ["/cat.jpg", "/away"]


@pytest.mark.parametrize("disguise", ["http://example.com?@{host}/cat.jpg", "http://example.com#@{host}/cat.jpg"])
def test_the_address_checked_is_the_address_connected_to(place: str, disguise: str) -> None:
    """Where a URL's authority ends, all who read it must agree."""
    url = disguise.format(host=place.removeprefix("http://"))
    with Emulator.in_process(fetch_public=True) as emulator:
        answer = emulator.post({**DOCUMENTED, "image_urls": [url]})
        assert answer.status_code in (200, 400)
    assert asyncio.run(fetching.Fetcher().fetch(FromPublic(url), 10)) is not None
    assert Place.asked == []


def test_audio_that_refers_to_other_files_opens_none_of_them(emulator: Emulator, home: Path) -> None:
    session = b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 45680 RTP/AVP 0\r\n"
    (home / "session.mp3").write_bytes(session)
    (home / "list.mp3").write_bytes(b"#EXTM3U\n#EXTINF:3,\nhttp://127.0.0.1:9/a.mp3\n")
    unknown = bytearray(audio_file(4, "wav", "pcm_s16le"))
    unknown[20:22] = b"\x34\x12"
    (home / "unknown.mp3").write_bytes(bytes(unknown))
    for name in ("session", "list", "unknown"):
        code, _ = failure(ended(emulator, audio_url=f"{CDN}/{name}.mp3"))
        assert code == "invalid_parameters"


def test_an_error_while_probing_is_an_internal_error(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("evolink_mock.media.cache.FileCache.put", lambda *given: 1 / 0)
    answer = emulator.post({**DOCUMENTED, "image_urls": [f"{CDN}/cat.jpg"]})
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal_error")
    assert "could not be checked" in caplog.text


def test_the_journal_shows_the_status_of_a_partial_response(emulator: Emulator) -> None:
    link = ended(emulator, duration=2)["results"][0]
    for headers, status in (({"range": "bytes=0-9"}, 206), ({"range": "bytes=99999999-"}, 416)):
        assert emulator.client.get(link, headers=headers).status_code == status
        assert emulator.control("journal")["rows"][-1]["answer"]["status"] == status


def test_concurrent_requests_encode_a_video_once(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    make = moving.encode

    def counted(video: Video, files: FileLookup) -> bytes:
        made.append(video.name)
        return make(video, files)

    monkeypatch.setattr(moving, "encode", counted)
    links = [ended(emulator, duration=2)["results"][0] for _ in range(2)]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda link: emulator.client.get(link, headers={"range": "bytes=4-7"}), links * 3))
    assert {(answer.status_code, answer.content) for answer in answers} == {(206, b"ftyp")}
    # Of one picture, two tasks have the same video.
    assert len(made) == 1


def test_an_error_while_encoding_is_an_internal_error(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    link = ended(emulator, duration=2)["results"][0]
    with monkeypatch.context() as broken:
        broken.setattr(moving, "encode", lambda video, files: 1 / 0)
        answer = emulator.client.get(link)
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal_error")
    assert "could not be encoded" in caplog.text
    assert emulator.client.get(link).status_code == 200


def test_an_input_image_outlives_the_process(home: Path, tmp_path: Path) -> None:
    given = {"result_video": "best", "media_route": {CDN: str(home)}, "state": str(tmp_path / "state")}
    with Emulator.in_process(**given) as emulator:
        task = emulator.create(image_urls=[f"{CDN}/tall.webp"], duration=2, generate_audio=False)
        files = emulator.control(f"tasks/{task}")["files"]
        assert [(file["kind"], file["width"], file["height"]) for file in files] == [("image", 450, 800)]
    (home / "tall.webp").unlink()
    with Emulator.in_process(**given) as emulator:
        emulator.advance("10s")
        found = decode(emulator.client.get(emulator.query(task).json()["results"][0]).content)
    shown = photo(450, 800).resize((found.width, found.height), Image.Resampling.LANCZOS)
    assert psnr(found.first, np.asarray(shown)) >= 30


def test_an_evicted_image_leaves_its_proportions(home: Path) -> None:
    with Emulator.in_process(result_video="best", media_route={CDN: str(home)}, media_limit=1024 * 1024) as emulator:
        task = ended(emulator, f"{CDN}/tall.webp", duration=2, generate_audio=False)
        for each in range(3):
            (home / f"heavy{each}.jpg").write_bytes((home / "cat.jpg").read_bytes() + bytes([each]) * 500_000)
            ended(emulator, f"{CDN}/heavy{each}.jpg")
        found = decode(emulator.client.get(task["results"][0]).content)
        assert abs(found.width / found.height - 450 / 800) < 0.01
        assert (found.first == found.first[0, 0]).all()
        # The next task with that picture has it again.
        again = decode(emulator.client.get(ended(emulator, f"{CDN}/tall.webp", duration=2)["results"][0]).content)
        assert again.first.std() > 5


@pytest.mark.parametrize(
    ("route", "says"),
    [
        ({"https://cdn.example.com/pictures": "."}, "media_route"),
        (
            {CDN: "/nowhere/at/all"},
            "'/nowhere/at/all' is neither an existing directory nor a URL such as http://127.0.0.1",
        ),
        ({CDN: "ftp://127.0.0.1"}, "media_route"),
    ],
)
def test_the_error_of_an_invalid_media_route_names_it(route: dict[str, str], says: str) -> None:
    with pytest.raises(ValueError, match="media_route") as error:
        Settings(media_route=route)
    assert says in str(error.value)


def test_the_error_without_the_extra_names_the_packages(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evolink_mock.settings.record.MEDIA", False)
    with pytest.raises(
        ValueError, match=r"media_route needs Pillow and PyAV: from a checkout, pip install '\.\[media\]'"
    ):
        Settings(media_route={CDN: str(home)})


def test_a_media_route_on_the_command_line_can_be_a_directory(home: Path) -> None:
    with Server("--clock", "auto", "--set", "result_video=best", "--media-route", f"{CDN}={home}") as server:
        headers = bearer("sk-local")
        made = httpx.post(
            f"{server.url}/v1/videos/generations",
            json={**DOCUMENTED, "image_urls": [f"{CDN}/cat.jpg"], "duration": 2},
            headers=headers,
        ).json()
        for _ in range(10):
            task = httpx.get(f"{server.url}/v1/tasks/{made['id']}", headers=headers).json()
        assert decode(httpx.get(task["results"][0], timeout=30).content).audio_codec == "aac"


def test_creates_wait_for_nothing_until_a_file_can_be_fetched(home: Path) -> None:
    def waits(app: Application) -> bool:
        endpoint, _ = app.lookup("/v1/videos/generations") or (None, {})
        assert isinstance(endpoint, Endpoint)
        return not endpoint.answers_at_once()

    assert waits(create_app(Settings(media_route={CDN: str(home)})))
    app = create_app(Settings())
    with httpx.Client(transport=InProcessTransport(app), base_url="http://emulator.test") as client:
        assert not waits(app)
        content = {"base64_data": base64.b64encode(jpeg()).decode()}
        assert client.post("/api/v1/files/upload/base64", json=content, headers=bearer()).status_code == 200
        assert waits(app)


def test_a_link_that_leads_to_itself_is_a_failed_task_and_a_refused_upload(emulator: Emulator, home: Path) -> None:
    (home / "loop").symlink_to(home / "loop")
    code, message = failure(ended(emulator, f"{CDN}/loop/cat.jpg"))[:2]
    assert (code, message) == (
        "image_processing_error",
        "The image could not be fetched: /loop/cat.jpg: Too many levels of symbolic links",
    )
    upload = emulator.request("POST", "/api/v1/files/upload/url", json={"file_url": f"{CDN}/loop"})
    assert upload.status_code == 400
    assert "could not be fetched: /loop: Too many levels" in upload.text
    assert [row["answer"]["status"] for row in emulator.control("journal")["rows"]] == [200, 200, 400]


def test_a_request_whose_files_cannot_be_checked_is_in_the_journal(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evolink_mock.media.fetcher.Fetcher.fetch", lambda *given: 1 / 0)
    assert emulator.post({**DOCUMENTED, "image_urls": [f"{CDN}/cat.jpg"]}).status_code == 500
    (row,) = emulator.control("journal")["rows"]
    assert (row["answer"]["status"], row["task"]) == (500, None)
    assert emulator.control("tasks")["tasks"] == []

"""Both clients against the emulator: what they do, whatever goes wrong."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

import evolink_client
from evolink_client import (
    AsyncEvolinkClient,
    ConnectionFailed,
    EvolinkClient,
    EvolinkError,
    HttpOptions,
    InvalidRequest,
    LinkExpired,
    NotConfigured,
    NotFound,
    TaskCancelled,
    TaskFailed,
    UnexpectedAnswer,
    WaitTimedOut,
)
from evolink_client._clock import Clock
from evolink_mock import InProcessTransport, create_app
from evolink_mock.scenarios.language import WORDS
from tests.support.emulator import KEY, Emulator, settings
from tests.support.server_process import Server

IMAGE = "https://example.com/cat.png"
Value = TypeVar("Value")


class Kit:
    """An emulator on a manual clock, and a client whose sleep moves that clock."""

    def __init__(self, **given: Any) -> None:
        self.transport = InProcessTransport(create_app(settings(**given)))
        self.emulator = Emulator(httpx.Client(transport=self.transport, base_url="http://emulator.test"))

    def now(self) -> float:
        return float(self.emulator.control("clock")["now"])

    def sleep(self, seconds: float) -> None:
        self.emulator.advance(f"{seconds:.6f}s")

    def client(self, **more: Any) -> EvolinkClient:
        clock = Clock(self.now, self.now, lambda: 0.5)
        http: HttpOptions = {"transport": self.transport}
        return EvolinkClient(KEY, "http://emulator.test", clock=clock, sleep=self.sleep, http=http, **more)

    def scenario(self, text: str) -> None:
        self.emulator.control("scenarios/default", {"scenario": text})

    def made(self) -> int:
        return len(self.emulator.control("tasks")["tasks"])


@pytest.fixture
def kit() -> Iterator[Kit]:
    kit = Kit(public_url="http://emulator.test")
    yield kit
    kit.emulator.client.close()


def test_a_video_is_created_waited_for_and_downloaded(kit: Kit, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    client = kit.client()
    task = client.videos.create("A cat playing piano", IMAGE, duration=5, quality="1080p")
    assert (task.status, task.replayed) == ("pending", False)
    video = client.tasks.wait(task.id)
    size = video.download(tmp_path / "cat.mp4", lambda so_far, total: seen.append((so_far, total)))
    assert (tmp_path / "cat.mp4").read_bytes()[4:8] == b"ftyp"
    assert seen[-1] == (size, size)
    assert [path.name for path in tmp_path.iterdir()] == ["cat.mp4"]
    assert client.credits().token.used_credits == 19.873
    (row,) = kit.emulator.control("journal?route=create")["rows"]
    assert row["request"]["headers"]["idempotency-key"].startswith("evolink-client-")


def test_a_link_that_died_is_named_and_leaves_nothing(kit: Kit, tmp_path: Path) -> None:
    client = kit.client()
    video = client.tasks.wait(client.videos.create("A cat", IMAGE).id)
    kit.emulator.advance("25h")
    (tmp_path / "cat.mp4").write_bytes(b"old")
    with pytest.raises(LinkExpired, match="links work for 24 hours"):
        video.download(tmp_path / "cat.mp4")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


@pytest.mark.parametrize(
    ("scenario", "error", "code"),
    [
        ("fail=content_policy_violation", TaskFailed, "content_policy_violation"),
        ("fail=upstream:Some.Code", TaskFailed, "Some.Code"),
        ("cancel=failed", TaskCancelled, "request_cancelled"),
        ("cancel=cancelled", TaskCancelled, "request_cancelled"),
    ],
)
def test_an_end_without_a_video_is_an_error(kit: Kit, scenario: str, error: type[TaskFailed], code: str) -> None:
    kit.scenario(scenario)
    client = kit.client()
    with pytest.raises(error) as failed:
        client.tasks.wait(client.videos.create("A cat", IMAGE).id)
    assert type(failed.value) is error
    assert failed.value.code == code


def test_a_task_that_does_not_end_is_waited_for_no_longer_than_was_said(kit: Kit) -> None:
    kit.scenario("stuck=99")
    client = kit.client()
    with pytest.raises(WaitTimedOut, match=r"still processing \(99 %\) after 30 s"):
        client.tasks.wait(client.videos.create("A cat", IMAGE).id, timeout=30)


def test_a_lost_answer_makes_one_task_and_one_charge_where_creates_are_retried(kit: Kit) -> None:
    kit.scenario("create=commit_then_drop; times=1")
    task = kit.client(retry_creates=True).videos.create("A cat", IMAGE)
    assert task.replayed
    assert kit.made() == 1
    assert kit.emulator.control("worlds")["worlds"][0]["credits"]["reserved"] == 11.9


def test_without_retries_a_lost_answer_is_had_by_the_key(kit: Kit) -> None:
    kit.scenario("create=commit_then_drop; times=1")
    client = kit.client()
    with pytest.raises(ConnectionFailed):
        client.videos.create("A cat", IMAGE, idempotency_key="my-own-key-of-then")
    assert client.videos.create("A cat", IMAGE, idempotency_key="my-own-key-of-then").replayed
    assert kit.made() == 1


ANSWERS = [
    f"{operation}={value}" + ("; drip_time=1ms" if value == "drip" else "")
    for operation in ("create", "query", "credits")
    for value in WORDS[operation].values
]


@pytest.mark.parametrize("scenario", ANSWERS)
@pytest.mark.parametrize("times", ["", "; times=1"])
def test_whatever_is_answered_is_a_value_or_a_named_error(kit: Kit, scenario: str, times: str) -> None:
    kit.scenario(scenario + times)
    client = kit.client(retry_creates=True)
    asked: list[Callable[[], object]] = [
        lambda: client.videos.create("A cat", IMAGE, callback_url="https://app.example.com/hook"),
        lambda: client.tasks.get(kit.emulator.control("tasks")["tasks"][0]["id"]),
        client.credits,
    ]
    failed = 0
    for ask in asked:
        try:
            ask()
        except EvolinkError:
            failed += 1
        except IndexError:
            pass  # Nothing was created.
    assert failed <= 1
    if not times and not scenario.endswith(("drip_time=1ms", "garbage_after", "commit_then_drop")):
        assert failed == 1


def test_a_wrong_id_and_a_wrong_key_are_named(kit: Kit) -> None:
    client = kit.client()
    with pytest.raises(NotFound) as missing:
        client.tasks.get("task-unified-1-aaaaaaaa")
    assert (missing.value.code, missing.value.status) == ("task_not_found", 404)
    assert (missing.value.request_id or "").startswith("req_")
    with pytest.raises(evolink_client.BadRequest, match="invalid_task_id"):
        client.tasks.get("nonsense")
    with pytest.raises(NotFound):
        client.tasks.get("../credits")
    with pytest.raises(evolink_client.BadRequest):
        client.tasks.get("\ud800")


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"prompt": "x" * 1501}, "prompt must have at most 1500 characters; it has 1501"),
    ({"image_url": None}, "image_url is required for wan2.6-image-to-video-flash"),
    ({"image_url": "cat.png"}, "image_url must be a URL that begins with http:// or https://"),
    ({"duration": 1}, "duration must be a whole number of seconds from 2 to 15; got 1"),
    ({"duration": True}, "duration must be a whole number of seconds"),
    ({"quality": "480p"}, "quality must be one of 720p, 1080p; got '480p'"),
    ({"shot_type": "many"}, "shot_type must be one of single, multi"),
    ({"audio_url": "x"}, "audio_url must be a URL"),
    ({"callback_url": "http://a.example"}, "callback_url must be a URL that begins with https://"),
    ({"callback_url": "https://127.0.0.1/"}, "callback_url must not lead to an internal address"),
    ({"callback_url": "https://localhost/"}, "callback_url must not lead to an internal address"),
    ({"callback_url": "https://a.example/" + "x" * 2048}, "callback_url must have at most 2048 characters"),
    ({"idempotency_key": "short"}, "idempotency_key must have 16 to 96 letters, digits, dots, dashes and underscores"),
]


@pytest.mark.parametrize(("changed", "says"), REFUSED)
def test_what_cannot_succeed_is_refused_here_and_by_the_service_alike(
    kit: Kit, changed: dict[str, Any], says: str
) -> None:
    given = {"prompt": "A cat", "image_url": IMAGE, **changed}
    with pytest.raises(InvalidRequest) as error:
        kit.client().videos.create(**given)
    assert says in str(error.value)
    assert kit.emulator.control("journal")["rows"] == []
    with pytest.raises(evolink_client.BadRequest):
        kit.client(checks=False).videos.create(**given)


def test_a_name_that_is_none_is_refused_and_nothing_is_sent(kit: Kit) -> None:
    with pytest.raises(TypeError, match=r"create\(\) has no option 'durations'; it has model, duration,"):
        kit.client().videos.create("A cat", IMAGE, durations=5)  # type: ignore[call-arg]
    assert kit.emulator.control("journal")["rows"] == []


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"prompt": "\ud800"}, "the request cannot be written as JSON: 'utf-8' codec"),
        ({"extra": {"x": float("nan")}}, "the request cannot be written as JSON: Out of range float values"),
        ({"extra": {"x": object()}}, "the request cannot be written as JSON: Object of type object"),
        ({"idempotency_key": "sixteen letters\r\nX: y"}, "idempotency_key has a character in it that no header"),
        ({"idempotency_key": "ä" * 16}, "idempotency_key has a character in it that no header"),
    ],
)
def test_what_cannot_be_sent_at_all_is_refused_without_checks_too(kit: Kit, changed: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidRequest) as error:
        kit.client(checks=False).videos.create(**{"prompt": "A cat", "image_url": IMAGE, **changed})
    assert says in str(error.value)
    assert kit.emulator.control("journal")["rows"] == []


def test_what_is_not_named_is_sent_as_it_is(kit: Kit) -> None:
    kit.client().videos.create("A cat", model="wan2.6-text-to-video", shot_type="multi", extra={"aspect_ratio": "9:16"})
    task = kit.emulator.control("tasks")["tasks"][0]["id"]
    assert kit.emulator.control(f"tasks/{task}")["request"] == {
        "model": "wan2.6-text-to-video",
        "prompt": "A cat",
        "aspect_ratio": "9:16",
        "model_params": {"shot_type": "multi"},
    }


@pytest.mark.parametrize(
    ("key", "url", "says"),
    [
        ("", None, "there is no API key: set EVOLINK_API_KEY"),
        ("sk a", None, "has a character in it that no header can carry"),
        ("sk-ä", None, "has a character in it that no header can carry"),
        ("sk", "api.evolink.ai", "the base URL must be such as https://api.evolink.ai"),
        ("sk", "ftp://x", "the base URL must be such as"),
        ("sk", "https://me:secret@x.test", "the base URL must be such as https://api.evolink.ai; got 'https://x.test'"),
        ("sk", "https://x.test/?a=b", "the base URL must be such as"),
        ("sk", "https://x.test/?key=secret", "got 'https://x.test/?…'"),
        ("sk", "https://x.test?", "got 'https://x.test?…'"),
        ("sk", "https://x.test#secret", "got 'https://x.test#…'"),
        ("sk", "https://x.test/#", "got 'https://x.test/#…'"),
        ("sk", "", "the base URL is empty: give one such as https://api.evolink.ai, or leave it out"),
        ("sk", " ", "the base URL is empty"),
        ("sk", "/", "the base URL must be such as"),
        ("sk", "http://[::1", "the base URL must be such as https://api.evolink.ai; got 'http://[::1'"),
        ("sk", "http://x.test:abc", "the base URL must be such as"),
        ("sk", "http://x.test:99999", "the base URL must be such as"),
        ("sk", "http://x.test:٣", "the base URL must be such as"),
        ("sk", "http://x\ty.test", "the base URL must be such as"),
        ("sk", "http://x y.test", "the base URL must be such as"),
        ("sk", "http://x.test/a\n", "the base URL must be such as"),
        ("sk", "http://xn--..", "the base URL must be such as"),
        ("sk", "http://x.test/\udcff", "the base URL must be such as"),
        ("sk", "http://x.test/" + "x" * 70_000, "the base URL must be such as"),
    ],
)
def test_a_client_without_a_key_or_an_address_is_not_made(key: str, url: str | None, says: str) -> None:
    with pytest.raises(NotConfigured) as error:
        EvolinkClient(key, url)
    assert says in str(error.value)
    assert "secret" not in str(error.value)
    assert len(str(error.value)) < 200


def test_an_empty_base_url_is_an_argument_and_an_empty_variable_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVOLINK_BASE_URL", "http://127.0.0.1:9")
    with pytest.raises(NotConfigured, match="the base URL is empty"):
        EvolinkClient("sk", "")
    with pytest.raises(NotConfigured, match="the base URL is empty"):
        AsyncEvolinkClient("sk", "")
    monkeypatch.setenv("EVOLINK_BASE_URL", "")
    with EvolinkClient("sk") as client:
        assert repr(client) == "EvolinkClient(base_url='https://api.evolink.ai')"


def test_the_environment_is_asked_for_what_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVOLINK_API_KEY", "sk-of-the-environment")
    monkeypatch.setenv("EVOLINK_BASE_URL", "http://127.0.0.1:9/")
    with EvolinkClient(retries=evolink_client.Retries(attempts=1)) as client:
        assert repr(client) == "EvolinkClient(base_url='http://127.0.0.1:9')"
        with pytest.raises(ConnectionFailed) as error:
            client.credits()
    assert "sk-of-the-environment" not in f"{error.value!r} {error.value} {vars(client)}"


def test_a_redirect_and_an_endless_answer_are_named() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/credits":
            return httpx.Response(302, headers={"location": "https://elsewhere.example/"})
        return httpx.Response(200, content=b"x" * 5_000_000)

    with EvolinkClient("sk", "http://x.test", http={"transport": httpx.MockTransport(answer)}) as client:
        with pytest.raises(UnexpectedAnswer, match=r"neither answered nor refused \(status 302\)"):
            client.credits()
        with pytest.raises(UnexpectedAnswer, match="has more than 4194304 bytes"):
            client.tasks.get("task-unified-1-aaaaaaaa")


def run(scene: Callable[[AsyncEvolinkClient], Coroutine[Any, Any, Value]], **given: Any) -> Value:
    """A scene with an asynchronous client over a real socket, on an automatic clock."""

    async def body(url: str) -> Value:
        async def no_sleep(seconds: float) -> None:
            await asyncio.sleep(0)

        async with AsyncEvolinkClient(KEY, url, sleep=no_sleep, **given) as client:
            return await scene(client)

    with Server("--clock", "auto") as server:
        return asyncio.run(body(server.url))


def test_the_asynchronous_client_does_the_same(tmp_path: Path) -> None:
    async def scene(client: AsyncEvolinkClient) -> None:
        task = await client.videos.create("A cat playing piano", IMAGE, duration=5)
        assert (await client.tasks.get(task.id)).id == task.id
        video = await client.tasks.wait(task.id)
        assert await video.download(tmp_path / "cat.mp4") == (tmp_path / "cat.mp4").stat().st_size
        assert (await client.credits()).user.used_credits == 11.9
        failing = await client.videos.create("A cat [[mock: fail=service_error]]", IMAGE)
        with pytest.raises(TaskFailed, match="try again after 30 to 60 seconds"):
            await client.tasks.wait(failing.id)
        lost = await client.videos.create("A cat [[mock: create=commit_then_drop; times=1]]", IMAGE)
        assert lost.replayed
        with pytest.raises(InvalidRequest):
            await client.videos.create("A cat", IMAGE, duration=99)

    run(scene, retry_creates=True)

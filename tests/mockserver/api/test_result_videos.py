"""Result links: valid for 24 hours after completion, whole or in parts, and not guessable."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolink_mock import scratch_file
from evolink_mock.media import encoder
from evolink_mock.media.frame_size import Size
from evolink_mock.media.video import Video
from tests.support.emulator import Emulator
from tests.support.media.video_decoder import decode


@pytest.fixture
def best() -> Iterator[Emulator]:
    """An emulator as it is by default, whose videos are encoded."""
    with Emulator.in_process(result_video="best") as emulator:
        yield emulator


def finished(emulator: Emulator, **fields: Any) -> str:
    task = emulator.create(**fields)
    emulator.advance("10s")
    return str(emulator.query(task).json()["results"][0])


def test_get_and_head_serve_a_video_without_a_key(emulator: Emulator) -> None:
    link = finished(emulator)
    video = emulator.client.get(link)
    assert video.headers["content-type"] == "video/mp4"
    assert video.content[4:8] == b"ftyp"
    head = emulator.client.head(link)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(video.content))


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({}, (1280, 720, 5.0)),
        ({"quality": "1080p", "duration": 2}, (1920, 1080, 2.0)),
        pytest.param({"duration": 15}, (1280, 720, 15.0), marks=pytest.mark.slow),
    ],
)
def test_the_video_has_the_requested_size_and_duration(
    best: Emulator, fields: dict[str, Any], shown: tuple[int, int, float]
) -> None:
    found = decode(best.client.get(finished(best, **fields)).content)
    assert (found.width, found.height, found.seconds) == shown


def test_the_video_has_the_actual_duration(best: Emulator) -> None:
    task = best.create("actual_duration=3s", duration=10)
    best.advance("10s")
    found = decode(best.client.get(best.query(task).json()["results"][0]).content)
    assert found.seconds == 3.0


def test_the_same_seed_gives_the_same_bytes() -> None:
    made = []
    for _ in range(2):
        with Emulator.in_process(result_video="best") as emulator:
            answer = emulator.client.get(finished(emulator))
            made.append((answer.content, answer.headers["etag"]))
    assert made[0] == made[1]


def test_each_part_is_that_of_the_whole(emulator: Emulator) -> None:
    link = finished(emulator)
    whole = emulator.client.get(link)
    assert whole.headers["accept-ranges"] == "bytes"
    size = len(whole.content)

    @given(st.integers(0, size + 50), st.integers(0, size + 50) | st.none())
    @settings(max_examples=40, deadline=None)
    def each(first: int, last: int | None) -> None:
        asked = f"bytes={first}-{'' if last is None else last}"
        part = emulator.client.get(link, headers={"range": asked})
        if last is not None and last < first:
            assert (part.status_code, part.content) == (200, whole.content)
        elif first >= size:
            assert (part.status_code, part.headers["content-range"]) == (416, f"bytes */{size}")
        else:
            stop = size if last is None else min(last + 1, size)
            assert (part.status_code, part.content) == (206, whole.content[first:stop])
            assert part.headers["content-range"] == f"bytes {first}-{stop - 1}/{size}"
            assert part.headers["content-length"] == str(stop - first)
            assert part.headers["etag"] == whole.headers["etag"]

    each()


def test_a_matching_entity_tag_gets_a_304(emulator: Emulator) -> None:
    link = finished(emulator)
    etag = emulator.client.get(link).headers["etag"]
    same = emulator.client.get(link, headers={"if-none-match": etag})
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", etag)
    assert "content-length" not in same.headers
    changed = emulator.client.get(link, headers={"range": "bytes=0-3", "if-range": '"another"'})
    assert changed.status_code == 200
    assert emulator.client.get(link, headers={"range": "bytes=4-7", "if-range": etag}).content == b"ftyp"


def test_head_ignores_ranges(emulator: Emulator) -> None:
    head = emulator.client.head(finished(emulator), headers={"range": "bytes=0-3"})
    assert (head.status_code, int(head.headers["content-length"]) > 4) == (200, True)


def test_pages_of_any_origin_can_show_a_video(emulator: Emulator) -> None:
    link = finished(emulator)
    answer = emulator.client.get(link, headers={"origin": "https://app.example.com"})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "content-range" in answer.headers["access-control-expose-headers"]
    task = link.rpartition("/")[2]
    assert answer.headers["content-disposition"] == f'inline; filename="{task}"'
    asked = emulator.client.options(link, headers={"access-control-request-headers": "range"})
    assert (asked.status_code, asked.headers["access-control-allow-headers"]) == (204, "range, if-range")


def test_links_expire_24_hours_after_completion(emulator: Emulator) -> None:
    link = finished(emulator)
    emulator.advance("23h")
    emulator.advance("3599s")
    assert emulator.client.get(link).status_code == 200
    emulator.advance("1s")
    expired = emulator.client.get(link)
    assert expired.status_code == 404
    assert expired.json()["error"]["code"] == "link_expired"


def test_a_link_works_neither_before_completion_nor_when_guessed(emulator: Emulator) -> None:
    link = finished(emulator)
    unfinished = emulator.create()
    known = emulator.client.get(link).request.url
    path = urlsplit(str(known)).path
    token = path.split("/")[2]
    for guess in (f"/media/{token}/{unfinished}.mp4", f"/media/{token}/x.mp4", f"/media/{'0' * 24}/x.mp4"):
        response = emulator.client.get(guess)
        assert response.status_code == 404
        assert response.json()["error"]["code"] == "not_found"


def test_links_do_not_contain_the_key_and_end_with_a_reset(emulator: Emulator) -> None:
    link = finished(emulator)
    assert emulator.key not in link
    emulator.control("worlds", {"reset": True})
    again = finished(emulator)
    assert again != link
    assert emulator.client.get(link).status_code == 404
    assert emulator.client.get(again).status_code == 200


def test_links_begin_with_the_public_url() -> None:
    with Emulator.in_process(public_url="https://videos.example") as emulator:
        assert finished(emulator).startswith("https://videos.example/media/")


def test_a_video_is_the_same_where_no_directory_can_be_written_to(monkeypatch: pytest.MonkeyPatch) -> None:
    video = Video("task-1", Size(320, 180), 500_000)
    expected = encoder.encode(video, lambda _: None)

    def no_directory(**_: object) -> None:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(scratch_file, "TemporaryDirectory", no_directory)
    assert encoder.encode(video, lambda _: None) == expected

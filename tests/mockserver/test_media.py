"""Result links: a clip for 24 hours after completion, and nothing before, after, or for a guess."""

from urllib.parse import urlsplit

from support import Emulator


def finished(emulator: Emulator) -> str:
    task = emulator.create()
    emulator.advance("10s")
    return str(emulator.query(task).json()["results"][0])


def test_get_and_head_answer_a_clip_without_a_key(emulator: Emulator) -> None:
    link = finished(emulator)
    video = emulator.client.get(link)
    assert video.headers["content-type"] == "video/mp4"
    assert video.content[4:8] == b"ftyp"
    head = emulator.client.head(link)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(video.content))


def test_links_die_24_hours_after_completion(emulator: Emulator) -> None:
    link = finished(emulator)
    emulator.advance("23h")
    emulator.advance("3599s")
    assert emulator.client.get(link).status_code == 200
    emulator.advance("1s")
    expired = emulator.client.get(link)
    assert expired.status_code == 404
    assert expired.json()["error"]["code"] == "link_expired"


def test_a_link_never_works_before_completion_or_for_a_guess(emulator: Emulator) -> None:
    link = finished(emulator)
    unfinished = emulator.create()
    known = emulator.client.get(link).request.url
    path = urlsplit(str(known)).path
    token = path.split("/")[2]
    for guess in (f"/media/{token}/{unfinished}.mp4", f"/media/{token}/x.mp4", f"/media/{'0' * 24}/x.mp4"):
        response = emulator.client.get(guess)
        assert response.status_code == 404
        assert response.json()["error"]["code"] == "not_found"


def test_links_carry_neither_the_key_nor_survive_a_reset(emulator: Emulator) -> None:
    link = finished(emulator)
    assert emulator.key not in link
    emulator.control("worlds", {"reset": True})
    again = finished(emulator)
    assert again != link
    assert emulator.client.get(link).status_code == 404
    assert emulator.client.get(again).status_code == 200


def test_the_public_url_is_what_links_begin_with() -> None:
    with Emulator.in_process(public_url="https://videos.example") as emulator:
        assert finished(emulator).startswith("https://videos.example/media/")

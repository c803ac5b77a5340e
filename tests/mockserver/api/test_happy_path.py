"""Happy path: create, query, download."""

from tests.support.emulator import DOCUMENTED, Emulator


def test_a_task_goes_from_pending_to_processing_to_completed(emulator: Emulator) -> None:
    created = emulator.post(DOCUMENTED)
    task = created.json()["id"]

    seen = []
    for _ in range(12):
        body = emulator.query(task).json()
        seen.append((body["status"], body["progress"]))
        emulator.advance("1s")

    statuses = [status for status, _ in seen]
    assert sorted(set(statuses), key=statuses.index) == ["pending", "processing", "completed"]
    assert [progress for _, progress in seen] == sorted(progress for _, progress in seen)
    assert seen[-1] == ("completed", 100)
    video = emulator.client.get(emulator.query(task).json()["results"][0])
    assert video.status_code == 200
    assert video.content[4:8] == b"ftyp"

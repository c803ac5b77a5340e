"""One world for each API key, separate from all others, and limited in number."""

from concurrent.futures import ThreadPoolExecutor

from tests.support.emulator import DOCUMENTED, Emulator


def test_keys_see_only_their_own_tasks(emulator: Emulator) -> None:
    other = emulator.as_key("sk-other")
    mine, theirs = emulator.create(), other.create()
    emulator.advance("10s")
    assert mine != theirs
    assert emulator.query(theirs).status_code == other.query(mine).status_code == 403
    assert other.query(theirs).json()["status"] == "pending"
    assert [task["id"] for task in emulator.control("tasks")["tasks"]] == [mine]
    assert emulator.request("GET", f"/__mock/tasks/{theirs}").status_code == 404


def test_a_reset_clears_one_world_only(emulator: Emulator) -> None:
    other = emulator.as_key("sk-other")
    mine, theirs = emulator.create(), other.create()
    emulator.advance("5s")
    (world,) = emulator.control("worlds", {"reset": True})["worlds"]
    assert (world["tasks"], world["generation"], world["clock"]["now"]) == (0, 1, 1757169743.0)
    assert emulator.query(mine).status_code == 404
    assert other.query(theirs).status_code == 200
    assert [row["event"] for row in emulator.control("events")["rows"]] == ["world.reset"]


def test_after_a_reset_the_same_requests_get_the_same_ids(emulator: Emulator) -> None:
    first = [emulator.create() for _ in range(3)]
    emulator.control("worlds", {"reset": True})
    assert [emulator.create() for _ in range(3)] == first


def test_a_reseed_changes_later_draws_and_loses_no_task(emulator: Emulator) -> None:
    ids = {emulator.create()}
    for seed in (7, 0, 7, 0):
        emulator.control("worlds", {"seed": seed})
        ids |= {emulator.create(), emulator.create()}
    assert len(ids) == 9
    assert all(emulator.query(task).status_code == 200 for task in ids)


def test_all_worlds_are_listed_without_their_keys(emulator: Emulator) -> None:
    emulator.as_key("sk-a-very-secret-key").create()
    response = emulator.request("GET", "/__mock/worlds?all=true")
    assert [world["key"] for world in response.json()["worlds"]] == ["sk-a…key"]
    assert "very-secret" not in response.text


def test_worlds_are_limited_and_idle_ones_are_evicted_first() -> None:
    with Emulator.in_process(world_limit=3) as emulator:
        busy = emulator.as_key("sk-busy")
        task = busy.create()
        for number in range(10):
            emulator.as_key(f"sk-idle-{number}").request("GET", "/v1/credits")
        assert busy.query(task).status_code == 200
        health = emulator.client.get("/__mock/health").json()
        assert (health["worlds"], health["worlds_evicted"]) == (3, 8)


def test_tasks_of_a_key_are_limited() -> None:
    with Emulator.in_process(task_limit=2) as emulator:
        tasks = [emulator.create(), emulator.create()]
        refused = emulator.post(DOCUMENTED)
        assert refused.status_code == 429
        assert "task_limit" in refused.json()["error"]["message"]
        assert all(emulator.query(task).status_code == 200 for task in tasks)


def test_concurrent_keys_never_mix(emulator: Emulator) -> None:
    def live(number: int) -> bool:
        own = emulator.as_key(f"sk-parallel-{number}")
        tasks = [own.create() for _ in range(5)]
        own.advance(f"{number}s")
        listed = {task["id"] for task in own.control("tasks")["tasks"]}
        return listed == set(tasks) and own.control("clock")["now"] == 1757169743.0 + number

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(live, range(32)))


def test_resets_of_one_world_do_not_disturb_another(emulator: Emulator) -> None:
    steady, restless = emulator.as_key("sk-steady"), emulator.as_key("sk-restless")
    tasks = []
    for _ in range(20):
        tasks.append(steady.create())
        restless.create()
        restless.control("worlds", {"reset": True})
    assert all(steady.query(task).status_code == 200 for task in tasks)


def test_changes_to_worlds_are_validated(emulator: Emulator) -> None:
    changes: list[object] = [{}, {"reset": False}, {"seed": -1}, {"seed": 2**63}, {"seed": "7"}, {"rest": True}, []]
    for change in changes:
        assert emulator.request("POST", "/__mock/worlds", json=change).status_code == 400

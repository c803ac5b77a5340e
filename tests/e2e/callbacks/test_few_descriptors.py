"""With few descriptors no callback is given up, and calls from outside are answered."""

import threading

import httpx

from tests.support.emulator import DOCUMENTED, bearer
from tests.support.receivers import HOST, Received, Receiver
from tests.support.server_process import Server

COUNT = 60


def test_callbacks_at_a_slow_receiver_all_arrive_with_64_descriptors() -> None:
    over = threading.Event()

    def slowly(received: Received) -> int:
        over.wait(0.5)
        return 200

    options = ("--generation-time", "10ms", "--log-level", "warning")
    with Receiver(slowly) as receiver, Server(*options, "--forward-to", receiver.place, descriptors=64) as server:
        server.create_many("sk-few", COUNT, callback_url=f"https://{HOST}/hook")
        while len(receiver.received) < COUNT:
            # Each over a connection of its own.
            assert httpx.get(f"{server.url}/__mock/health").status_code == 200
        url = f"{server.url}/__mock/deliveries?limit=1000&status=delivered"
        with httpx.Client(headers=bearer("sk-few"), timeout=30) as client:
            tasks = [row["id"] for row in client.get(f"{server.url}/__mock/tasks?limit=1000").json()["tasks"]]
            for task in tasks:
                client.get(f"{server.url}/__mock/deliveries?task={task}&status=ended&wait=20s")
            rows = client.get(url).json()["deliveries"]
        assert len(rows) == COUNT
        assert [len(row["attempts"]) for row in rows] == [1] * COUNT
        assert "Too many open files" not in server.output


def test_connections_that_are_held_leave_descriptors_for_callbacks() -> None:
    options = ("--generation-time", "1s")
    with Receiver(200) as receiver, Server(*options, "--forward-to", receiver.place, descriptors=64) as server:
        task = httpx.post(
            f"{server.url}/v1/videos/generations",
            json=DOCUMENTED | {"callback_url": f"https://{HOST}/hook", "prompt": "p"},
            headers=bearer("sk-few"),
        )
        assert task.status_code == 200, task.text
        with httpx.Client(base_url=server.url) as client:
            held = [httpx.Client(base_url=server.url) for _ in range(100)]
            answered = 0
            for each in held:
                try:
                    answered += each.get("/__mock/health").status_code == 200
                except httpx.TransportError:
                    break
            receiver.wait_for(1)
            for each in held:
                each.close()
            assert 10 <= answered < 64
            assert client.get("/__mock/health").status_code == 200

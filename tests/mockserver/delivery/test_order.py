"""The scenario delivery=out_of_order: a callback waits for that of a later task, and for nothing else."""

from tests.support.webhook_receiver import CALLBACK_URL, ENDS, WebhookReceiver, connected


def instants(hook: WebhookReceiver) -> list[float]:
    """When callbacks arrived, in seconds from the end of a task that was created at once."""
    return [arrival.at - ENDS for arrival in hook.arrivals]


def test_out_of_order_arrives_after_the_callback_of_a_later_task() -> None:
    hook = WebhookReceiver()
    with connected(hook) as emulator:
        early = emulator.create("delivery=out_of_order", callback_url=CALLBACK_URL)
        emulator.advance("5s")
        late = emulator.create(callback_url=CALLBACK_URL)
        emulator.advance("1h")
    assert hook.tasks == [late, early]
    assert instants(hook) == [5, 5]


def test_out_of_order_waits_30_s_without_a_later_task() -> None:
    hook = WebhookReceiver()
    with connected(hook) as emulator:
        emulator.create(callback_url=CALLBACK_URL)
        emulator.advance("1s")
        held = emulator.create("delivery=out_of_order", callback_url=CALLBACK_URL)
        emulator.advance("1h")
    assert hook.tasks[-1] == held
    assert instants(hook) == [0, 31]


def test_a_task_created_before_does_not_release_out_of_order_at_the_same_instant() -> None:
    hook = WebhookReceiver()
    with connected(hook) as emulator:
        early = emulator.create(callback_url=CALLBACK_URL)
        late = emulator.create("delivery=out_of_order", callback_url=CALLBACK_URL)
        emulator.advance("1h")
    assert hook.tasks == [early, late]
    assert instants(hook) == [0, 30]


def test_a_task_created_after_releases_out_of_order_at_the_same_instant() -> None:
    hook = WebhookReceiver()
    with connected(hook) as emulator:
        early = emulator.create("delivery=out_of_order", callback_url=CALLBACK_URL)
        late = emulator.create(callback_url=CALLBACK_URL)
        emulator.advance("1h")
    assert hook.tasks == [late, early]
    assert instants(hook) == [0, 0]


def test_a_replay_of_an_earlier_callback_does_not_release_out_of_order() -> None:
    hook = WebhookReceiver()
    with connected(hook) as emulator:
        emulator.create(callback_url=CALLBACK_URL)
        emulator.advance("1s")
        emulator.create("delivery=out_of_order", callback_url=CALLBACK_URL)
        emulator.advance("10s")
        emulator.control("deliveries/1/replay", {})
        emulator.advance("1h")
    assert instants(hook) == [0, 1, 31]


def test_a_failed_attempt_of_a_later_callback_releases_out_of_order() -> None:
    hook = WebhookReceiver(500, 200)
    with connected(hook) as emulator:
        early = emulator.create("delivery=out_of_order", callback_url=CALLBACK_URL)
        emulator.advance("5s")
        late = emulator.create(callback_url=CALLBACK_URL)
        emulator.advance("1h")
    assert hook.tasks == [late, early, late]
    assert instants(hook) == [5, 5, 6]


def test_a_callback_of_another_key_releases_nothing() -> None:
    hook = WebhookReceiver()
    with connected(hook) as emulator:
        emulator.create("delivery=out_of_order", callback_url=CALLBACK_URL)
        other = emulator.as_key("sk-other")
        other.create(callback_url=CALLBACK_URL)
        emulator.control("clock", {"advance": "11s"}, params={"all": "true"})
        assert len(hook.arrivals) == 1
        emulator.advance("1h")
    assert instants(hook)[-1] == 30

"""A callback that comes out of order waits for that of a later task, and for nothing else."""

from tests.support.webhook_receiver import ENDS, HOOK, Hook, connected


def instants(hook: Hook) -> list[float]:
    """When callbacks arrived, in seconds from the end of a task that was created at once."""
    return [arrival.at - ENDS for arrival in hook.arrivals]


def test_out_of_order_lets_the_later_task_be_first() -> None:
    hook = Hook()
    with connected(hook) as emulator:
        early = emulator.create("delivery=out_of_order", callback_url=HOOK)
        emulator.advance("5s")
        late = emulator.create(callback_url=HOOK)
        emulator.advance("1h")
    assert hook.tasks == [late, early]
    assert instants(hook) == [5, 5]


def test_out_of_order_waits_30_s_where_no_later_task_comes() -> None:
    hook = Hook()
    with connected(hook) as emulator:
        emulator.create(callback_url=HOOK)
        emulator.advance("1s")
        held = emulator.create("delivery=out_of_order", callback_url=HOOK)
        emulator.advance("1h")
    assert hook.tasks[-1] == held
    assert instants(hook) == [0, 31]


def test_out_of_order_is_not_let_go_by_a_task_that_was_created_before_and_ends_at_the_same_time() -> None:
    hook = Hook()
    with connected(hook) as emulator:
        early = emulator.create(callback_url=HOOK)
        late = emulator.create("delivery=out_of_order", callback_url=HOOK)
        emulator.advance("1h")
    assert hook.tasks == [early, late]
    assert instants(hook) == [0, 30]


def test_out_of_order_is_let_go_by_a_task_that_was_created_after_and_ends_at_the_same_time() -> None:
    hook = Hook()
    with connected(hook) as emulator:
        early = emulator.create("delivery=out_of_order", callback_url=HOOK)
        late = emulator.create(callback_url=HOOK)
        emulator.advance("1h")
    assert hook.tasks == [late, early]
    assert instants(hook) == [0, 0]


def test_out_of_order_is_not_let_go_by_an_earlier_callback_that_is_sent_again() -> None:
    hook = Hook()
    with connected(hook) as emulator:
        emulator.create(callback_url=HOOK)
        emulator.advance("1s")
        emulator.create("delivery=out_of_order", callback_url=HOOK)
        emulator.advance("10s")
        emulator.control("deliveries/1/replay", {})
        emulator.advance("1h")
    assert instants(hook) == [0, 1, 31]


def test_a_later_callback_that_fails_has_been_sent_all_the_same() -> None:
    hook = Hook(500, 200)
    with connected(hook) as emulator:
        early = emulator.create("delivery=out_of_order", callback_url=HOOK)
        emulator.advance("5s")
        late = emulator.create(callback_url=HOOK)
        emulator.advance("1h")
    assert hook.tasks == [late, early, late]
    assert instants(hook) == [5, 5, 6]


def test_another_key_s_callback_lets_nothing_go() -> None:
    hook = Hook()
    with connected(hook) as emulator:
        emulator.create("delivery=out_of_order", callback_url=HOOK)
        stranger = emulator.as_key("sk-stranger")
        stranger.create(callback_url=HOOK)
        emulator.control("clock", {"advance": "11s"}, params={"all": "true"})
        assert len(hook.arrivals) == 1
        emulator.advance("1h")
    assert instants(hook)[-1] == 30

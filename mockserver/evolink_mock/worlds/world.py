"""World: the tenant of one API key, with its own clock, seed, tasks, credits, callbacks and journal."""

import logging

from evolink_mock.clock import STILL_QUERIES, Clock, ManualClock, unix_micros, yield_to_loop
from evolink_mock.core.billing import Ledger
from evolink_mock.core.delivery import Delivery
from evolink_mock.core.duration import Micros
from evolink_mock.core.grant import Grant
from evolink_mock.core.lifecycle import state_of
from evolink_mock.core.redaction import key_digest
from evolink_mock.core.seed import derive_seed, world_token
from evolink_mock.core.task import State, Task, Units, to_credits
from evolink_mock.scenarios.state import ScenarioState
from evolink_mock.worlds.account import Account
from evolink_mock.worlds.config import WorldConfig
from evolink_mock.worlds.journal import InboxEntry, Journal, WorldEvent, size_of_event, size_of_inbox_entry
from evolink_mock.worlds.log import Log
from evolink_mock.worlds.outbox import DeliveryQueue, Outbox
from evolink_mock.worlds.ready_queue import ReadyQueue
from evolink_mock.worlds.slices import VIEW_SLICE
from evolink_mock.worlds.snapshot import SavedWorld
from evolink_mock.worlds.storage.rollback import AppliedTransitions, carry_over, events_of_results
from evolink_mock.worlds.store import MemoryStore, Store, Transaction
from evolink_mock.worlds.tasks import Records, Tasks
from evolink_mock.worlds.uploads import Uploads
from evolink_mock.worlds.view import WorldView

log = logging.getLogger("evolink_mock")

_SAVED_AFTER = (1 << 19) - 1
"""Requests after which their number is saved, if nothing else was; a mask."""
_UNSAVED_REQUESTS = 1 << 20
"""More than there may have been since the last time that their number was saved, so that no request id comes twice."""


class World:
    """Everything one API key can see or change. Credits, events and deliveries are read from `view` alone."""

    def __init__(
        self,
        key: str,
        config: WorldConfig,
        grant: Grant,
        epoch: int = 0,
        saved: SavedWorld | None = None,
        requests: int = 0,
    ) -> None:
        self.key = key
        self.id = key_digest(key) if key else None
        """Eight hexadecimal digits; the world of requests without a key has none."""
        self.config = config
        self.grant = grant
        self.epoch = epoch
        self.journal = Journal(config.journal_limit, config.log_budget)
        self.inbox: Log[InboxEntry] = Log(config.journal_limit, size_of_inbox_entry, config.log_budget)
        self._events: Log[WorldEvent] = Log(config.journal_limit, size_of_event, config.log_budget)
        self._saved_events = 0
        """The number of the newest event when all changes were stored last."""
        self.registration = config.ready_queue.register(self)
        self._begin(config.server_seed if saved is None else saved.server_seed, saved)
        self._requests += requests

    def _begin(
        self, server_seed: int, saved: SavedWorld | None = None, applied: AppliedTransitions | None = None
    ) -> None:
        config, balance = self.config, self.grant.balance
        self.server_seed = server_seed
        self.seed = derive_seed(server_seed, self.key)
        self.token = world_token(self.seed, self.epoch) if saved is None else saved.token
        self.clock: Clock = config.make_clock() if saved is None else config.resume(saved)
        self.scenarios = ScenarioState(
            self.key, self.seed, self.grant.scenario, self._mark_dirty, None if saved is None else saved.scenarios
        )
        self.uploads = Uploads(self.key, config.owners)
        self._requests = 0
        self._own_balance = False
        self._is_changed = saved is not None and saved.is_changed(config.server_seed, config.make_clock().now())
        store = config.backend.store(self.key, self, anew=saved is None)
        if saved is None:
            self._open(store, Ledger(balance))
            return
        self._requests = saved.requests + _UNSAVED_REQUESTS
        self._own_balance = saved.own_balance
        ledger = Ledger(saved.balance if saved.own_balance else balance, saved.reserved, saved.spent)
        self._open(store, ledger, saved.last_delivery, saved.created)
        self.tasks.take_up(self.clock.now(), applied)

    def _open(self, store: Store, ledger: Ledger, last_delivery: int = 0, created: int = 0) -> None:
        """Keep all that changes in a store from now on."""
        self._store = store
        self._account = Account(ledger, store.mark_dirty, self.config.behaviour.settle)
        self._outbox = Outbox(store, self.config.delivery_limit, self.registration, last_delivery)
        records = Records(store, self._outbox, self._events, self._account)
        self.tasks = Tasks(self.key, self.config, self.grant, self.seed, records, self.clock.now(), created)

    def save(self) -> SavedWorld:
        """All that has to be known beside the rows of the store to go on from here."""
        ledger, clock = self._account.ledger, self.clock
        return SavedWorld(
            self.epoch,
            self.token,
            self.server_seed,
            self.tasks.created,
            self._requests,
            self._outbox.last,
            ledger.reserved,
            ledger.spent,
            self.config.mode,
            self.config.speed,
            clock.mode,
            clock.speed or 1.0,
            clock.now(),
            unix_micros(),
            self.scenarios.snapshot(),
            ledger.balance,
            self._own_balance,
        )

    def _mark_dirty(self) -> None:
        """Record a change of the clock, the seed or the scenarios."""
        self._is_changed = True
        self._store.mark_dirty()

    def transaction(self) -> Transaction:
        """A `with` block at whose end the world's changes are kept, before anything outside can see them."""
        return Transaction(self.config.backend)

    def mark_saved(self) -> None:
        """Record that all changes so far are stored."""
        self._saved_events = self._events.last

    def roll_back(self, saved: SavedWorld | None) -> None:
        """Go back to what is stored, but for what has left the process: request ids, and the results of attempts."""
        undone = self._events.truncate(self._saved_events)
        clock, outbox, store, tasks = self.clock, self._outbox, self._store, self.tasks
        requests, uploads = self._requests, self.uploads
        outbox.close()
        tasks.close()
        self.epoch = self.epoch if saved is None else saved.epoch
        seed = self.server_seed if saved is None else saved.server_seed
        self._begin(seed, saved, AppliedTransitions(self._events))
        self._requests, self.uploads = requests, uploads
        self.tasks.idempotency.take_over(tasks.idempotency)
        if (clock.mode, clock.speed) == (self.clock.mode, self.clock.speed) and (
            clock.speed or clock.now() == self.clock.now()
        ):
            self.clock = clock  # Requests may be waiting for it.
        if saved is not None:
            for event in events_of_results(undone, carry_over(outbox, store, self._outbox)):
                self._events.append(event)

    # Reading

    def view(self, now: Micros | None = None) -> WorldView:
        """Credits, events and deliveries, after everything due by `now` was applied."""
        now = self.clock.now() if now is None else now
        self.tasks.apply_due(now)
        return WorldView(now, self._account.ledger, self._events, self._outbox, self._store.transitions)

    async def settled_view(self) -> WorldView:
        """The same, giving other requests a turn where much is due."""
        while self.tasks.apply_due(self.clock.now(), VIEW_SLICE):
            await yield_to_loop()
        return self.view()

    @property
    def outbox(self) -> DeliveryQueue:
        """The deliveries, for those who send them."""
        return self._outbox

    @property
    def holds_nothing(self) -> bool:
        """Whether a new world of the key would be the same: without tasks, files, own credits, clock and scenarios."""
        ledger = self._account.ledger
        return not (
            self.tasks.created
            or self._is_changed
            or self._own_balance
            or ledger.spent
            or ledger.reserved
            or self._outbox.last
            or self.uploads.count
        )

    def may_use(self, model: str) -> bool:
        return self.grant.models is None or model in self.grant.models

    def observe(self, name: str, task: Task, now: Micros) -> State:
        """The state of a task; on an automatic clock, a query of an unfinished one brings on the next event.

        On a manual clock, queries that wait for nothing are warned of.
        """
        state = state_of(task, now)
        if state.ended is None and isinstance(self.clock, ManualClock) and not task.plan.queries_to_end:
            if self.clock.mode == "auto":
                return state_of(task, self.advance_to_next_event())
            if self.clock.count_query(name) == STILL_QUERIES:
                log.warning(
                    "%d queries of %s while the manual clock stands still: advance it, by POST /__mock/clock "
                    '{"advance": "7s"}, in a test by evolink_mock.advance(7) or by the client evolink_mock.evolink',
                    STILL_QUERIES,
                    name,
                )
        return state

    @property
    def requests(self) -> int:
        """The number of requests answered."""
        return self._requests

    def next_request_id(self) -> str:
        self._requests = number = self._requests + 1
        if not number & _SAVED_AFTER:
            self._store.mark_dirty()
        return self.config.behaviour.request_id(self.seed, number)

    # Time

    def move_clock(self, to: Micros) -> None:
        """Let simulated time pass, forward only. What falls due on the way is applied by the next view."""
        self.clock.move_to(to)
        self._mark_dirty()

    def advance_to_next_event(self) -> Micros:
        """Move the clock to the next event, if there is one; what it reads then. No time passes during an attempt."""
        if not self._outbox.under_way and (due := self.view().next_event()) is not None:
            self.move_clock(due)
            self.tasks.apply_due(due)
            self.registration.enqueue()
        return self.clock.now()

    def change_clock(self, clock: Clock) -> None:
        """Go on by another clock."""
        self.clock = clock
        self._mark_dirty()
        self.registration.enqueue()
        self.record_event("clock.mode", clock.mode)

    # Changes

    def record_event(self, event: str, detail: str | None = None, task: str | None = None) -> None:
        """Add what was done to the world to its events, after all that happened by itself before."""
        now = self.clock.now()
        self.tasks.apply_due(now)
        self._events.append(WorldEvent(now, event, task, detail))

    def keep_delivery(self, number: int, delivery: Delivery, event: WorldEvent) -> None:
        """Keep a delivery after an attempt, or after the decision to make none, and its event."""
        self._outbox.keep(number, delivery)
        if delivery.attempts:
            self._outbox.release_overtaken(number, event.at)
        self._events.append(event)

    def charge(self, units: Units) -> None:
        """Charge credits that no task reserved."""
        self._account.charge(units)

    def change_balance(self, ledger: Ledger) -> None:
        """Set or top up the credits, whatever the key was granted."""
        self._own_balance = True
        self._account.change(ledger)
        self.record_event("credits.changed", None if ledger.balance is None else str(to_credits(ledger.remaining)))

    def reseed(self, server_seed: int) -> None:
        """Draw the ids and outcomes of tasks to come from another seed; links already given stay valid."""
        self.server_seed = server_seed
        self.seed = self.scenarios.seed = self.tasks.seed = derive_seed(server_seed, self.key)
        self._mark_dirty()
        self.record_event("world.seeded", str(server_seed))

    def reset(self, server_seed: int | None = None) -> None:
        """Forget everything, start the clock anew, and invalidate every old link.

        Deliveries are numbered from 1 again; the rows of logs go on, so that a reader who follows one misses nothing.
        """
        self.epoch += 1
        self.journal.clear()
        self._events.clear()
        self.inbox.clear()
        self._outbox.close()
        self._disown()
        self._begin(self.server_seed if server_seed is None else server_seed)
        self.record_event("world.reset")

    def evict(self) -> None:
        """Empty the world for good: nothing that still happens in it lasts."""
        self.epoch = -1
        self.registration.remove()
        self.registration = ReadyQueue[World]().register(self)
        self._outbox.close()
        self._disown()
        self._open(MemoryStore(), Ledger(self.grant.balance), self._outbox.last, self.tasks.created)
        self.notify_all()

    def _disown(self) -> None:
        """Give up the tasks and files by whose ids the world is found."""
        self.tasks.close()
        self.uploads.close()

    def notify_all(self) -> None:
        """Wake everything that waits for something to happen here."""
        self.journal.changed.notify_all()
        self._events.changed.notify_all()
        self.inbox.changed.notify_all()
        self._outbox.changed.notify_all()

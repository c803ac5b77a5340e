"""Registry of the worlds of one emulator, by key and by link token, limited in number (least recently used)."""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import suppress

from evolink_mock.core.grant import Grant
from evolink_mock.worlds.config import WorldConfig
from evolink_mock.worlds.store import MemoryBackend, StorageError, Transaction
from evolink_mock.worlds.world import World

_REMEMBERED = 10
"""Evicted worlds whose epochs are remembered, for each world within the limit."""


class WorldRegistry:
    """At most `limit` worlds. For a new one the least recently used is evicted, idle ones first."""

    def __init__(self, config: WorldConfig, limit: int, grants: dict[str, Grant], default: Grant) -> None:
        self._config = config
        self._limit = limit
        self._grants = grants
        self._default = default
        self._worlds: OrderedDict[str, World] = OrderedDict()
        self._by_token: dict[str, World] = {}
        self._epochs: OrderedDict[str, int] = OrderedDict()
        """Epochs of worlds that were reset and then evicted, so that no link given before becomes valid again."""
        self.evicted = 0
        self._retired: dict[str, str] = {}
        """By key, the token before the last reset: it is valid again where the reset is undone."""
        self.anonymous = World("", config._replace(backend=MemoryBackend()), default)
        """The world of requests without a key."""
        for key, saved in config.backend.worlds():
            grant = grants.get(key, default)
            world = self._worlds[key] = World(key, config, grant, saved.epoch, saved)
            self._by_token[world.token] = world

    def transaction(self, *, undo: bool = True) -> Transaction:
        """A `with` block at whose end the changes of all worlds are kept, before anything outside can see them."""
        return Transaction(self._config.backend, undo=undo)

    def storage_failure(self) -> str:
        """The reason why nothing can be stored, after one more try; empty where everything can."""
        backend = self._config.backend
        if backend.failure:
            with suppress(StorageError):
                backend.commit()
        return backend.failure

    def get_or_create(self, key: str) -> World:
        """The world of a key, made on first use."""
        world = self._worlds.get(key)
        if world is None:
            if len(self._worlds) >= self._limit:
                self._evict()
            grant = self._grants.get(key, self._default)
            world = self._worlds[key] = World(key, self._config, grant, self._epochs.get(key, 0))
            self._by_token[world.token] = world
        else:
            self._worlds.move_to_end(key)
        return world

    def get(self, key: str) -> World | None:
        """The world of a key that has one already."""
        return self._worlds.get(key)

    def by_token(self, token: str) -> World | None:
        world = self._by_token.get(token)
        return world if world is not None and world.token == token else None

    def reset(self, world: World, server_seed: int | None = None) -> None:
        self._by_token.pop(self._retired.pop(world.key, ""), None)
        self._retired[world.key] = world.token
        world.reset(server_seed)
        self._by_token[world.token] = world

    def other_owner(self, task_id: str, but: World) -> World | None:
        """Another key's world that has the task and still answers queries of it."""
        return next(
            (world for world in self if world is not but and world.tasks.find(task_id, world.clock.now()) is not None),
            None,
        )

    def notify_all(self) -> None:
        """Wake everything that waits for something to happen in any world."""
        for world in (*self._worlds.values(), self.anonymous):
            world.notify_all()

    def _evict(self) -> None:
        idle = (key for key, world in self._worlds.items() if world.idle)
        key = next(idle, None) or next(iter(self._worlds))
        world = self._worlds.pop(key)
        self._by_token.pop(world.token, None)
        self._by_token.pop(self._retired.pop(key, ""), None)
        self._config.backend.forget(key)
        if world.epoch:
            self._epochs[key] = world.epoch
            if len(self._epochs) > _REMEMBERED * self._limit:
                self._epochs.popitem(last=False)
        world.evict()
        self.evicted += 1

    def __iter__(self) -> Iterator[World]:
        return iter(self._worlds.values())

    def __len__(self) -> int:
        return len(self._worlds)

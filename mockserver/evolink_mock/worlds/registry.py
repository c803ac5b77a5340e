"""Registry of the worlds of one emulator, by key, id and link token, limited in number."""

import logging
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import suppress

from evolink_mock.clock import monotonic
from evolink_mock.core.grant import Grant
from evolink_mock.core.redaction import masked_key
from evolink_mock.worlds.config import WorldConfig
from evolink_mock.worlds.store import MemoryBackend, StorageError, Transaction
from evolink_mock.worlds.world import World

log = logging.getLogger("evolink_mock")

_REMEMBERED = 10
"""Evicted worlds whose epochs are remembered, for each world within the limit."""
_PAUSE = 10.0
"""Seconds of wall time between two warnings of the same kind."""


class WorldLimitReached(Exception):
    """A new key has no room for a world; the message has the reason, and what to do."""


class WorldRegistry:
    """At most `limit` worlds. A new one takes the place of the least recently used that holds nothing."""

    def __init__(self, config: WorldConfig, limit: int, grants: dict[str, Grant], default: Grant) -> None:
        self._config = config
        self._limit = limit
        self._grants = grants
        self._default = default
        self._worlds: OrderedDict[str, World] = OrderedDict()
        self._by_token: dict[str, World] = {}
        self._by_id: dict[str | None, World] = {}
        self._remembered: OrderedDict[str, tuple[int, int]] = OrderedDict()
        """Epochs and requests of evicted worlds, so that no link given before becomes valid, and no id comes twice."""
        self.evicted = 0
        self._retired: dict[str, str] = {}
        """By key, the token before the last reset: it is valid again where the reset is undone."""
        self._warned_at = -_PAUSE
        self.anonymous = World("", config._replace(backend=MemoryBackend()), default)
        """The world of requests without a key."""
        for key, saved in config.backend.worlds():
            grant = grants.get(key, default)
            self._add(World(key, config, grant, saved.epoch, saved))

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
        """The world of a key, made on first use. Raises `WorldLimitReached`."""
        world = self._worlds.get(key)
        if world is None:
            if len(self._worlds) >= self._limit:
                self._make_room(key)
            grant = self._grants.get(key, self._default)
            epoch, requests = self._remembered.pop(key, (0, 0))
            world = World(key, self._config, grant, epoch, requests=requests)
            self._add(world)
        else:
            self._worlds.move_to_end(key)
        return world

    def _add(self, world: World) -> None:
        self._worlds[world.key] = self._by_token[world.token] = world
        self._by_id[world.id] = world

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

    def by_id(self, world_id: str) -> World | None:
        return self._by_id.get(world_id)

    def owner(self, name: str) -> World | None:
        """The world that has a task or an uploaded file."""
        key = self._config.owners.get(name)
        return None if key is None else self._worlds.get(key)

    def other_owner(self, task_id: str, but: World) -> World | None:
        """Another key's world that has the task and still answers queries of it."""
        world = self.owner(task_id)
        if world is None or world is but or world.tasks.find(task_id, world.clock.now()) is None:
            return None
        return world

    def notify_all(self) -> None:
        """Wake everything that waits for something to happen in any world."""
        for world in (*self._worlds.values(), self.anonymous):
            world.notify_all()

    def _make_room(self, key: str) -> None:
        """Evict the least recently used world that holds nothing. Raises `WorldLimitReached` where there is none."""
        empty = next((world for world in self._worlds.values() if world.holds_nothing), None)
        if empty is not None:
            self._evict(empty)
            return
        message = (
            f"This emulator keeps at most {self._limit} worlds, one for each key, and each of them has tasks, credits "
            "or settings (world_limit); reset those that are no longer needed, "
            'POST /__mock/worlds?world=ID {"reset": true}, or start the emulator with a greater world_limit'
        )
        if monotonic() - self._warned_at >= _PAUSE:
            self._warned_at = monotonic()
            log.warning("the key %s is refused: %s", masked_key(key), message)
        raise WorldLimitReached(message)

    def _evict(self, world: World) -> None:
        log.info("the world of %s has nothing, and makes room for another key (world_limit)", masked_key(world.key))
        del self._worlds[world.key]
        self._by_token.pop(world.token, None)
        self._by_token.pop(self._retired.pop(world.key, ""), None)
        self._by_id.pop(world.id, None)
        self._config.backend.forget(world.key)
        self._remembered[world.key] = world.epoch, world.requests
        if len(self._remembered) > _REMEMBERED * self._limit:
            self._remembered.popitem(last=False)
        world.evict()
        self.evicted += 1

    def __iter__(self) -> Iterator[World]:
        return iter(self._worlds.values())

    def __len__(self) -> int:
        return len(self._worlds)

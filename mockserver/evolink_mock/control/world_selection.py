"""World selection: the world that a control call acts on, by the API key that is sent or by the world's id."""

import re

from evolink_mock.api.auth import Unauthenticated, authenticate
from evolink_mock.api.responses import Result, error_control
from evolink_mock.core.redaction import key_digest, masked_key
from evolink_mock.settings.keys import AcceptedKeys
from evolink_mock.worlds.registry import WorldLimitReached, WorldRegistry
from evolink_mock.worlds.world import World

_WORLD_ID = re.compile("[0-9a-f]{8}")


def show_identity(world: World) -> dict[str, object]:
    """The members that name a world in JSON: its masked key, and its id, which differs from that of any other key."""
    return {"key": masked_key(world.key), "world": world.id}


class WorldSelector:
    """Finds worlds, and says why there is none."""

    def __init__(self, worlds: WorldRegistry, keys: AcceptedKeys) -> None:
        self._worlds = worlds
        self._keys = keys

    def select(self, authorization: bytes | None, world_id: str | None = None) -> World | Result:
        """The world with an id, else the one of the key; or the error response."""
        if world_id is not None:
            return self._by_id(world_id)
        key = authenticate(authorization, self._keys)
        if isinstance(key, Unauthenticated):
            return self._refusal(key)
        try:
            return self._worlds.get_or_create(key)
        except WorldLimitReached as reached:
            return error_control(429, "world_limit_reached", str(reached))

    def existing(self, authorization: bytes | None) -> World | None:
        """The world of the key, if there is one already."""
        key = authenticate(authorization, self._keys)
        return None if isinstance(key, Unauthenticated) else self._worlds.get(key)

    def _by_id(self, world_id: str) -> World | Result:
        if not _WORLD_ID.fullmatch(world_id):
            message = f"world must be eight hexadecimal digits, such as {key_digest('sk-local')}; got {world_id[:40]!r}"
            return error_control(400, "invalid_query", message)
        found = self._worlds.by_id(world_id)
        if found is None:
            message = f"No key has the world {world_id}; GET /__mock/worlds?all=true lists the worlds"
            return error_control(404, "world_not_found", message)
        return found

    def _refusal(self, reason: Unauthenticated) -> Result:
        match reason.cause:
            case "refused":
                return error_control(401, "key_refused", self._keys.refusal(reason.key))
            case "malformed":
                message = "The Authorization header is not of the form Bearer KEY, so it names no world"
                return error_control(401, "world_required", message)
            case "missing":
                message = (
                    "No key was sent: send Authorization: Bearer KEY, the API key of the world. "
                    "?world=ID or ?all=true selects worlds without a key"
                )
                return error_control(401, "world_required", message)
